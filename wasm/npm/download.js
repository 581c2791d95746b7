import { Deferred } from "./deferred.js";
import { XcherError, asError } from "./error.js";
import { readText } from "./texts.js";

/** Unread bytes below which more are requested. */
const LOW_WATER_MARK = 128 << 10;
/** Size of the buffer that usually suffices. */
const BUFFER_LEN = 512 << 10;

/** A file being received. */
export class Download {
  #driver;
  /** @type {number | undefined} */
  #id;
  #begin;
  /** Unread bytes, in memory that is reused: see blob_reader.js. */
  #buffer = new Uint8Array(0);
  #from = 0;
  #to = 0;
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
  #received = 0;
  #verified = false;

  /**
   * @param {import("./driver.js").Driver} driver
   * @param {string} name
   * @param {number | undefined} size
   * @param {Blob | undefined} partial the bytes to resume after
   * @param {boolean} confirm true if the application reports when it is stored
   * @param {(download: Download) => Promise<number>} begin requests it
   */
  constructor(driver, name, size, partial, confirm, begin) {
    this.#driver = driver;
    this.#confirm = confirm;
    this.name = name;
    this.size = size;
    this.partial = partial;
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
  }

  get received() {
    return this.#received;
  }

  get verified() {
    return this.#verified;
  }

  start() {
    this.#request();
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
    if (this.#id === undefined) return this.failed(new XcherError("cancelled", "cancelled"));
    if (this.#complete) this.#settled = true;
    this.#do("cancel");
  }

  stored() {
    if (!this.#confirm) throw new XcherError("misuse", "stored() needs a download with `confirm: true`");
    const read = this.#complete && this.#waiting === 0;
    if (!read && !this.#error) throw new XcherError("misuse", "read the download to its end before stored()");
    this.#stored();
  }

  /** @param {import("./index.js").NotStored} [reason] @param {string} [message] */
  notStored(reason = "other", message = "it could not be stored") {
    if (this.#error || this.#settled) return;
    // Checks the reason of a download without a transfer, too: no transfer has the number 0.
    this.#driver.do({ kind: "notStored", transfer: this.#id ?? 0, reason, message });
    if (this.#id === undefined) return this.failed(new XcherError("local", message));
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
    if (failed) this.notStored("other", why.message);
    else this.cancel();
  }

  // Called by `transfers.js` and `session.js`.

  /** @param {number} from position of the first byte that follows */
  started(from) {
    this.#start.resolve(from);
  }

  /** Buffers received bytes. @param {Uint8Array} bytes */
  receive(bytes) {
    if (this.#error) return;
    this.#received += bytes.length;
    if (bytes.length > this.#buffer.length - this.#to) this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#to);
    this.#to += bytes.length;
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
    this.#end.resolve();
  }

  /** @param {XcherError} error */
  failed(error) {
    if (this.#error) return;
    this.#error = error;
    this.#buffer = new Uint8Array(0);
    this.#from = this.#to = 0;
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

  /** @param {"stored" | "readMore" | "cancel"} kind */
  #do(kind) {
    this.#driver.do({ kind, transfer: this.#assigned });
  }

  get #waiting() {
    return this.#to - this.#from;
  }

  /** @param {number} length */
  #makeRoom(length) {
    const waiting = this.#buffer.subarray(this.#from, this.#to);
    const least = waiting.length + length;
    // A small file needs no more memory than its size.
    const most = Math.max(least, Math.min(this.size ?? Infinity, Math.max(BUFFER_LEN, 2 * least)));
    if (least > this.#buffer.length) this.#buffer = new Uint8Array(most);
    this.#buffer.set(waiting);
    this.#to = waiting.length;
    this.#from = 0;
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
    return (this.#requested ??= this.#begin(this).then(
      (id) => {
        this.#id = id;
        if (this.#error) this.#do("cancel");
      },
      (error) => this.failed(asError(error, "misuse")),
    ));
  }

  async #pull() {
    if (this.partial && !this.#requested) {
      // The reader must know where the first byte belongs.
      return this.failed(new XcherError("misuse", "call start() before you read a download with `partial`"));
    }
    await this.#request();
    if (this.#error) return;
    if (this.#waiting < LOW_WATER_MARK && !this.#complete) this.#do("readMore");
    while (this.#waiting === 0 && !this.#complete && !this.#error) {
      await new Promise((resolve) => {
        this.#wake = () => resolve(undefined);
      });
    }
    if (this.#error) return;
    if (this.#waiting === 0) {
      if (this.#complete) this.#close();
      return;
    }
    const waiting = this.#buffer.subarray(this.#from, this.#to);
    const into = this.#reader.byobRequest?.view;
    if (into) {
      const some = waiting.subarray(0, into.byteLength);
      new Uint8Array(into.buffer, into.byteOffset).set(some);
      this.#from += some.length;
      this.#reader.byobRequest?.respond(some.length);
    } else {
      this.#from = this.#to;
      this.#reader.enqueue(waiting.slice());
    }
    if (this.#waiting === 0) this.#from = this.#to = 0;
  }
}
