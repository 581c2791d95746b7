/** The language of the page: its texts, numbers and direction. English is the one for everything missing. */
import english from "./texts/en.js";

/** Languages beside English, each in its own file, which loads only where it is used. */
const OTHERS = { de: () => import("./texts/de.js") };

export const LANGUAGES = ["en", ...Object.keys(OTHERS)];

let texts = english;
let numbers;
let plurals;

/** Uses the first of these languages that the page has, and returns its name. */
export async function use(wanted) {
  const codes = wanted.map((code) => code.toLowerCase().split("-")[0]);
  const name = codes.find((code) => LANGUAGES.includes(code)) ?? "en";
  const loaded = await OTHERS[name]?.().catch(() => {});
  texts = { ...english, ...loaded?.default };
  const spoken = loaded || name === "en" ? name : "en";
  numbers = new Intl.NumberFormat(spoken);
  plurals = new Intl.PluralRules(spoken);
  document.documentElement.lang = spoken;
  document.documentElement.dir = texts.direction;
  return spoken;
}

/** Formats a number, with a fixed count of digits after the decimal sign if given. */
export const number = (value, digits) =>
  digits === undefined
    ? numbers.format(value)
    : value.toLocaleString(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/**
 * Returns a text in pieces: strings, and the nodes among `values` at their places. A text with `{number}` may
 * have one form for each plural category (Unicode CLDR).
 */
export function pieces(id, values = {}) {
  const text = texts[id];
  const form = typeof text === "string" ? text : (text[plurals.select(values.number)] ?? text.other);
  return form.split(/\{(\w+)\}/).map((piece, at) => {
    if (at % 2 === 0) return piece;
    const value = values[piece];
    return typeof value === "number" ? number(value) : value;
  });
}

/** Returns a text with these values, all of them strings or numbers. */
export const say = (id, values) => pieces(id, values).join("");

/** Fills the elements of the document that name their texts: `data-text`, and `data-label` for screen readers. */
export function fill(root = document) {
  for (const each of root.querySelectorAll("[data-text]")) each.textContent = say(each.dataset.text);
  for (const each of root.querySelectorAll("[data-label]")) each.ariaLabel = say(each.dataset.label);
  for (const each of root.querySelectorAll("[data-hint]")) each.placeholder = say(each.dataset.hint);
}
