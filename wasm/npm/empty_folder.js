/** Empty folders, which are sent as files without bytes are, and marked. */

/** @type {WeakSet<Blob>} */
const folders = new WeakSet();

/** @param {Blob} file */
export const isFolder = (file) => folders.has(file);

/** Returns an empty folder as a file that is marked as one. */
export function folderFile() {
  const file = new Blob();
  folders.add(file);
  return file;
}

/**
 * Returns the sink of a folder that is made: nothing is written to it.
 *
 * @param {string} path
 * @returns {import("./save_to_disk.js").Sink}
 */
export const folderSink = (path) => ({ write() {}, close: async () => path, abort() {} });
