/** Files and empty folders in a folder that a user has chosen in a browser, or of the origin private file system. */
import { folderSink } from "./empty_folder.js";
import { numbered } from "./pkg/xcher.js";

/** Finding a free name and creating the file are two steps, so one runs at a time. @type {Promise<any>} */
let turn = Promise.resolve();

/** @param {any} target @returns {target is FileSystemDirectoryHandle} */
export const isDirectoryHandle = (target) => target?.kind === "directory" && typeof target.getFileHandle === "function";

/**
 * Creates a file, which has its bytes once it is closed.
 *
 * @param {FileSystemDirectoryHandle} target
 * @param {string} name
 * @param {boolean} isFolder
 * @returns {Promise<import("./save_to_disk.js").Sink>}
 */
export async function openInDirectory(target, name, isFolder) {
  const parts = name.split("/");
  const last = isFolder ? "" : /** @type {string} */ (parts.pop());
  let folder = target;
  for (const part of parts) folder = await folder.getDirectoryHandle(part, { create: true });
  if (isFolder) return folderSink(name);
  const handle = await (turn = turn.then(
    () => unused(folder, last),
    () => unused(folder, last),
  ));
  const remove = () => folder.removeEntry(handle.name);
  try {
    const out = await handle.createWritable();
    return {
      write: (bytes) => out.write(/** @type {Uint8Array<ArrayBuffer>} */ (bytes)),
      async close() {
        await out.close();
        return [...parts, handle.name].join("/");
      },
      async abort() {
        await out.abort().catch(() => {});
        await remove();
      },
    };
  } catch (error) {
    await remove().catch(() => {});
    throw error;
  }
}

/**
 * Creates an empty file under a name that is free.
 *
 * @param {FileSystemDirectoryHandle} folder
 * @param {string} name
 */
async function unused(folder, name) {
  for (let number = 0; ; number += 1) {
    const next = number ? numbered(name, number) : name;
    try {
      await folder.getFileHandle(next);
    } catch (error) {
      const kind = /** @type {Error} */ (error).name;
      if (kind === "NotFoundError") return folder.getFileHandle(next, { create: true });
      // A folder has this name.
      if (kind !== "TypeMismatchError") throw error;
    }
  }
}
