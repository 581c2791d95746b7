import { asError } from "./error.js";
import { onAbort } from "./with_timeout.js";

/**
 * Things that arrived and wait for a loop to take them, in order and no more than `max`. Iterates once.
 *
 * @template T
 */
export class Arrivals {
  #max;
  #refuse;
  /** @type {T[]} */
  #waiting = [];
  /** Loops that wait. @type {{ resolve: (result: IteratorResult<T, undefined>) => void, reject: (error: unknown) => void }[]} */
  #takers = [];
  #isOver = false;
  /** @type {unknown} */
  #error;
  /** @type {(() => void)[]} */
  #undo = [];

  /** @param {number} max @param {(item: T) => void} refuse takes what nobody will take any more */
  constructor(max, refuse) {
    this.#max = max;
    this.#refuse = refuse;
  }

  /** @param {AbortSignal | undefined} signal */
  endAt(signal) {
    this.finally(
      onAbort(signal, (error) => {
        this.#drop();
        this.end(error);
      }),
    );
  }

  /** Calls a function at the end. @param {() => void} undo */
  finally(undo) {
    if (this.#isOver) undo();
    else this.#undo.push(undo);
  }

  /** Returns false if there is no room for it: it is refused. @param {T} item */
  push(item) {
    const taker = this.#isOver ? undefined : this.#takers.shift();
    if (taker) {
      taker.resolve({ value: item, done: false });
      return true;
    }
    if (this.#isOver || this.#waiting.length === this.#max) {
      this.#refuse(item);
      return false;
    }
    this.#waiting.push(item);
    return true;
  }

  /** Ends, after what waits. @param {unknown} [error] */
  end(error) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    for (const undo of this.#undo) undo();
    for (const taker of this.#takers.splice(0)) this.next().then(taker.resolve, taker.reject);
  }

  /** @returns {Promise<IteratorResult<T, undefined>>} */
  async next() {
    const [value] = this.#waiting.splice(0, 1);
    if (value !== undefined) return { value, done: false };
    if (!this.#isOver) return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw asError(error, "local");
    return { value: undefined, done: true };
  }

  /** Ends it because the loop was left. @returns {Promise<IteratorResult<T, undefined>>} */
  async return() {
    this.#drop();
    this.end();
    this.#error = undefined;
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  #drop() {
    for (const item of this.#waiting.splice(0)) this.#refuse(item);
  }
}
