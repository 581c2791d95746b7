/** The choice of the language: the browser's first, or the one that the user has chosen here. */
import { keep, kept } from "./browser_storage.js";
import { $, element } from "./element.js";
import { LANGUAGES, use } from "./language.js";

/** Returns the languages that the user wants, the first one most. */
export const languages = () => [kept("language"), ...navigator.languages].filter(Boolean);

/** Offers all languages, each by its own name. */
export function chooser(used) {
  const select = $("language");
  const name = (code) => new Intl.DisplayNames(code, { type: "language" }).of(code);
  select.replaceChildren(...LANGUAGES.map((code) => element("option", { value: code, lang: code }, name(code))));
  select.value = used;
  select.onchange = () => {
    keep("language", select.value);
    use([select.value]);
  };
}
