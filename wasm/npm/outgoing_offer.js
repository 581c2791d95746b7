import { Deferred } from "./deferred.js";
import { Delivery } from "./delivery.js";
import { XcherError } from "./error.js";

/** Files that were offered to the other peer. */
export class Offering {
  #delivery = new Delivery(0, 0, 0, 0, 0, 0, 0);
  /** @type {XcherError | undefined} */
  #error;
  isSettled = false;
  /** @type {Deferred<void>} */
  #end = new Deferred();
  done = this.#end.promise;

  /**
   * @param {import("./session.js").Session} session
   * @param {{ name: string, size: number }[]} files
   */
  constructor(session, files) {
    this.session = session;
    this.files = files;
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

  // Called by `session.js` and `transfers.js`.

  /** Keeps the reason why nothing more will be requested. @param {XcherError} error */
  ended(error) {
    this.#error ??= error;
  }

  /** @param {string} state as the module's event `offerChanged` has it @param {Delivery} delivery */
  changed(state, delivery) {
    this.#delivery = delivery;
    this.isSettled = state !== "pending";
    if (state === "settled") this.#end.resolve();
    else if (this.isSettled) this.interrupt();
  }

  /** Fails: the outcome of the remaining files will not be known. */
  interrupt() {
    this.#end.reject(this.#error ?? new XcherError("cancelled", "cancelled"));
  }
}
