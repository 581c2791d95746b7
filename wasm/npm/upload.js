import { Deferred } from "./deferred.js";
import { Reading } from "./blob_reader.js";
import { asError } from "./error.js";
import { Progress } from "./progress.js";

/** A file or batch being sent to the other peer. */
export class Upload extends Progress {
  #driver;
  #id;
  #file;
  /** @type {Deferred<void>} */
  #end = new Deferred();
  done = this.#end.promise;
  #over = false;
  /** @type {Reading | undefined} */
  #reading;
  /** Settles when all files of a batch requested so far are supplied: the module expects them in order. */
  #supplied = Promise.resolve();
  #sent;

  /**
   * @param {import("./driver.js").Driver} driver
   * @param {number} id
   * @param {import("./session.js").Session} session
   * @param {string} name
   * @param {number} size
   * @param {Blob | undefined} file
   * @param {number} from
   * @param {number} more
   */
  constructor(driver, id, session, name, size, file, from, more) {
    super(() => ({ bytes: this.#sent, size: this.size }));
    this.#driver = driver;
    this.#id = id;
    this.session = session;
    this.name = name;
    this.size = size;
    this.from = this.#sent = from;
    this.more = more;
    this.#file = file;
    this.moving();
  }

  get sent() {
    return this.#sent;
  }

  cancel() {
    if (!this.#over && !this.#driver.isClosing) this.#driver.do({ kind: "cancel", transfer: this.#id });
  }

  /** @param {number} bytes */
  progress(bytes) {
    this.#sent = bytes;
  }

  finished() {
    this.#over = true;
    this.#sent = this.size;
    this.moved();
    this.#end.resolve();
  }

  /** @param {import("./error.js").XcherError} error */
  failed(error) {
    this.#over = true;
    this.moved();
    this.#end.reject(error);
  }

  /** Supplies the next bytes. @param {number} length */
  read(length) {
    return this.#supply(async () => {
      if (!this.#file) throw new Error("it is no longer shared");
      this.#reading ??= new Reading(this.#file, this.from);
      return this.#reading.next(length);
    });
  }

  /** Supplies a file of a batch. @param {Blob | undefined} file @param {number} length */
  readFile(file, length) {
    const why = file ? "its size changed" : "it is no longer shared";
    const reading = file?.size === length ? file.arrayBuffer() : Promise.reject(new Error(why));
    reading.catch(() => {});
    this.#supplied = this.#supplied.then(() => this.#supply(async () => new Uint8Array(await reading)));
  }

  /** @param {() => Promise<Uint8Array<ArrayBuffer>>} read */
  async #supply(read) {
    try {
      const piece = await read();
      if (!this.#over) this.#driver.supply(this.#id, piece);
    } catch (error) {
      const { message } = asError(error, "local");
      if (!this.#over) this.#driver.do({ kind: "readFailed", transfer: this.#id, message }, error);
    }
  }
}
