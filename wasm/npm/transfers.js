import { described, shareable } from "./file_names.js";
import { readPrefix } from "./prefix.js";
import { Upload } from "./upload.js";

/**
 * @typedef {import("./download.js").Download} Download
 * @typedef {import("./error.js").XcherError} XcherError
 * @typedef {import("./outgoing_offer.js").Offering} Offering
 * @typedef {import("./session.js").Session} Session
 */

/** Shared files, transfers and outgoing offers of a peer. Handles the module's events about them. */
export class Transfers {
  #driver;
  #sessionOf;
  #emit;
  /** @type {Map<string, Blob>} */
  #shared = new Map();
  /** @type {Map<number, Download>} */
  #downloads = new Map();
  /** @type {Map<number, Upload>} */
  #uploads = new Map();
  /** @type {Map<number, Offering>} */
  #offerings = new Map();

  /**
   * @param {import("./driver.js").Driver} driver
   * @param {(id: number) => Session | undefined} sessionOf
   * @param {(event: string, detail?: object) => void} emit
   */
  constructor(driver, sessionOf, emit) {
    this.#driver = driver;
    this.#sessionOf = sessionOf;
    this.#emit = emit;
  }

  /** @param {import("./index.js").Content | import("./index.js").EmptyFolder} given @param {string} [called] */
  share(given, called) {
    const [name, file] = shareable(given, called);
    this.#driver.do({ kind: "share", ...described(name, file) });
    this.#shared.set(name, file);
    const stop = () => {
      if (this.#shared.get(name) !== file) return;
      this.#shared.delete(name);
      if (!this.#driver.isClosing) this.#driver.do({ kind: "unshare", name });
    };
    return { name, size: file.size, stop };
  }

  /** @param {number} id @param {Download} download */
  download(id, download) {
    this.#downloads.set(id, download);
  }

  /** @param {number} id @param {Offering} offering */
  offering(id, offering) {
    this.#offerings.set(id, offering);
  }

  /** Ends all outgoing offers: their outcome will not be known. */
  interrupt() {
    for (const offering of this.#offerings.values()) offering.interrupt();
  }

  /** @param {number} id @param {Uint8Array} bytes in the module's memory */
  receive(id, bytes) {
    this.#downloads.get(id)?.receive(bytes);
  }

  /**
   * Returns the file that a session may request by a name.
   *
   * @param {Session | undefined} session
   * @param {string} name
   */
  #file(session, name) {
    return session?.offeredFile(name) ?? this.#shared.get(name);
  }

  // Events.

  /** @param {number} id @param {number} length */
  read(id, length) {
    this.#uploads.get(id)?.read(length);
  }

  /** @param {number} id @param {string} name @param {number} length */
  readFile(id, name, length) {
    const upload = this.#uploads.get(id);
    upload?.readFile(this.#file(upload.session, name), length);
  }

  /** @param {number} id @param {number} session @param {string} name @param {number} length */
  readPrefix(id, session, name, length) {
    readPrefix(this.#driver, id, this.#file(this.#sessionOf(session), name), length);
  }

  /** @param {number} id */
  readPartial(id) {
    const file = this.#downloads.get(id)?.partial;
    readPrefix(this.#driver, id, file, file?.size ?? 0);
  }

  /** @param {number} id @param {number} from */
  downloadStarted(id, from) {
    this.#downloads.get(id)?.started(from);
  }

  /** @param {number} id @param {boolean} verified */
  fileComplete(id, verified) {
    this.#downloads.get(id)?.complete(verified);
  }

  /**
   * @param {number} id
   * @param {number} sessionId
   * @param {string} name
   * @param {number} size
   * @param {number} from
   * @param {number} more
   */
  uploadStarted(id, sessionId, name, size, from, more) {
    const session = this.#sessionOf(sessionId);
    if (!session) return;
    const file = this.#file(session, name);
    const upload = new Upload(this.#driver, id, session, name, size, file, from, more);
    this.#uploads.set(id, upload);
    session.uploading(upload);
    this.#emit("upload", { upload });
  }

  /** @param {number} id @param {number} bytes */
  progress(id, bytes) {
    this.#uploads.get(id)?.progress(bytes);
  }

  /** @param {number} id @param {XcherError | undefined} error */
  finished(id, error) {
    const transfer = this.#uploads.get(id) ?? this.#downloads.get(id);
    this.#uploads.delete(id);
    this.#downloads.delete(id);
    if (error) transfer?.failed(error);
    else transfer?.finished();
  }

  /**
   * @param {number} id
   * @param {string} state
   * @param {boolean} last
   * @param {import("./delivery.js").Delivery} delivery
   */
  offerChanged(id, state, last, delivery) {
    const offering = this.#offerings.get(id);
    if (last) this.#offerings.delete(id);
    offering?.changed(state, delivery);
  }
}
