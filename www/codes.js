/** Tells codes from nicks. The worker has the rule. */
import { tell } from "./messages.js";

const known = new Map();
const waiting = new Map();

/** Asks the worker about a text, so that `isCode` knows it. */
export async function learn(text) {
  if (known.has(text)) return;
  await new Promise((resolve) => {
    waiting.set(text, resolve);
    tell("isCode", text);
  });
}

/** The worker's answer. */
export function learned(text, yes) {
  known.set(text, yes);
  waiting.get(text)?.();
  waiting.delete(text);
}

export const isCode = (text) => known.get(text);
