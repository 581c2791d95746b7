import { Deferred } from "./deferred.js";
import { checkReason } from "./delivery.js";
import { XcherError, asError } from "./error.js";

/** Bytes that may wait for the reader before more are asked for. */
const AHEAD = 128 << 10;
/** What usually waits at most. */
const HELD = 512 << 10;

/** A file on its way to us. */
export class Download {
  #driver;
  /** @type {number | undefined} */
  #id;
  #begin;
  /** What came and was not read, in the same memory all the time: see blob_reader.js. */
  #held = new Uint8Array(0);
  #from = 0;
  #to = 0;
  #whole = false;
  #confirm;
  /** It is said whether it is stored. */
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
  /** Asking for it, once it is asked for. @type {Promise<void> | undefined} */
  #asking;
  /** What comes first. @type {Deferred<number>} */
  #start = new Deferred();
  #received = 0;
  #verified = false;

  /**
   * @param {import("./driver.js").Driver} driver
   * @param {string} name
   * @param {number | undefined} size
   * @param {Blob | undefined} partial what is here of it
   * @param {boolean} confirm whether who reads it says when it is stored
   * @param {(download: Download) => Promise<number>} begin requests it
   */
  constructor(driver, name, size, partial, confirm, begin) {
    this.#driver = driver;
    this.#confirm = confirm;
    this.name = name;
    this.size = size;
    this.partial = partial;
    this.#begin = begin;
    // Nothing comes before it is read from: that is what a stream of bytes does by itself.
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
    this.#ask();
    return this.#start.promise;
  }

  cancel() {
    if (this.#error || this.#settled) return;
    if (this.#id === undefined) return this.failed(new XcherError("cancelled", "cancelled"));
    if (this.#whole) this.#settled = true;
    this.#driver.do("cancel", { id: this.#id });
  }

  stored() {
    if (!this.#confirm) throw new XcherError("misuse", "expected a download with `confirm`, got one without");
    const read = this.#whole && this.#waiting === 0;
    if (!read && !this.#error) throw new XcherError("misuse", "expected a download that was read to its end");
    this.#stored();
  }

  /** @param {import("./index.js").NotStored} [reason] @param {string} [message] */
  notStored(reason = "other", message = "it could not be stored") {
    checkReason(reason);
    if (this.#error || this.#settled) return;
    if (this.#id === undefined) return this.failed(new XcherError("local", message));
    if (this.#whole) this.#settled = true;
    this.#driver.do("unstored", { id: this.#id, text: reason, more: message });
  }

  #stored() {
    if (this.#error || this.#settled) return;
    this.#settled = true;
    this.#driver.do("stored", { id: this.#id });
  }

  /** Its reader wants no more, because of what. @param {unknown} why */
  #dropped(why) {
    const failed = why instanceof Error && why.name !== "AbortError" && !(why instanceof XcherError);
    if (failed) this.notStored("other", why.message);
    else this.cancel();
  }

  /** @param {number} from what comes first */
  started(from) {
    this.#start.resolve(from);
  }

  /** @param {Uint8Array} bytes to be kept */
  take(bytes) {
    if (this.#error) return;
    this.#received += bytes.length;
    if (bytes.length > this.#held.length - this.#to) this.#makeRoom(bytes.length);
    this.#held.set(bytes, this.#to);
    this.#to += bytes.length;
    this.#wake?.();
  }

  /** Every byte came. @param {boolean} verified its digest came too, and is right */
  whole(verified) {
    if (this.#error) return;
    this.#verified = verified;
    this.#whole = true;
    this.#wake?.();
  }

  /** It is stored, and the other side is told. */
  finished() {
    this.#end.resolve();
  }

  /** @param {XcherError} error */
  failed(error) {
    if (this.#error) return;
    this.#error = error;
    this.#held = new Uint8Array(0);
    this.#from = this.#to = 0;
    this.#end.reject(error);
    this.#start.reject(error);
    this.#wake?.();
    try {
      this.#reader.error(error);
    } catch {
      // It was cancelled by its reader.
    }
  }

  get #waiting() {
    return this.#to - this.#from;
  }

  /** @param {number} length */
  #makeRoom(length) {
    const waiting = this.#held.subarray(this.#from, this.#to);
    const least = waiting.length + length;
    // Of a small file there is never more than all of it.
    const most = Math.max(least, Math.min(this.size ?? Infinity, Math.max(HELD, 2 * least)));
    if (least > this.#held.length) this.#held = new Uint8Array(most);
    this.#held.set(waiting);
    this.#to = waiting.length;
    this.#from = 0;
  }

  /** All was read: its reader came back for more, so that it had a use for the last byte. */
  #close() {
    try {
      this.#reader.close();
      this.#reader.byobRequest?.respond(0);
    } catch {
      // It was cancelled by its reader after the last byte.
    }
    try {
      if (!this.#confirm) this.#stored();
    } catch (error) {
      // The peer was closed meanwhile.
      this.failed(asError(error, "cancelled"));
    }
  }

  #ask() {
    return (this.#asking ??= this.#begin(this).then(
      (id) => {
        this.#id = id;
        if (this.#error) this.#driver.do("cancel", { id });
      },
      (error) => this.failed(asError(error, "misuse")),
    ));
  }

  async #pull() {
    if (this.partial && !this.#asking) {
      // Whoever reads has to know what it is that comes first.
      return this.failed(new XcherError("misuse", "expected start() before a partial file is read on"));
    }
    await this.#ask();
    if (this.#error) return;
    if (this.#waiting < AHEAD && !this.#whole) this.#driver.do("want", { id: this.#id });
    while (this.#waiting === 0 && !this.#whole && !this.#error) {
      await new Promise((resolve) => {
        this.#wake = () => resolve(undefined);
      });
    }
    if (this.#error) return;
    if (this.#waiting === 0) {
      if (this.#whole) this.#close();
      return;
    }
    const waiting = this.#held.subarray(this.#from, this.#to);
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
