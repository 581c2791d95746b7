import { Deferred } from "./deferred.js";
import { Delivery } from "./delivery.js";
import { XcherError } from "./error.js";
import { Progress } from "./progress.js";
import { after, onAbort, timedOut } from "./with_timeout.js";

/** @typedef {import("./upload.js").Upload} Upload */

/** Files that were offered to the other peer. */
export class Offering extends Progress {
  #delivery = new Delivery(0, 0, 0, 0, 0, 0, 0);
  /** @type {XcherError | undefined} */
  #error;
  isSettled = false;
  #isOver = false;
  /** @type {Deferred<void>} */
  #end = new Deferred();
  done = this.#end.promise;
  #withdraw;
  /** By the name of their first file, the latest where one was repeated. @type {Map<string, Upload>} */
  #uploads = new Map();

  /**
   * @param {import("./session.js").Session} session
   * @param {{ name: string, size: number }[]} files
   * @param {() => void} withdraw stops sharing the files
   * @param {{ signal?: AbortSignal, timeout?: number }} limits of the time until it is settled
   */
  constructor(session, files, withdraw, { signal, timeout }) {
    const size = files.reduce((sum, { size }) => sum + size, 0);
    super(() => ({ bytes: this.#sentBytes(size), size }));
    this.session = session;
    this.files = files;
    this.#withdraw = withdraw;
    const late = () => this.cancel(timedOut("the other host did not settle the offer", timeout));
    const undo = [after(timeout, late), onAbort(signal, (error) => this.cancel(error))];
    const settled = () => undo.forEach((each) => each());
    this.done.then(settled, settled);
    this.moving();
  }

  get stored() {
    return this.#delivery.stored;
  }

  get handedOver() {
    return this.#delivery.handedOver;
  }

  get sent() {
    return this.#delivery.sent;
  }

  get declined() {
    return this.#delivery.declined;
  }

  get failed() {
    return this.#delivery.failed;
  }

  get missing() {
    return this.#delivery.missing;
  }

  /** @param {XcherError} [error] */
  cancel(error) {
    if (this.isSettled) return;
    this.#withdraw();
    for (const upload of this.#uploads.values()) upload.cancel();
    this.#error = error instanceof XcherError ? error : undefined;
    this.interrupt();
  }

  /** @param {number} size */
  #sentBytes(size) {
    let bytes = 0;
    for (const { sent } of this.#uploads.values()) bytes += sent;
    // A repeated batch may have another first file.
    return Math.min(bytes, size);
  }

  // Called by `session.js` and `transfers.js`.

  /** @param {Upload} upload @param {string} name */
  uploading(upload, name) {
    this.#uploads.set(name, upload);
  }

  /** Keeps the reason why nothing more will be requested. @param {XcherError} error */
  ended(error) {
    this.#error ??= error;
  }

  /** @param {string} state as the module's event `offerChanged` has it @param {Delivery} delivery */
  changed(state, delivery) {
    this.#delivery = delivery;
    if (this.#isOver) return;
    this.isSettled = state !== "pending";
    if (state === "settled") this.#finish(() => this.#end.resolve());
    else if (this.isSettled) this.interrupt();
  }

  /** Fails: the outcome of the remaining files will not be known. */
  interrupt() {
    this.#finish(() => this.#end.reject(this.#error ?? new XcherError("cancelled", "cancelled")));
  }

  /** @param {() => void} settle */
  #finish(settle) {
    this.isSettled = this.#isOver = true;
    this.moved();
    settle();
  }
}
