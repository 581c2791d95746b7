import { blob, bytesOf, isBlob, text } from "./arguments.js";
import { folderFile, isFolder } from "./empty_folder.js";
import { misuse } from "./error.js";
import { shown } from "./shown.js";
import { isText, textFile, textNames } from "./texts.js";

/** Returns the name of a file by default. @param {Blob} file */
export function ownName(file) {
  const { webkitRelativePath, name } = /** @type {Partial<File>} */ (file);
  return webkitRelativePath || name || "";
}

/** Describes a file, text or empty folder to the module, by a name. @param {string} name @param {Blob} file */
export function described(name, file) {
  const { lastModified = NaN } = /** @type {Partial<File>} */ (file);
  return { name, size: String(file.size), modified: Math.floor(lastModified / 1000), text: isText(file), folder: isFolder(file) };
}

/**
 * Returns files and empty folders by their names, and texts by names that no file has.
 *
 * @param {Iterable<import("./index.js").Named>} files
 */
export function byName(files) {
  const isList = typeof files === "object" && typeof files?.[Symbol.iterator] === "function" && !bytesOf(files);
  if (!isList) throw misuse(`the files are ${shown(files)}: give a list of files, such as [file]`);
  /** @type {Map<string, Blob>} */
  const named = new Map();
  const texts = [];
  for (const one of files) {
    if (isTextGiven(one)) {
      texts.push(textFile(one.text));
      continue;
    }
    const [name, file] = nameAndFile(one);
    if (named.has(name)) throw misuse(`two files have the name ${name}: give one another name`);
    named.set(name, file);
  }
  const names = textNames();
  for (const text of texts) {
    let name;
    do name = /** @type {string} */ (names.next().value);
    while (named.has(name));
    named.set(name, text);
  }
  if (named.size === 0) throw misuse("there are no files to send: give at least one");
  return named;
}

/** @param {unknown} one @returns {one is { text: unknown }} */
const isTextGiven = (one) => typeof one === "object" && one !== null && !isBlob(one) && "text" in one && !("file" in one);

/**
 * Returns a file or empty folder with its name.
 *
 * @param {unknown} one
 * @returns {[string, Blob]}
 */
function nameAndFile(one) {
  if (isFolderGiven(one)) return [text("the name of the folder", one.folder), folderFile()];
  const given = /** @type {{ file?: unknown, name?: unknown } | null} */ (one);
  const isPair = typeof given === "object" && given !== null && !isBlob(given) && "file" in given;
  if (isPair) {
    const file = blob("`file`", given.file);
    return [nameOf(file, given.name), file];
  }
  const file = blob("a file", one);
  return [nameOf(file), file];
}

/** @param {unknown} one @returns {one is { folder: unknown }} */
const isFolderGiven = (one) => typeof one === "object" && one !== null && !isBlob(one) && "folder" in one && !("file" in one);

/**
 * Returns what to share with its name.
 *
 * @param {unknown} given a file, bytes, or an empty folder
 * @param {string} [called]
 * @returns {[string, Blob]}
 */
export function shareable(given, called) {
  if (isFolderGiven(given)) return nameAndFile(given);
  const file = blob("the file", given);
  return [nameOf(file, called), file];
}

/** Returns the name of a file under which it can be sent. @param {Blob} file @param {unknown} [name] */
export function nameOf(file, name = ownName(file)) {
  if (name === "") throw misuse("a file has no name: give a File, or one by its name, such as { file, name: \"notes.txt\" }");
  return text("the name of a file", name);
}
