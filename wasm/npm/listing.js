/** Entries after which the other side may send as many more. */
const STEP = 256;

/** A list on its way. */
export class Listing {
  #took;
  #taken = 0;
  /** @type {import("./index.js").RemoteFile[]} */
  #files = [];
  #at = 0;
  /** @type {(() => void) | undefined} */
  #wake;
  #ended = false;
  /** @type {import("./error.js").XcherError | undefined} */
  #error;
  /** @type {() => void} */
  #finish;
  dropped = false;

  /** @param {(entries: number) => void} took */
  constructor(took) {
    this.#took = took;
    /** Settles when nothing more comes. */
    this.over = new Promise((resolve) => {
      this.#finish = () => resolve(undefined);
    });
  }

  /** The next file, or `undefined` at the end. */
  async next() {
    while (this.#at === this.#files.length) {
      if (this.#error) throw this.#error;
      if (this.#ended) return undefined;
      this.#files = [];
      this.#at = 0;
      await new Promise((resolve) => {
        this.#wake = () => resolve(undefined);
      });
    }
    this.#count();
    return this.#files[this.#at++];
  }

  /** @param {import("./index.js").RemoteFile} file */
  push(file) {
    if (this.dropped) return this.#count();
    this.#files.push(file);
    this.#wake?.();
  }

  /** @param {import("./error.js").XcherError} [error] */
  end(error) {
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
    this.#finish();
  }

  /** Nobody reads it any more: what still comes is thrown away. */
  drop() {
    this.dropped = true;
    while (this.#at < this.#files.length && !this.#ended) {
      this.#at += 1;
      this.#count();
    }
    this.#files = [];
    this.#at = 0;
  }

  #count() {
    this.#taken += 1;
    if (this.#taken === STEP && !this.#ended) {
      this.#taken = 0;
      this.#took(STEP);
    }
  }
}
