import { Deferred } from "./deferred.js";
import { DownloadBuffer } from "./download_buffer.js";
import { XcherError, asError, misuse } from "./error.js";
import { Progress } from "./progress.js";
import { readText } from "./texts.js";
import { after, onAbort, timedOut } from "./with_timeout.js";

/** Unread bytes below which more are requested. */
const LOW_WATER_MARK = 128 << 10;

/**
 * @typedef {{
 *   name: string, size?: number, modified?: number, folder?: boolean, partial?: Blob, confirm: boolean, signal?: AbortSignal,
 *   timeout?: number,
 * }} Wanted `partial` has the bytes to resume after; `confirm` is true if the application reports when it is stored;
 *   `timeout` is the longest time without a byte
 */

/** A file being received. */
export class Download extends Progress {
  #driver;
  /** @type {number | undefined} */
  #id;
  #begin;
  #unread = new DownloadBuffer();
  #complete = false;
  #confirm;
  /** Set once the module knows whether it is stored, or that it is cancelled. */
  #settled = false;
  /** @type {XcherError | undefined} */
  #error;
  /** @type {ReadableByteStreamController} */
  #reader;
  /** @type {(() => void) | undefined} */
  #wake;
  /** @type {Deferred<void>} */
  #end = new Deferred();
  done = this.#end.promise;
  /** Settles once it is requested. @type {Promise<void> | undefined} */
  #requested;
  /** Position in the file of the first byte received. @type {Deferred<number>} */
  #start = new Deferred();
  /** Set once `start` has said where the bytes begin. */
  #position = 0;
  #received = 0;
  #verified = false;
  #timeout;
  #forgetSignal = () => {};

