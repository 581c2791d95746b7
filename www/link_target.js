/** Finds out whom the page's URL leads to: the sender with a code, or a peer with a nick. */
import { isCode, learn } from "./codes.js";
import { hashOf, isWholeCode, unwrapped } from "./pasted.js";

/** Returns `{ code }`, `{ nick }`, or neither. Punctuation at the end of a link is no part of its code. */
export async function targetOf(text) {
  const inside = unwrapped(text);
  if (isWholeCode(inside)) return { code: inside.toLowerCase() };
  if (text) await learn(text);
  if (isCode(text)) return { code: text };
  // No nick has a slash.
  const nick = text.replace(/\/+$/, "");
  return nick ? { nick } : {};
}

/** Returns what the page's URL names, for `targetOf`. */
export const named = () => hashOf(location);
