/** Tells codes from nicks. The worker has the rule. */
import { tell } from "./messages.js";

const known = new Map();
/** `{ answered, resolve }` by text. */
const waiting = new Map();

/** Asks the worker about a text, so that `isCode` knows it. */
export async function learn(text) {
  if (known.has(text)) return;
  if (!waiting.has(text)) {
    let resolve;
    const answered = new Promise((does) => (resolve = does));
    waiting.set(text, { answered, resolve });
    tell("isCode", text);
  }
  await waiting.get(text).answered;
}

/** The worker's answer. */
export function learned(text, yes) {
  known.set(text, yes);
  waiting.get(text)?.resolve();
  waiting.delete(text);
}

export const isCode = (text) => known.get(text);
