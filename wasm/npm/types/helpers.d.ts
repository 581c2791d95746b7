import type { SendOptions } from "./options.js";
import type { Download } from "./transfers.js";

/**
 * Returns a QR code of a text for an SVG of `viewBox="0 0 ${size} ${size}"`: `path` covers the dark modules,
 * on a light background; the margin is included. `undefined` for a text of more than 271 bytes. `wasm` is as in
 * {@link SendOptions}, but for the module `pkg/qr_bg.wasm`, which loads at the first call.
 */
export function qr(
  text: string,
  wasm?: SendOptions["wasm"],
): Promise<{ size: number; path: string } | undefined>;

/**
 * Returns true if a text is meant as a code rather than a nick, valid or not: digits, then letters after a
 * dash or a space. `wasm` as in {@link SendOptions}.
 */
export function isCode(text: string, wasm?: SendOptions["wasm"]): Promise<boolean>;

/**
 * Returns true if a nick belongs to a code and is used once: digits alone. `wasm` as in {@link SendOptions}.
 */
export function isOneTimeNick(nick: string, wasm?: SendOptions["wasm"]): Promise<boolean>;

/**
 * Returns the name to try where `name` is taken, for `number` 1, 2 and so on: `song (1).mp3` for `song.mp3`.
 * The result is no longer than a name can be. `wasm` as in {@link SendOptions}.
 */
export function numbered(name: string, number: number, wasm?: SendOptions["wasm"]): Promise<string>;

/** A file that {@link saveToDisk} has saved. */
export interface Saved {
  /** The name that the other host gave it. */
  readonly name: string;
  /** Where it is: a path on the disk, a name in the directory, or the name for the browser's downloads. */
  readonly path: string;
  readonly bytes: number;
  /** As {@link Download.verified}. */
  readonly verified: boolean;
}

/** What {@link saveToDisk} needs of a `FileSystemDirectoryHandle`. */
export interface DirectoryHandle {
  readonly kind: "directory";
  getDirectoryHandle(name: string, options?: { create?: boolean }): Promise<DirectoryHandle>;
  getFileHandle(name: string, options?: { create?: boolean }): Promise<object>;
  removeEntry(name: string): Promise<void>;
}

/**
 * Saves a download, or several, four at a time. Nothing else may read them.
 *
 * `target` is the path of a folder in Node, Deno and Bun; in a browser a directory handle, or nothing for the browser's
 * downloads (pages only: a worker has none; each file is held in the browser's storage for blobs until it is complete).
 *
 * A file has a temporary name or none until it is complete. A file that exists is never replaced: the new one gets a number
 * (see {@link numbered}). Nothing is written outside the folder, also not through links in it. The other host learns that a
 * file is stored once it is at its place (handed over, with downloads), and why if it cannot be: the application reports
 * nothing itself.
 *
 * @throws XcherError the reason why a file was not saved, `local` for one of the disk; for several the first reason, and
 * the `cause` is an `AggregateError` of all. The others are saved.
 */
export function saveToDisk(
  download: Download,
  target?: string | URL | DirectoryHandle,
  options?: { signal?: AbortSignal },
): Promise<Saved>;
export function saveToDisk(
  downloads: Iterable<Download>,
  target?: string | URL | DirectoryHandle,
  options?: { signal?: AbortSignal },
): Promise<Saved[]>;

/**
 * Returns a zip archive of downloads, which keeps their folders, as a stream: nothing is compressed, and nothing is held
 * in memory. It ends with an error if one of them fails; cancelling it cancels them. Uses the package `client-zip`.
 *
 * All files count as stored once the archive's reader has taken everything; with `confirm`, once {@link Download.stored} was
 * called for each, which may be as late.
 *
 * @throws XcherError `unsupported` if `client-zip` cannot be loaded
 */
export function toZip(downloads: Download | Iterable<Download>): Promise<ReadableStream<Uint8Array>>;

/** The version of this package. */
export const version: string;
