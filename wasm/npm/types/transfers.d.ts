import type { Offering } from "./offers.js";
import type { ProgressTarget } from "./progress.js";
import type { Sending } from "./sending.js";
import type { Session } from "./session.js";

/** The reason why a file is not stored here, as reported to the other host. */
export type NotStored =
  /** Not enough space. */
  | "space"
  /** No permission to write it. */
  | "denied"
  /** The name is taken, and the existing file stays. */
  | "exists"
  /** The name cannot be used here. */
  | "name"
  /** Its bytes were changed on the way. */
  | "altered"
  /** It did not arrive completely. */
  | "incomplete"
  /** The user cancelled it. */
  | "cancelled"
  /** It is larger than the user allows. */
  | "large"
  | "other";

export interface StoreOptions {
  /**
   * True if the application reports when a file is stored: {@link Download.stored},
   * {@link Download.notStored}. By default it counts as stored, and the other host learns so, once `readable` was
   * read to its end: enough for `pipeTo` into a sink that stores each chunk before it takes the next.
   */
  confirm?: boolean;
}

/** Options of a download. */
export interface DownloadOptions extends StoreOptions {
  /** Cancels the download at any time. */
  signal?: AbortSignal;
  /** The longest time to wait for the next byte, in milliseconds, while something reads. By default the session decides. */
  timeout?: number;
}

/** A file being received. */
export interface Download extends ProgressTarget {
  readonly name: string;
  /** The modification time in milliseconds since 1970, if known. */
  readonly modified?: number;
  /** As {@link RemoteFile.folder}: `readable` has no bytes. */
  readonly folder?: boolean;
  /** The announced size; `undefined` until known. */
  readonly size: number | undefined;
  /** Bytes received so far, without those of `partial`. */
  readonly received: number;
  /**
   * True once it is complete and its BLAKE3 digest matches: in an encrypted session with a peer that sends
   * digests.
   */
  readonly verified: boolean;
  /**
   * The bytes. They arrive no faster than they are read. The stream closes only if the file is complete, and
   * errors otherwise. Nothing is requested before it is read, or {@link start} is called.
   */
  readonly readable: ReadableStream<Uint8Array>;
  /**
   * Requests the file now. Resolves to the position in the file at which `readable` begins: the length of
   * `partial` if the file begins with it, otherwise **0**. Then the complete file follows: discard what you
   * have. With `partial`, call it before you read `readable`.
   */
  start(): Promise<number>;
  /**
   * Reads all of it as a text of at most 64 KiB, instead of `readable`. The text is the other user's: show it as
   * plain text, never as markup. Without `confirm` it counts as stored once this resolves.
   *
   * @throws XcherError `local` if it is not UTF-8 or is longer, which the other host learns; those of `done`
   */
  text(): Promise<string>;
  /**
   * Fulfilled once the file is complete and `readable` was read to its end, and, with `confirm`,
   * {@link stored} was called. The other host learns then that the file is stored.
   */
  readonly done: Promise<void>;
  /**
   * With `confirm`: reports that the bytes are safe, such as written and closed. Call it once `readable` has
   * ended.
   *
   * @throws XcherError `misuse` if it has not ended, or without `confirm`
   */
  stored(): void;
  /**
   * Reports that the application has every byte, and stores the file later, together with others, as in an
   * archive: the next downloads start meanwhile. `stored()` or `notStored()` must follow.
   *
   * @throws XcherError `misuse` without `confirm`, or before `readable` has ended
   */
  defer(): void;
  /**
   * Reports that the file cannot be stored. The other host learns why, and `done` rejects with `local` and
   * `message`. It can be called at any time; once the download is settled it has no effect.
   *
   * @throws XcherError `misuse` for an unknown reason
   */
  notStored(reason?: NotStored, message?: string): void;
  /** Cancels it, and tells the other host that the user did. Cancelling `readable` does the same. */
  cancel(): void;
}

/** A file or batch being sent. */
export interface Upload extends ProgressTarget {
  readonly session: Session;
  /** The name; of a batch, that of its first file. */
  readonly name: string;
  /** The size; of a batch, that of all its files. */
  readonly size: number;
  /** Other files of the batch. */
  readonly more: number;
  /** Bytes at the beginning that the other host had already. */
  readonly from: number;
  /** Bytes sent so far, including those before `from`. */
  readonly sent: number;
  /** Fulfilled once every byte is sent; `Offering` and `Sending` say whether they are stored. */
  readonly done: Promise<void>;
  cancel(): void;
}
