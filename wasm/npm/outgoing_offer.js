import { Deferred } from "./deferred.js";
import { delivery } from "./delivery.js";
import { XcherError } from "./error.js";

/** How it stands, as the module tells it. */
const SETTLED = 1;

/** Files that were offered to someone. */
export class Offering {
  #so = delivery("0 0 0 0 0 0 0", "");
  /** @type {import("./error.js").XcherError | undefined} */
  #fate;
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
    return this.#so.stored;
  }

  get handedOver() {
    return this.#so.handedOver;
  }

  get sent() {
    return this.#so.stored + this.#so.handedOver;
  }

  get declined() {
    return this.#so.declined;
  }

  get failed() {
    return this.#so.failed;
  }

  get missing() {
    return this.#so.missing;
  }

  // What follows is for the peer.

  /** Nothing more is asked for. @param {import("./error.js").XcherError} why */
  ended(why) {
    this.#fate ??= why;
  }

  /** @param {number} state @param {string} counts @param {string} missing */
  told(state, counts, missing) {
    this.#so = delivery(counts, missing);
    this.isSettled = state > 0;
    if (state === SETTLED) this.#end.resolve();
    else if (state) this.cut();
  }

  /** It will not be known what became of the rest. */
  cut() {
    this.#end.reject(this.#fate ?? new XcherError("cancelled", "cancelled"));
  }
}
