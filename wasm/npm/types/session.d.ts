import type { Content, Named } from "./bytes.js";
import type { XcherError } from "./errors.js";
import type { Offering } from "./offers.js";
import type { Device, WaitOptions } from "./options.js";
import type { RemoteFile } from "./remote_file.js";
import type { Download, DownloadOptions } from "./transfers.js";

/** A session with another host. Both sides can list and fetch. */
export interface Session {
  /** The other end of the control connection: `ip:port`. */
  readonly peerAddress: string;
  /** The nick that was called, or the caller's according to the relay. */
  readonly nick?: string;
  /** True if the other host called. */
  readonly incoming: boolean;
  /** True if the session is encrypted: only the two sides can read what is sent. */
  readonly secure: boolean;
  /**
   * Why it is unencrypted: an option of this peer disables encryption (`here`), or the other host does not
   * support it (`there`).
   */
  readonly whyPlain?: "here" | "there";
  /** The key that the other host proved to hold, in base64; `undefined` in an unencrypted session. */
  readonly peerKey?: string;
  /**
   * The status of that key: it is the pinned one (`pinned`), it was pinned just now as the first of its
   * nick (`first`), its holder knows the code (`code`), or it is not pinned, because the other host called
   * (`no`).
   */
  readonly known?: "pinned" | "first" | "code" | "no";
  /**
   * The kind of device that the other host says it is; `undefined` if it does not say so, or the session is unencrypted.
   * Nothing proves it. Later versions may add values.
   */
  readonly device?: Device;
  /**
   * The way of the files that are requested from now on: through the bridge, or a link between both browsers
   * (`direct`). The peer's event `way` reports a change. Later versions may add values.
   */
  readonly way: "bridge" | "direct";
  /**
   * Three words that both sides see unless the session is intercepted: users compare them by voice. Rejects
   * in an unencrypted session (`not-private`), or if the session ends before.
   */
  readonly safetyWords: Promise<string>;
  /**
   * Resolves when the session has ended: to `undefined` if in order, otherwise to the reason. Never rejects.
   */
  readonly closed: Promise<XcherError | undefined>;
  /**
   * Lists the files that the other host shares, as they arrive. A slow loop slows the other host down.
   * Entries with names that no host accepts are skipped. Only one listing runs at a time.
   *
   * `timeout` limits the wait for each entry; there is none by default.
   *
   * @throws XcherError `misuse` if another listing runs or the session has ended; the reason if it ends; `timed-out`,
   *   `cancelled`
   */
  list(options?: WaitOptions): AsyncIterableIterator<RemoteFile>;
  /** Asks whether the other host shares `name`. @throws XcherError those of {@link Session.list} */
  check(name: string, options?: WaitOptions): Promise<boolean>;
  /**
   * Requests a file, once its `readable` is read. A file from a listing is requested as it was listed; a name
   * alone is looked up in the listing first.
   *
   * `partial` has the first bytes of the file, received earlier from a peer with this `peerKey`. In an encrypted
   * session the other host compares them with its own and sends the rest. It may send the complete file instead:
   * {@link Download.start} says at which position the received bytes begin.
   */
  get(file: string | RemoteFile, options?: { partial?: Content } & DownloadOptions): Download;
  /**
   * Requests up to 1024 files at once. Those of up to 256 KiB are sent as batches if the other host supports
   * that, without a round trip for each. Their bytes are held in memory until they are read: up to 16 MiB of
   * the files of batches. Read or store the downloads in order, or all at once: later ones may wait until
   * those before are stored or cancelled.
   *
   * Announces their number and size to the other host, unless {@link want} was called.
   */
  getAll(files: readonly RemoteFile[], options?: DownloadOptions): Download[];
  /**
   * Announces to a host that sends by a code how many files, and bytes in them, this peer wants in this
   * session, and how many of these files it has already and will not request. The numbers of several calls
   * add up. The sender then considers its files delivered only once so many are stored, instead of as soon as
   * those requested so far are. For an application that requests files one by one: call it once the choice is
   * made, and count each file once.
   *
   * @throws XcherError `misuse` if the session has ended
   */
  want(what: { files?: number; bytes?: number; here?: number }): void;
  /**
   * Offers files to the other host, which may fetch or decline each of them. They are shared with it alone,
   * until the session ends. In an unencrypted session nothing is offered: `done` rejects with `not-private`. `signal` and
   * `timeout` cancel the offer unless it is settled by then.
   *
   * @throws XcherError `misuse` without files, or for a name that is offered already; `policy` for a name
   *   that cannot be shared
   */
  offer(files: Iterable<Named>, options?: WaitOptions): Offering;
  /** Ends the session in order, and resolves once it has ended. Transfers under way continue. */
  end(options?: WaitOptions): Promise<void>;
  /** Ends the session and all its transfers at once. */
  reject(): void;
  /** Ends the session at the end of a block with `await using`, unless it has ended. */
  [Symbol.asyncDispose](): Promise<void>;
}
