/** Finds out whom the page's URL leads to: the sender with a code, or a peer with a nick. */
import { isCode, learn } from "./codes.js";
import { hashOf, unwrapped } from "./pasted.js";

/** A whole code, however its letters are cased. */
const CODE = /^\d{1,9}(?:[-\s]+[a-z]+){3}$/i;

/** Returns `{ code }`, `{ nick }`, or neither. Punctuation at the end of a link is no part of its code. */
export async function targetOf(text) {
  const inside = unwrapped(text);
  if (CODE.test(inside)) return { code: inside.toLowerCase() };
  if (text) await learn(text);
  if (isCode(text)) return { code: text };
  // No nick has a slash.
  const nick = text.replace(/\/+$/, "");
  return nick ? { nick } : {};
}

/** Returns what the page's URL names, for `targetOf`. */
export const named = () => hashOf(location);
