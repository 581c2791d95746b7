/** Files and empty folders in a folder of the disk, in Node, Deno and Bun. */
import { builtin } from "./builtin.js";
import { folderSink } from "./empty_folder.js";
import { XcherError } from "./error.js";
import { isStorable, numbered } from "./pkg/xcher.js";

/** Errors of file systems without hard links. */
const NO_LINKS = ["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EXDEV", "EMLINK"];

/**
 * Opens a file under a temporary name. It gets its own once it is complete, or another where that one is taken.
 *
 * @param {string | URL} target the folder
 * @param {string} name
 * @param {boolean} isFolder
 * @returns {Promise<import("./save_to_disk.js").Sink>}
 */
export async function openInFolder(target, name, isFolder) {
  const fs = await builtin("node:fs/promises");
  const { join } = await builtin("node:path");
  const { platform } = await builtin("node:process");
  if (!isStorable(name, platform === "win32")) throw Object.assign(new Error("this system cannot store a file of this name"), { code: "EINVAL" });
  const parts = name.split("/");
  if (isFolder) return folderSink(await parent(fs, join, target, parts));
  const folder = await parent(fs, join, target, parts.slice(0, -1));
  const partial = join(folder, `.xcher-${crypto.randomUUID()}.part`);
  const file = await fs.open(partial, "wx");
  return {
    write: (bytes) => writeAll(file, bytes),
    async close(modified) {
      await file.sync();
      if (modified !== undefined) await file.utimes(modified / 1000, modified / 1000);
      await file.close();
      return place(fs, join, folder, partial, name);
    },
    async abort() {
      await file.close().catch(() => {});
      await fs.rm(partial, { force: true });
    },
  };
}

/** @param {any} file @param {Uint8Array} bytes */
async function writeAll(file, bytes) {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}

/**
 * Makes the folders of a name, and returns the innermost. A link that leaves the target is refused: what it leads to
 * is not for the other host to write.
 *
 * @param {any} fs
 * @param {(...parts: string[]) => string} join
 * @param {string | URL} target
 * @param {string[]} parts
 */
async function parent(fs, join, target, parts) {
  await fs.mkdir(target, { recursive: true });
  const root = await fs.realpath(target);
  let folder = root;
  for (const part of parts) {
    const path = join(folder, part);
    await fs.mkdir(path).catch((/** @type {any} */ error) => {
      if (error.code !== "EEXIST") throw error;
    });
    folder = await fs.realpath(path);
    const isInside = folder === root || folder.startsWith(join(root, "/"));
    if (!isInside) throw new XcherError("policy", `${path} is a link to another folder: remove it, or save elsewhere`);
  }
  return folder;
}

/**
 * Gives a complete file its name, or the first with a number that is free. Never replaces a file.
 *
 * @param {any} fs
 * @param {(...parts: string[]) => string} join
 * @param {string} folder
 * @param {string} partial
 * @param {string} name
 */
export async function place(fs, join, folder, partial, name) {
  for (let number = 0; ; number += 1) {
    const next = number ? numbered(name, number) : name;
    const path = join(folder, next.slice(next.lastIndexOf("/") + 1));
    try {
      await claim(fs, partial, path);
      return path;
    } catch (error) {
      if (/** @type {any} */ (error).code !== "EEXIST") throw error;
    }
  }
}

/** Moves a file to a name that is free. @param {any} fs @param {string} partial @param {string} path */
async function claim(fs, partial, path) {
  try {
    await fs.link(partial, path);
  } catch (error) {
    if (!NO_LINKS.includes(/** @type {any} */ (error).code)) throw error;
    // An empty file of its own takes the name, and only that one is replaced.
    await (await fs.open(path, "wx")).close();
    return fs.rename(partial, path);
  }
  await fs.rm(partial);
}
