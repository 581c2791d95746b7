import { XcherError } from "./error.js";

/** What a file is called where nothing else is said. @param {Blob} file */
export function ownName(file) {
  const { webkitRelativePath, name } = /** @type {Partial<File>} */ (file);
  return webkitRelativePath || name || "";
}

/** When it was changed, in seconds, if that is known. @param {Blob} file */
export function changed(file) {
  const { lastModified } = /** @type {Partial<File>} */ (file);
  return lastModified === undefined ? "" : String(Math.floor(lastModified / 1000));
}

/**
 * Files by their names.
 *
 * @param {Iterable<import("./index.js").Named>} files
 */
export function byName(files) {
  /** @type {Map<string, Blob>} */
  const named = new Map();
  for (const one of files) {
    const { file, name } = one instanceof Blob ? { file: one, name: ownName(one) } : one;
    if (named.has(name)) throw new XcherError("misuse", `expected each name once, got ${name} again`);
    named.set(name, file);
  }
  if (named.size === 0) throw new XcherError("misuse", "expected files, got none");
  return named;
}
