/**
 * Understands what a person types, pastes or follows: a code, a nick, or a link to one, with the punctuation that a
 * chat or a sentence put around it. The terminal does the same (`core/src/pasted.rs`); the page cannot ask its module,
 * which loads later and in a worker, but has the characters from there.
 */
import { BRACKETS, ENDS, QUOTES } from "./npm/pkg/constants.js";

const [OPENING, CLOSING] = BRACKETS;
/** Characters between the parts of a code that people speak, type or copy. */
const BETWEEN = /[\s\-‐‑‒–—_,.;:/+]+/gu;

/** Returns a text without quotes, brackets and the end of a sentence around it. */
export function unwrapped(text) {
  const opens = (char) => QUOTES.includes(char) || /\s/.test(char) || OPENING.includes(char);
  let all = [...text];
  while (all.length && opens(all[0])) all = all.slice(1);
  const count = (char) => all.filter((each) => each === char).length;
  for (let last; (last = all.at(-1)) !== undefined; all = all.slice(0, -1)) {
    const isUnmatched = CLOSING.includes(last) && count(last) > count(OPENING[CLOSING.indexOf(last)]);
    if (!isUnmatched && !QUOTES.includes(last) && !ENDS.includes(last) && !/\s/.test(last)) break;
  }
  return all.join("");
}

/** Returns the link in a text, if it is one. */
export function linkIn(text) {
  const inside = unwrapped(text);
  return /^https?:\/\//i.test(inside) && URL.canParse(inside) ? new URL(inside) : undefined;
}

/** Returns the text in a link after `#`, decoded; empty if it is not encoded as a nick or code is. */
export function hashOf(link) {
  try {
    return decodeURIComponent(link.hash.slice(1));
  } catch {
    return "";
  }
}

/** Returns true for a whole code, which needs no rule to be told from a nick. */
export const isWholeCode = (text) => /^\d{1,9}(?:[-\s]+[a-z]+){3}$/i.test(text);

/** Returns a text as a code is spelled: lower case, with one dash between two parts. */
export const spelled = (text) => unwrapped(text).replace(BETWEEN, "-").replace(/^-|-$/g, "").toLowerCase();
