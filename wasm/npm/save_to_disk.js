import { optional, text, waitOptions } from "./arguments.js";
import { isDirectoryHandle, openInDirectory } from "./directory_sink.js";
import { Download } from "./download.js";
import { listed } from "./download_list.js";
import { openInDownloads } from "./downloads_sink.js";
import { XcherError, asError, misuse } from "./error.js";
import { openInFolder } from "./folder_sink.js";
import { notStoredReason } from "./not_stored_reason.js";
import { pump } from "./pump.js";
import { shown } from "./shown.js";
import { onAbort } from "./with_timeout.js";

/** Files that are saved at the same time. */
const LANES = 4;
/**
 * @typedef {{ name: string, path?: string, bytes: number, verified: boolean }} Saved
 * @typedef {{
 *   write(bytes: Uint8Array): unknown, close(modified: number | undefined): Promise<string>, abort(): unknown,
 * }} Sink `close` returns the path, or the name in the target, at which the file is now
 */

/**
 * @param {Download | Iterable<Download>} downloads
 * @param {any} [target]
 * @param {{ signal?: AbortSignal }} [options]
 * @returns {Promise<any>}
 */
export async function saveToDisk(downloads, target, options) {
  const { signal } = waitOptions(optional(options));
  if (downloads instanceof Download) return save(downloads, opener(target), signal);
  return saveAll(listed(downloads), opener(target), signal);
}

/** @param {any} target @returns {(name: string, isFolder: boolean) => Promise<Sink>} */
function opener(target) {
  if (isDirectoryHandle(target)) return (name, isFolder) => openInDirectory(target, name, isFolder);
  if (target === undefined && globalThis.document) return openInDownloads;
  const isPath = typeof target === "string" || (target instanceof URL && target.protocol === "file:");
  if (!isPath || globalThis.document) {
    throw misuse(`the target is ${shown(target)}: give the path of a folder, or in a browser a directory handle`);
  }
  if (typeof target === "string") text("the target", target);
  return (name, isFolder) => openInFolder(target, name, isFolder);
}

/**
 * @param {Download[]} downloads
 * @param {(name: string, isFolder: boolean) => Promise<Sink>} open
 * @param {AbortSignal | undefined} signal
 */
async function saveAll(downloads, open, signal) {
  /** @type {Saved[]} */
  const saved = [];
  /** @type {XcherError[]} */
  const errors = [];
  const waiting = downloads.entries();
  const lane = async () => {
    for (const [at, download] of waiting) {
      try {
        saved[at] = await save(download, open, signal);
      } catch (error) {
        errors.push(asError(error, "local"));
      }
    }
  };
  // At the end of each lane, not of the first that fails: files under way are complete or removed by then.
  await Promise.all(Array.from({ length: LANES }, lane));
  const [first] = errors;
  if (!first) return saved;
  if (downloads.length === 1) throw first;
  const all = new AggregateError(errors, first.message);
  throw new XcherError(first.code, `${errors.length} of ${downloads.length} files were not saved: ${first.message}`, all);
}

/**
 * @param {Download} download
 * @param {(name: string, isFolder: boolean) => Promise<Sink>} open
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<Saved>}
 */
async function save(download, open, signal) {
  if (download.partial) throw misuse(`${download.name} resumes a partial file: write its stream after those bytes yourself`);
  // The file counts as stored once it has its name on the disk, not when its last byte was read.
  Download.takeOver(download);
  const { name } = download;
  /** @type {Sink | undefined} */
  let sink;
  const forget = onAbort(signal, (error) => download.abort(error));
  try {
    // Before anything is created: the name is known to be valid then, and the other host has the file.
    await download.start();
    sink = await open(name, download.folder === true);
    await pump(download, sink);
    const path = await sink.close(download.modified);
    sink = undefined;
    download.stored();
    // It is here, whether the other host learns of it or not.
    await download.done.catch(() => {});
    return { name, path, bytes: download.received, verified: download.verified };
  } catch (thrown) {
    throw refuse(download, thrown);
  } finally {
    forget();
    await Promise.resolve(sink?.abort()).catch(() => {});
  }
}

/** Tells the other host why a file is not stored. Returns the error. @param {Download} download @param {any} thrown */
function refuse(download, thrown) {
  const message = `${download.name}: ${asError(thrown, "local").message}`;
  download.notStored(notStoredReason(thrown), message, thrown);
  return thrown instanceof XcherError ? thrown : new XcherError("local", message, thrown);
}
