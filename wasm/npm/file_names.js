import { XcherError } from "./error.js";
import { isText, textFile, textNames } from "./texts.js";

/** Returns the name of a file by default. @param {Blob} file */
export function ownName(file) {
  const { webkitRelativePath, name } = /** @type {Partial<File>} */ (file);
  return webkitRelativePath || name || "";
}

/** Describes a file or text to the module, by a name. @param {string} name @param {Blob} file */
export function described(name, file) {
  const { lastModified = NaN } = /** @type {Partial<File>} */ (file);
  return { name, size: String(file.size), modified: Math.floor(lastModified / 1000), text: isText(file) };
}

/**
 * Returns files by their names, and texts by names that no file has.
 *
 * @param {Iterable<import("./index.js").Named>} files
 */
export function byName(files) {
  /** @type {Map<string, Blob>} */
  const named = new Map();
  const texts = [];
  for (const one of files) {
    if (!(one instanceof Blob) && "text" in one) {
      texts.push(textFile(one.text));
      continue;
    }
    const { file, name } = one instanceof Blob ? { file: one, name: ownName(one) } : one;
    if (named.has(name)) throw new XcherError("misuse", `two files have the name ${name}: give one another name`);
    named.set(name, file);
  }
  const names = textNames();
  for (const text of texts) {
    let name;
    do name = /** @type {string} */ (names.next().value);
    while (named.has(name));
    named.set(name, text);
  }
  if (named.size === 0) throw new XcherError("misuse", "there are no files to send: give at least one");
  return named;
}