  /**
   * @param {import("./driver.js").Driver} driver
   * @param {Wanted} wanted checked
   * @param {(download: Download) => Promise<number>} begin requests it
   */
  constructor(driver, { name, size, modified, folder, partial, confirm, signal, timeout }, begin) {
    super(() => ({ bytes: this.#position + this.#received, size: this.size }));
    this.#driver = driver;
    this.#confirm = confirm;
    this.name = name;
    this.size = size;
    this.modified = modified;
    this.folder = folder;
    this.partial = partial;
    this.#timeout = timeout;
    this.#begin = begin;
    // A byte stream pulls nothing before it is read.
    this.readable = new ReadableStream({
      type: "bytes",
      start: (reader) => {
        this.#reader = reader;
      },
      pull: () => this.#pull(),
      cancel: (why) => this.#dropped(why),
    });
    this.#forgetSignal = onAbort(signal, (error) => this.abort(error));
  }

  get received() {
    return this.#received;
  }

  get verified() {
    return this.#verified;
  }

  start() {
    this.#request();
    const settled = this.#patiently();
    this.#start.promise.then(settled, settled);
    return this.#start.promise;
  }

  async text() {
    const confirm = this.#confirm;
    // Bytes that are no text do not count as stored.
    this.#confirm = true;
    try {
      const text = await readText(this.readable);
      if (!confirm) this.#stored();
      return text;
    } catch (error) {
      const { message } = asError(error, "local");
      this.notStored("other", message);
      throw error;
    }
  }

  cancel() {
    if (this.#error || this.#settled) return;
    if (this.#id === undefined || this.#driver.isClosing) return this.failed(new XcherError("cancelled", "cancelled"));
    if (this.#complete) this.#settled = true;
    this.#do("cancel");
  }

  /** Cancels it at once, with a reason. @param {XcherError} error */
  abort(error) {
    if (this.#error || this.#settled) return;
    if (this.#id !== undefined && !this.#driver.isClosing) this.#do("cancel");
    this.failed(error);
  }

  /** Aborts it unless the function that is returned is called in time. */
  #patiently() {
    return after(this.#timeout, () => this.abort(timedOut(`no byte of ${this.name} arrived`, this.#timeout)));
  }

  /**
   * Lets the caller report that it is stored, as with `confirm`: for helpers that know better when that is than the
   * end of `readable`. Nothing may have read it.
   *
   * @param {Download} download
   * @returns {() => void} reports it, if the application does not
   */
  static takeOver(download) {
    if (download.readable.locked) throw misuse(`the stream of ${download.name} is in use: pass a download that nothing reads`);
    if (download.#confirm) return () => {};
    download.#confirm = true;
    return () => download.stored();
  }

  stored() {
    if (!this.#confirm) throw misuse("stored() needs a download with `confirm: true`");
    const read = this.#complete && this.#unread.length === 0;
    if (!read && !this.#error) throw misuse("read the download to its end before stored()");
    this.#stored();
  }

  defer() {
    if (!this.#confirm) throw misuse("defer() needs a download with `confirm: true`");
    if (this.#error || this.#settled) return;
    if (!this.#complete || this.#unread.length) throw misuse("read the download to its end before defer()");
    this.#do("defer");
  }

  /** @param {import("./index.js").NotStored} [reason] @param {string} [message] @param {unknown} [cause] */
  notStored(reason = "other", message = "it could not be stored", cause = undefined) {
    if (this.#error || this.#settled) return;
    // Checks the reason of a download without a transfer, too: no transfer has the number 0.
    this.#driver.do({ kind: "notStored", transfer: this.#id ?? 0, reason, message }, cause);
    if (this.#id === undefined) return this.failed(new XcherError("local", message, cause));
    if (this.#complete) this.#settled = true;
  }

  #stored() {
    if (this.#error || this.#settled) return;
    this.#settled = true;
    this.#do("stored");
  }

  /** Handles the cancellation of `readable`. @param {unknown} why */
  #dropped(why) {
    const failed = why instanceof Error && why.name !== "AbortError" && !(why instanceof XcherError);
    if (failed) this.notStored("other", why.message, why);
    else this.cancel();
  }

  // Called by `transfers.js` and `session.js`.

  /** @param {number} from position of the first byte that follows */
  started(from) {
    this.#position = from;
    this.#start.resolve(from);
  }

  /** Buffers received bytes. @param {Uint8Array} bytes */
  receive(bytes) {
    if (this.#error) return;
    this.#received += bytes.length;
    this.#unread.add(bytes, this.size);
    this.#wake?.();
  }

  /** Takes the report that every byte has arrived. @param {boolean} verified true if they match the digest */
  complete(verified) {
    if (this.#error) return;
    this.#verified = verified;
    this.#complete = true;
    this.#wake?.();
  }

  /** Records that it is stored and that its receipt is on the way. */
  finished() {
    this.#forgetSignal();
    this.moved();
    this.#end.resolve();
  }

  /** @param {XcherError} error */
  failed(error) {
    if (this.#error) return;
    this.#error = error;
    this.#unread.clear();
    this.#forgetSignal();
    this.moved();
    this.#end.reject(error);
    this.#start.reject(error);
    this.#wake?.();
    try {
      this.#reader.error(error);
    } catch {
      // The reader has cancelled it.
    }
  }

  /** Its number, once it is requested. */
  get #assigned() {
    return /** @type {number} */ (this.#id);
  }

  /** @param {"stored" | "defer" | "readMore" | "cancel"} kind */
  #do(kind) {
    this.#driver.do({ kind, transfer: this.#assigned });
  }

  /** Ends `readable`: its reader asked for more after the last byte, so it has handled that one. */
  #close() {
    try {
      this.#reader.close();
      this.#reader.byobRequest?.respond(0);
    } catch {
      // The reader has cancelled it after the last byte.
    }
    try {
      if (!this.#confirm) this.#stored();
    } catch (error) {
      // The peer is closed.
      this.failed(asError(error, "cancelled"));
    }
  }

  #request() {
    if (this.#error) return Promise.resolve();
    this.moving();
    return (this.#requested ??= this.#begin(this).then(
      (id) => {
        this.#id = id;
        if (this.#error && !this.#driver.isClosing) this.#do("cancel");
      },
      (error) => this.failed(asError(error, "misuse")),
    ));
  }

  async #pull() {
    if (this.partial && !this.#requested) {
      // The reader must know where the first byte belongs.
      return this.failed(misuse("call start() before you read a download with `partial`"));
    }
    const arrived = this.#patiently();
    try {
      await this.#arrival();
    } finally {
      arrived();
    }
    if (this.#error) return;
    if (this.#unread.length === 0) {
      if (this.#complete) this.#close();
      return;
    }
    this.#supply();
  }

  /** Waits until there are bytes to read, or the end. */
  async #arrival() {
    await this.#request();
    if (this.#error) return;
    if (this.#unread.length < LOW_WATER_MARK && !this.#complete) this.#do("readMore");
    while (this.#unread.length === 0 && !this.#complete && !this.#error) {
      await new Promise((resolve) => {
        this.#wake = () => resolve(undefined);
      });
    }
  }

  /** Passes waiting bytes to the reader. */
  #supply() {
    const into = this.#reader.byobRequest?.view;
    if (into) {
      const memory = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
      this.#reader.byobRequest?.respond(this.#unread.moveInto(memory));
    } else this.#reader.enqueue(this.#unread.take());
  }
}
