/** Hands files to the browser's downloads: one queue for the whole page, no faster than browsers take them. */
import { tell } from "../messages.js";

/** Milliseconds between two: above ten a second Chromium drops a download, and tells nobody. */
const PAUSE = 125;
/** Bytes of a name that every file system takes, with room for a number. */
const LONGEST = 240;

let turn = Promise.resolve();
let handed;

/** Resolves when the browser has the file. */
export function handOver(file, name) {
  const over = turn.then(() => {
    tell("save", file, name);
    return new Promise((resolve) => (handed = resolve));
  });
  turn = over.then(() => new Promise((resolve) => setTimeout(resolve, PAUSE)));
  return over;
}

/** The page has done so. */
export const saved = () => handed();

/**
 * What a download is called. It cannot have a folder: among others, a file has the names of its folders
 * before its own, as `photos_2026_forest.jpg`, as many of them as there is room for.
 */
export function downloadName(name, alone) {
  const parts = alone ? name.split("/").slice(-1) : name.split("/");
  while (parts.length > 1 && new TextEncoder().encode(parts.join("_")).length > LONGEST) parts.shift();
  return parts.join("_");
}
