import { Deferred } from "./deferred.js";
import { delivery } from "./delivery.js";
import { XcherError } from "./error.js";

/**
 * Files for whoever knows a code.
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

  /** Takes what the peer was told. @param {import("./peer.js").Told} told */
  told({ event, number, flag, text, more, error }) {
    if (event === "offline" && error && Number.isNaN(number)) return this.#end.reject(error);
    if (event !== "served") return;
    if (error) return this.#end.reject(error);
    const { stored, handedOver, bytes, here, missing, missingCount } = delivery(more, text);
    const sent = { files: stored + handedOver, bytes, here, handedOver };
    if (flag) this.#end.resolve(sent);
    else this.dispatchEvent(Object.assign(new Event("incomplete"), sent, { missing, missingCount }));
  }
}
