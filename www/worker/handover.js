/**
 * Hands files to the browser's downloads: one queue for the whole page, no faster than browsers accept them.
 */
import { tell } from "../messages.js";

/** Time between two downloads, in milliseconds: Chromium silently drops some above ten a second. */
const DOWNLOAD_INTERVAL = 125;
/** The longest name in bytes that every file system accepts, less room for a number. */
const MAX_NAME_LEN = 240;

let turn = Promise.resolve();
let handed;

/** Resolves when the browser has the file. */
export function handOver(file, name) {
  const over = turn.then(() => {
    tell("save", file, name);
    return new Promise((resolve) => (handed = resolve));
  });
  turn = over.then(() => new Promise((resolve) => setTimeout(resolve, DOWNLOAD_INTERVAL)));
  return over;
}

/** The page has passed on the file. */
export const saved = () => handed();

/**
 * Returns the name of a download, which cannot have a folder. Unless it is alone, the names of its folders
 * precede its own, as in `photos_2026_forest.jpg`, as many of them as fit.
 */
export function downloadName(name, alone) {
  const parts = alone ? name.split("/").slice(-1) : name.split("/");
  while (parts.length > 1 && new TextEncoder().encode(parts.join("_")).length > MAX_NAME_LEN) parts.shift();
  return parts.join("_");
}
