import { Deferred } from "./deferred.js";

/** @typedef {{ address: string, nick: string | undefined, over: Deferred<void> }} Caller */

/** Incoming calls that are not answered yet. */
export class Calls {
  /** @type {Map<number, Caller>} */
  #callers = new Map();

  /** @param {number} id @param {string} address @param {string | undefined} nick */
  add(id, address, nick) {
    /** @type {Deferred<void>} */
    const over = new Deferred();
    this.#callers.set(id, { address, nick, over });
    return over.promise;
  }

  /** Removes a call that was answered, or can no longer be. Returns its caller. @param {number} id */
  remove(id) {
    const caller = this.#callers.get(id);
    this.#callers.delete(id);
    caller?.over.resolve();
    return caller;
  }
}
