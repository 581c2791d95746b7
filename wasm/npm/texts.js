import { XcherError } from "./error.js";
import { MAX_TEXT_LEN, TEXT_NAME } from "./pkg/constants.js";

/** The texts among the blobs that are sent. @type {WeakSet<Blob>} */
const texts = new WeakSet();

/** @param {Blob} file */
export const isText = (file) => texts.has(file);

/** Returns a text as a file that is marked as one. @param {unknown} text */
export function textFile(text) {
  if (typeof text !== "string") throw new XcherError("misuse", "a text must be a string");
  const file = new Blob([text], { type: "text/plain" });
  if (!file.size) throw new XcherError("misuse", "the text is empty");
  checkSize(file.size, "misuse");
  texts.add(file);
  return file;
}

/** Returns the names to try for a text: the usual one, then that with numbers. */
export function* textNames() {
  yield TEXT_NAME;
  for (let number = 1; ; number += 1) yield TEXT_NAME.replace(".", ` (${number}).`);
}

/**
 * Reads a text to its end.
 *
 * @param {ReadableStream<Uint8Array>} readable
 */
export async function readText(readable) {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const reader = readable.getReader();
  let [text, size] = ["", 0];
  try {
    for (let part; !(part = await reader.read()).done; ) {
      checkSize((size += part.value.length), "local");
      text += decoder.decode(part.value, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    throw error instanceof TypeError ? new XcherError("local", "it is not a text: read it as a file") : error;
  }
}

/** @param {number} size @param {import("./index.js").ErrorCode} code */
function checkSize(size, code) {
  if (size <= MAX_TEXT_LEN) return;
  throw new XcherError(code, `the text is longer than ${MAX_TEXT_LEN / 1024} KiB: use a file`);
}
