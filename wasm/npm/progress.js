/** Time between two events, in milliseconds. */
const INTERVAL = 250;
/** Weight of the latest rate in the average. */
const RATE_WEIGHT = 0.3;
/** Bytes per second that are reported as none. */
const MIN_RATE = 1;

/**
 * Something that moves bytes. While it has listeners for `progress` it emits the event at each interval in which bytes
 * moved, or the rate fell, and once more when it has ended.
 */
export class Progress extends EventTarget {
  #count;
  #listens = false;
  #moves = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #bytes = 0;
  #rate = 0;
  #at = 0;

  /** @param {() => { bytes: number, size: number | undefined }} count returns how far it is */
  constructor(count) {
    super();
    this.#count = count;
  }

  /**
   * @param {string} type
   * @param {any} listener
   * @param {any} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
    if (type !== "progress") return;
    this.#listens = true;
    this.#tick();
  }

  /**
   * Has the types of `index.d.ts`.
   *
   * @param {string} type
   * @param {any} listener
   * @param {any} [options]
   */
  removeEventListener(type, listener, options) {
    super.removeEventListener(type, listener, options);
  }

  /** Begins to report: bytes move from now on. */
  moving() {
    this.#moves = true;
    this.#tick();
  }

  /** Reports the end. */
  moved() {
    if (!this.#moves) return;
    this.#moves = false;
    clearInterval(this.#timer);
    if (this.#timer !== undefined) this.#report(true);
    this.#timer = undefined;
  }

  #tick() {
    if (!this.#listens || !this.#moves || this.#timer !== undefined) return;
    this.#bytes = this.#count().bytes;
    this.#at = performance.now();
    this.#timer = setInterval(() => this.#report(false), INTERVAL);
    // A program may end although nothing moves.
    /** @type {any} */ (this.#timer).unref?.();
  }

  /** @param {boolean} last */
  #report(last) {
    const { bytes, size } = this.#count();
    const now = performance.now();
    const moved = bytes - this.#bytes;
    const rate = (1000 * moved) / Math.max(now - this.#at, 1);
    const before = this.#rate;
    // The last interval is too short to tell anything, unless it is the only one.
    if (!last || !before) this.#rate = before ? before + RATE_WEIGHT * (rate - before) : rate;
    if (this.#rate < MIN_RATE) this.#rate = 0;
    this.#bytes = bytes;
    this.#at = now;
    if (!last && !moved && this.#rate === before) return;
    this.dispatchEvent(Object.assign(new Event("progress"), { bytes, size, rate: this.#rate }));
  }
}
