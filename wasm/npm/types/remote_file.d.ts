import type { Download } from "./transfers.js";

/** A file as the other host lists it. */
export interface RemoteFile {
  readonly name: string;
  /** The size; an approximate one may be rounded down, and is 0 if nothing is known. */
  readonly size: number;
  /** True if the other host rounds its sizes, as in `700mb`. */
  readonly approximate: boolean;
  /** The modification time in milliseconds since 1970, to the second, if known. */
  readonly modified?: number;
  /** True if it is an executable program, if known. */
  readonly executable?: boolean;
  /**
   * True if the other host sent it as a text, to be shown to the user: at most 64 KiB. {@link Download.text}
   * reads it.
   */
  readonly text?: boolean;
  /** True for an empty folder, which has no bytes. Other folders are named by their files. */
  readonly folder?: boolean;
}
