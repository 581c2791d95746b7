import { XcherError } from "./error.js";

/**
 * @typedef {import("./index.js").RemoteFile} RemoteFile
 * @typedef {{ resolve: (file: RemoteFile) => void, reject: (error: any) => void }} Waiting
 */

/** Finds files by name in the listing of a session. One listing answers all lookups that wait for it. */
export class FileLookup {
  #list;
  /** @type {Map<string, Waiting[]>} */
  #waiting = new Map();
  #running = false;

  /** @param {() => AsyncIterable<RemoteFile>} list */
  constructor(list) {
    this.#list = list;
  }

  /** @param {string} name @returns {Promise<RemoteFile>} */
  find(name) {
    return new Promise((resolve, reject) => {
      const others = this.#waiting.get(name);
      if (others) others.push({ resolve, reject });
      else this.#waiting.set(name, [{ resolve, reject }]);
      this.#run();
    });
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    try {
      // A lookup that starts during a listing may have missed its entry.
      while (this.#waiting.size > 0) await this.#readListing();
    } catch (error) {
      for (const name of [...this.#waiting.keys()]) this.#settle(name, ({ reject }) => reject(error));
    } finally {
      this.#running = false;
    }
  }

  async #readListing() {
    const names = [...this.#waiting.keys()];
    for await (const file of this.#list()) {
      this.#settle(file.name, ({ resolve }) => resolve(file));
      if (this.#waiting.size === 0) return;
    }
    for (const name of names) {
      const error = new XcherError("refused", `the peer does not share ${name}`);
      this.#settle(name, ({ reject }) => reject(error));
    }
  }

  /** @param {string} name @param {(waiting: Waiting) => void} settle */
  #settle(name, settle) {
    this.#waiting.get(name)?.forEach(settle);
    this.#waiting.delete(name);
  }
}
