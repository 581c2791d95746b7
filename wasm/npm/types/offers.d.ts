import type { ProgressTarget } from "./progress.js";
import type { RemoteFile } from "./remote_file.js";
import type { Session } from "./session.js";
import type { Download, DownloadOptions, NotStored } from "./transfers.js";

/** Files that the other host offers. None is sent before it is accepted. */
export interface Offer {
  readonly session: Session;
  /**
   * The files: at most 100 000 in all undecided offers of a session; those beyond are declined. A session in
   * which more than 200 000 are declined is ended.
   */
  readonly files: readonly RemoteFile[];
  /** The size of all files together. */
  readonly size: number;
  /**
   * Accepts the files with these names, or all of them, and declines the others. Each download starts when its
   * `readable` is read; `session.get(file)` fetches an accepted file, too.
   *
   * @throws XcherError `misuse` for a name that is not offered, or if the offer is decided already
   */
  accept(names?: Iterable<string>, options?: DownloadOptions): Download[];
  /** Declines all files, unless the offer is decided already. */
  decline(): void;
}

/** Files that this peer offers. `progress` counts bytes that were sent, which `done` says the outcome of. */
export interface Offering extends ProgressTarget {
  readonly session: Session;
  readonly files: readonly { readonly name: string; readonly size: number }[];
  /** Files that the other host has confirmed as stored. */
  readonly stored: number;
  /** Files that were sent completely to a host that does not confirm. */
  readonly handedOver: number;
  /** Both together. */
  readonly sent: number;
  /** Files that the other host declined. */
  readonly declined: number;
  /** Files that the other host wanted and, as far as is known, does not have. It may request them again. */
  readonly failed: number;
  /** The failed files by name, at most 10 000; complete once `done` is settled. */
  readonly missing: readonly Missing[];
  /**
   * Fulfilled once every file is stored, handed over, declined or failed. Rejects if the session ends before
   * that, and with `refused` if the other host does not support offers.
   */
  readonly done: Promise<void>;
  /**
   * Ends the offer unless it is settled: transfers under way are cancelled, files that the other host requests from now
   * on are refused, and `done` rejects with `cancelled`. The session stays open.
   */
  cancel(): void;
}

/** A file that the other host wanted and does not have. */
export interface Missing {
  readonly name: string;
  /** The reason in English, to be shown. */
  readonly reason: string;
  readonly code: MissingCode;
}

/** Why the other host does not have a file. Later versions may add codes. */
export type MissingCode =
  /** The other host could not store it. */
  | NotStored
  /** This host did not send it completely: `reason` says why. */
  | "unsent"
  /** The session ended before the other host confirmed it. */
  | "unconfirmed";
