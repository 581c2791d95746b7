/** Buttons that copy the text before them to the clipboard. */
import { element, phrase, write } from "./element.js";
import { label, put, say } from "./language.js";

const NAMES = { code: "copy-code", link: "copy-link", command: "copy-command" };

/** Has a button copy the text before it: a `code`, `link` or `command`. */
export function copies(button, what) {
  label(button, () => say(NAMES[what]));
  const text = button.previousElementSibling;
  button.onclick = async () => {
    getSelection().selectAllChildren(text);
    // Pages without https have no clipboard API.
    await (navigator.clipboard?.writeText(text.textContent) ?? document.execCommand("copy"));
    write("said", "");
    put(document.getElementById("said"), "copied-text", { text: text.textContent });
    put(button, "copied");
    setTimeout(put, 2000, button, "copy");
  };
}

/** Returns a text with such a button. */
export function copied(text, what) {
  const button = phrase("button", { type: "button" }, "copy");
  const bar = element("div", { className: "bar" }, element("code", { "data-is": what }, text), button);
  copies(button, what);
  return bar;
}

for (const button of document.querySelectorAll("[data-copies]")) copies(button, button.dataset.copies);
