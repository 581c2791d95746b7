import { XcherError, asError } from "./error.js";

/** Bytes that may wait for the reader. */
const AHEAD = 128 << 10;

/** A file on its way to us. */
export class Download {
  #driver;
  /** @type {number | undefined} */
  #id;
  #begin;
  /** @type {Uint8Array[]} */
  #pieces = [];
  #waiting = 0;
  #whole = false;
  /** @type {XcherError | undefined} */
  #error;
  /** @type {ReadableStreamDefaultController<Uint8Array>} */
  #reader;
  /** @type {(() => void) | undefined} */
  #wake;
  /** @type {() => void} */
  #succeed;
  /** @type {(error: XcherError) => void} */
  #fail;
  #received = 0;

  /**
   * @param {import("./driver.js").Driver} driver
   * @param {string} name
   * @param {number | undefined} size
   * @param {(download: Download) => Promise<number>} begin requests it
   */
  constructor(driver, name, size, begin) {
    this.#driver = driver;
    this.name = name;
    this.size = size;
    this.#begin = begin;
    this.done = new Promise((resolve, reject) => {
      this.#succeed = /** @type {() => void} */ (resolve);
      this.#fail = reject;
    });
    // Whoever wants to know asks.
    this.done.catch(() => {});
    this.readable = new ReadableStream(
      {
        start: (reader) => {
          this.#reader = reader;
        },
        pull: () => this.#pull(),
        cancel: () => this.cancel(),
      },
      // Nothing comes before it is read from.
      { highWaterMark: 0 },
    );
  }

  get received() {
    return this.#received;
  }

  cancel() {
    if (this.#error || this.#whole) return;
    if (this.#id === undefined) this.failed(new XcherError("cancelled", "cancelled"));
    else this.#driver.do("cancel", this.#id);
  }

  /** @param {Uint8Array} piece */
  take(piece) {
    this.#received += piece.length;
    this.#waiting += piece.length;
    this.#pieces.push(piece);
    this.#wake?.();
  }

  /** Every byte came. */
  finished() {
    this.#whole = true;
    this.#wake?.();
    if (this.#pieces.length === 0) this.#end();
  }

  /** @param {XcherError} error */
  failed(error) {
    if (this.#error || this.#whole) return;
    this.#error = error;
    this.#pieces = [];
    this.#fail(error);
    this.#wake?.();
    try {
      this.#reader.error(error);
    } catch {
      // It was cancelled by its reader.
    }
  }

  #end() {
    this.#succeed();
    try {
      this.#reader.close();
    } catch {
      // It was cancelled by its reader after the last byte.
    }
  }

  async #pull() {
    if (this.#id === undefined) {
      try {
        const id = await this.#begin(this);
        this.#id = id;
        if (this.#error) this.#driver.do("cancel", id);
      } catch (error) {
        return this.failed(asError(error, "misuse"));
      }
    }
    if (this.#waiting < AHEAD && !this.#whole) this.#driver.do("want", this.#id);
    if (this.#pieces.length === 0 && !this.#whole && !this.#error) {
      await new Promise((resolve) => {
        this.#wake = () => resolve(undefined);
      });
    }
    const piece = this.#pieces.shift();
    if (!piece || this.#error) return;
    this.#waiting -= piece.length;
    this.#reader.enqueue(piece);
    if (this.#whole && this.#pieces.length === 0) this.#end();
  }
}
