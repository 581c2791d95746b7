/** Files for the downloads of a browser, which says where they are, and nothing of what becomes of them. */
import { XcherError } from "./error.js";

/** Time between two downloads, in milliseconds: Chromium silently drops some above ten a second. */
const DOWNLOAD_INTERVAL = 125;
/** Time in which a browser has copied a file, in milliseconds. */
const COPY_TIMEOUT = 600_000;
/** Bytes after which a browser may move what it holds out of memory. */
const PART_LEN = 1 << 22;

/** @type {Promise<unknown>} */
let turn = Promise.resolve();

/**
 * Collects a file, and hands it over once it is complete.
 *
 * @param {string} name
 * @param {boolean} isFolder
 * @returns {Promise<import("./save_to_disk.js").Sink>}
 */
export async function openInDownloads(name, isFolder) {
  if (isFolder) throw new XcherError("local", "a folder cannot be a download: use toZip, or a directory handle");
  /** @type {Blob[]} */
  const parts = [];
  /** @type {BlobPart[]} */
  let pieces = [];
  let size = 0;
  const gather = () => {
    parts.push(new Blob(pieces));
    pieces = [];
    size = 0;
  };
  // A download has no folder.
  const flat = name.replaceAll("/", "_");
  return {
    write(bytes) {
      pieces.push(bytes.slice());
      size += bytes.length;
      if (size >= PART_LEN) gather();
    },
    async close() {
      gather();
      const mine = turn;
      turn = mine.then(() => new Promise((resolve) => setTimeout(resolve, DOWNLOAD_INTERVAL)));
      await mine;
      // Of no type that a browser would add an extension for.
      handOver(new Blob(parts, { type: "application/octet-stream" }), flat);
      return flat;
    },
    abort() {
      parts.length = pieces.length = 0;
    },
  };
}

/** @param {Blob} file @param {string} name */
function handOver(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), COPY_TIMEOUT);
}
