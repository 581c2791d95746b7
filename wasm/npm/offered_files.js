import { misuse } from "./error.js";

/** @typedef {import("./outgoing_offer.js").Offering} Offering */

/** Files that were offered to the other host of a session, by name, each with its latest offer. */
export class OfferedFiles {
  /** @type {Map<string, { file: Blob, offering: Offering }>} */
  #files = new Map();

  /** Fails for a name whose offer is open. @param {Iterable<string>} names */
  checkFree(names) {
    for (const name of names) {
      if (this.#files.get(name)?.offering.isSettled === false) throw misuse(`${name} is offered already: wait until that offer is settled`);
    }
  }

  /** @param {Map<string, Blob>} named @param {Offering} offering */
  add(named, offering) {
    for (const [name, file] of named) this.#files.set(name, { file, offering });
  }

  /** Takes files off, unless others were offered under their names since. @param {Map<string, Blob>} named */
  remove(named) {
    for (const [name, file] of named) if (this.file(name) === file) this.#files.delete(name);
  }

  /** @param {string} name */
  file(name) {
    return this.#files.get(name)?.file;
  }

  /** Counts an upload for the offer of its file. @param {import("./upload.js").Upload} upload */
  uploading(upload) {
    this.#files.get(upload.name)?.offering.uploading(upload, upload.name);
  }

  /** @param {import("./error.js").XcherError} error why nothing more will be requested */
  end(error) {
    for (const { offering } of this.#files.values()) offering.ended(error);
  }
}
