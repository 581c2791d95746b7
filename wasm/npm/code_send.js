import { Deferred } from "./deferred.js";
import { asyncDispose } from "./dispose.js";
import { XcherError, misuse } from "./error.js";
import { Progress } from "./progress.js";
import { shown } from "./shown.js";
import { onAbort } from "./with_timeout.js";

/**
 * Files for anyone with a code. Handles the module's events about them.
 *
 * @typedef {{ files: number, bytes: number, here: number, handedOver: number }} Sent
 */
export class Sending extends Progress {
  /** @type {Deferred<Sent>} */
  #end = new Deferred();
  #page;
  /** Those of the latest receiver, by the name of their first file. @type {Map<string, import("./upload.js").Upload>} */
  #uploads = new Map();
  /** @type {import("./session.js").Session | undefined} */
  #receiver;

  /**
   * @param {import("./peer.js").Peer} peer
   * @param {string} code
   * @param {{ name: string, size: number }[]} files
   * @param {string | undefined} page of the bridge
   */
  constructor(peer, code, files, page) {
    const size = files.reduce((sum, { size }) => sum + size, 0);
    super(() => ({ bytes: this.#sentBytes(size), size }));
    this.#page = page;
    this.peer = peer;
    this.code = code;
    this.files = files;
    this.done = this.#end.promise.finally(() => peer.close());
    this.done.catch(() => {});
    peer.addEventListener("upload", (event) => this.#uploading(/** @type {any} */ (event).upload));
    this.moving();
    const over = () => this.moved();
    this.#end.promise.then(over, over);
    peer.addEventListener("close", () => this.#end.reject(new XcherError("cancelled", "cancelled")));
    peer.addEventListener("offline", (event) => {
      const { error, retryIn } = /** @type {import("./index.js").PeerEventMap["offline"]} */ (event);
      if (retryIn === undefined) this.#end.reject(error);
    });
  }

  /** @param {string | URL} [page] */
  link(page = this.#page) {
    const why = page === undefined ? "the bridge has no page at the usual address" : `the page is ${shown(page)}`;
    const hint = `${why}: give the URL of a bridge's page, such as https://relay.example/`;
    if (page === undefined) throw misuse(hint);
    try {
      const link = new URL(page);
      link.hash = this.code;
      return link.href;
    } catch (error) {
      throw misuse(hint, error);
    }
  }

  /** @param {AbortSignal | undefined} signal */
  stopAt(signal) {
    const forget = onAbort(signal, (error) => {
      this.#end.reject(error);
      this.stop();
    });
    this.#end.promise.then(forget, forget);
  }

  async [asyncDispose]() {
    await this.stop();
  }

  /** @param {number} size */
  #sentBytes(size) {
    let bytes = 0;
    for (const { sent } of this.#uploads.values()) bytes += sent;
    return Math.min(bytes, size);
  }

  /** @param {import("./upload.js").Upload} upload */
  #uploading(upload) {
    if (upload.session !== this.#receiver) this.#uploads.clear();
    this.#receiver = upload.session;
    this.#uploads.set(upload.name, upload);
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
