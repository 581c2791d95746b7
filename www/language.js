/** The language of the page: its texts, numbers and direction. English is the one for everything missing. */
import english from "./texts/en.js";

/** Languages beside English, each in its own file, which loads only where it is used. */
const OTHERS = { de: () => import("./texts/de.js") };

export const LANGUAGES = ["en", ...Object.keys(OTHERS)];

let texts;
let numbers;
let plurals;
let order;
speak("en", english);

/** Values of the texts on the screen, by their element, and what draws texts that are not one element's. */
const given = new WeakMap();
const labels = new WeakMap();
const drawings = new Set();

/** Uses the first of these languages that the page has, and returns its name. */
export async function use(wanted) {
  const codes = wanted.map((code) => code.toLowerCase().split("-")[0]);
  const name = codes.find((code) => LANGUAGES.includes(code)) ?? "en";
  const loaded = await OTHERS[name]?.().catch(() => {});
  const spoken = loaded ? name : "en";
  speak(spoken, { ...english, ...loaded?.default });
  document.documentElement.lang = spoken;
  document.documentElement.dir = texts.direction;
  fill();
  for (const draw of drawings) draw();
  return spoken;
}

function speak(name, all) {
  texts = all;
  numbers = new Intl.NumberFormat(name);
  plurals = new Intl.PluralRules(name);
  order = new Intl.Collator(name, { numeric: true });
}

/** Formats a number, with a fixed count of digits after the decimal sign if given. */
export const number = (value, digits) =>
  digits === undefined
    ? numbers.format(value)
    : value.toLocaleString(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** Compares two texts as people sort them: `a2` before `a10`. */
export const compare = (a, b) => order.compare(a, b);

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

/**
 * Shows a text in an element, and again whenever the language changes. `values` may be a function, which is called
 * each time. Screen readers announce only a text that differs.
 */
export function put(element, id, values) {
  element.dataset.text = id;
  given.set(element, values);
  reword(element);
  return element;
}

/** Empties an element that may have a text, or shows a text that is the same in every language. */
export function unput(element, text = "") {
  delete element.dataset.text;
  given.delete(element);
  if (element.textContent !== text) element.textContent = text;
}

/** Names an element for screen readers by what `text` returns, in every language. */
export function label(element, text) {
  labels.set(element, text);
  element.dataset.spoken = "";
  element.ariaLabel = text();
  return element;
}

/** Calls this at each change of the language, for texts that are not one element's. */
export const onReword = (draw) => drawings.add(draw);

function reword(element) {
  const values = given.get(element);
  const parts = pieces(element.dataset.text, typeof values === "function" ? values() : values);
  const isPlain = parts.every((part) => typeof part === "string");
  if (!isPlain) element.replaceChildren(...parts);
  else if (element.textContent !== parts.join("")) element.textContent = parts.join("");
}

/**
 * Fills the elements of the document that name their texts: `data-text`, `data-label` for screen readers,
 * `data-hint` for an empty field, and `data-tip` for a title.
 */
function fill() {
  for (const each of document.querySelectorAll("[data-text]")) reword(each);
  for (const each of document.querySelectorAll("[data-spoken]")) each.ariaLabel = labels.get(each)();
  for (const each of document.querySelectorAll("[data-label]")) each.ariaLabel = say(each.dataset.label);
  for (const each of document.querySelectorAll("[data-hint]")) each.placeholder = say(each.dataset.hint);
  for (const each of document.querySelectorAll("[data-tip]")) each.title = say(each.dataset.tip);
}
