/**
 * A promise that is settled from outside. A rejection without a handler is not an error.
 *
 * @template T
 */
export class Deferred {
  /** @type {(value: T) => void} */
  resolve;
  /** @type {(error: import("./error.js").XcherError) => void} */
  reject;
  /** @type {Promise<T>} */
  promise = new Promise((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    this.promise.catch(() => {});
  }
}
