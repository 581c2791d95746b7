import { Deferred } from "./deferred.js";
import { XcherError } from "./error.js";

/** Files for whoever knows a code. */
export class Sending {
  #busy;
  #files = 0;
  #bytes = 0;
  /** Sessions that are open. @type {Set<number>} */
  #open = new Set();
  /** What goes, and how many files that is. @type {Map<number, { name: string, files: number }>} */
  #moving = new Map();
  /** What was asked for and did not get across: it may be asked for again. @type {Set<string>} */
  #missing = new Set();
  /** Somebody who knew the code has left in order. */
  #left = false;
  #dead = false;
  /** @type {Deferred<{ files: number, bytes: number }>} */
  #end = new Deferred();

  /**
   * @param {import("./peer.js").Peer} peer
   * @param {string} code
   * @param {{ name: string, size: number }[]} files
   * @param {() => boolean} busy whether anything is on its way, or about to be
   */
  constructor(peer, code, files, busy) {
    this.peer = peer;
    this.code = code;
    this.files = files;
    this.#busy = busy;
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
  told({ event, id, number, flag, text, more, error }) {
    if (event === "opened") {
      // Who comes knows by now what is lacking, and asks for it.
      if (this.#open.size === 0) this.#missing.clear();
      this.#open.add(id);
    } else if (event === "upload") {
      this.#moving.set(id, { name: text, files: 1 + Number(more.split(" ")[2]) });
    } else if (event === "finished") {
      this.#finished(id, number, more, error);
    } else if (event === "ended") {
      if (this.#open.delete(id)) this.#left ||= flag;
    } else if (event === "dead") {
      this.#dead = true;
    } else if (event === "offline" && error && Number.isNaN(number)) {
      return this.#end.reject(error);
    } else {
      return;
    }
    // Whoever is in already is not sent away.
    if (this.#open.size === 0 && !this.#busy()) this.#settle();
  }

  /** @param {number} id @param {number} bytes @param {string} failed @param {XcherError | undefined} error */
  #finished(id, bytes, failed, error) {
    const moved = this.#moving.get(id);
    this.#moving.delete(id);
    if (error) {
      this.#missing.add(failed);
    } else if (moved) {
      this.#missing.delete(moved.name);
      this.#files += moved.files;
      this.#bytes += bytes;
    }
  }

  #settle() {
    if (this.#left && this.#missing.size === 0) {
      if (this.#files) this.#end.resolve({ files: this.#files, bytes: this.#bytes });
      else this.#end.reject(new XcherError("refused", "the other side took nothing"));
    }
    this.#left = false;
    if (this.#dead) {
      const why = "expected the right code in ten tries, got wrong ones: this code is dead";
      this.#end.reject(new XcherError("wrong-code", why));
    }
  }
}
