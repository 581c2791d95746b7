/** Entries after which the peer may send as many more. */
const STEP = 256;

/** A listing being received. */
export class Listing {
  #report;
  #unreported = 0;
  /** @type {import("./index.js").RemoteFile[]} */
  #files = [];
  #at = 0;
  #wake = () => {};
  #ended = false;
  /** @type {import("./error.js").XcherError | undefined} */
  #error;
  /** @type {() => void} */
  #finish;
  dropped = false;

  /** @param {(entries: number) => void} report reports entries that were read */
  constructor(report) {
    this.#report = report;
    /** Settles once the last entry has arrived. */
    this.over = new Promise((resolve) => {
      this.#finish = () => resolve(undefined);
    });
  }

  /** Returns the next file, or `undefined` if none is here. */
  take() {
    if (this.#at < this.#files.length) {
      this.#count();
      return this.#files[this.#at++];
    }
    this.#files = [];
    this.#at = 0;
    return undefined;
  }

  /** Returns true if no more files arrive. @throws the reason, if the listing is incomplete */
  isOver() {
    if (this.#error) throw this.#error;
    return this.#ended;
  }

  /** Calls a function once a file is here, or the listing is over. @param {(nothing: undefined) => void} wake */
  onArrival(wake) {
    this.#wake = () => wake(undefined);
  }

  /** @param {import("./index.js").RemoteFile} file */
  push(file) {
    if (this.dropped) return this.#count();
    this.#files.push(file);
    this.#wake();
  }

  /** @param {import("./error.js").XcherError} [error] */
  end(error) {
    this.#ended = true;
    this.#error = error;
    this.#wake();
    this.#finish();
  }

  /** Discards the entries that are left and those that still arrive. */
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
    this.#unreported += 1;
    if (this.#unreported === STEP && !this.#ended) {
      this.#unreported = 0;
      this.#report(STEP);
    }
  }
}
