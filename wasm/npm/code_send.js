import { Deferred } from "./deferred.js";
import { XcherError } from "./error.js";

/**
 * Files for anyone with a code. Handles the module's events about them.
 *
 * @typedef {{ files: number, bytes: number, here: number, handedOver: number }} Sent
 */
export class Sending extends EventTarget {
  /** @type {Deferred<Sent>} */
  #end = new Deferred();

  /**
   * @param {import("./peer.js").Peer} peer
   * @param {string} code
   * @param {{ name: string, size: number }[]} files
   */
  constructor(peer, code, files) {
    super();
    this.peer = peer;
    this.code = code;
    this.files = files;
    this.done = this.#end.promise.finally(() => peer.close());
    this.done.catch(() => {});
    peer.addEventListener("close", () => this.#end.reject(new XcherError("cancelled", "cancelled")));
    peer.addEventListener("offline", (event) => {
      const { error, retryIn } = /** @type {import("./index.js").PeerEventMap["offline"]} */ (event);
      if (retryIn === undefined) this.#end.reject(error);
    });
  }

  /** @param {string | URL} page */
  link(page) {
    const link = new URL(page);
    link.hash = this.code;
    return link.href;
  }

  stop() {
    return this.peer.close();
  }

  // Events.

  /** @param {boolean} complete @param {import("./delivery.js").Delivery} delivery */
  codeServed(complete, { sent: files, bytes, here, handedOver, missing, missingCount }) {
    const sent = { files, bytes, here, handedOver };
    if (complete) this.#end.resolve(sent);
    else this.dispatchEvent(Object.assign(new Event("incomplete"), sent, { missing, missingCount }));
  }

  /** @param {XcherError} error */
  codeFailed(error) {
    this.#end.reject(error);
  }
}
