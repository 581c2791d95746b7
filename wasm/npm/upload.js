import { Deferred } from "./deferred.js";
import { asError } from "./error.js";
import { Reading } from "./blob_reader.js";

/** A file on its way to the other side. */
export class Upload {
  #driver;
  #id;
  #file;
  /** @type {Deferred<void>} */
  #end = new Deferred();
  done = this.#end.promise;
  #over = false;
  /** @type {Reading | undefined} */
  #reading;
  /** What is read answers in the order in which it was asked for. */
  #answered = Promise.resolve();
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
    this.#driver = driver;
    this.#id = id;
    this.session = session;
    this.name = name;
    this.size = size;
    this.from = this.#sent = from;
    this.more = more;
    this.#file = file;
  }

  get sent() {
    return this.#sent;
  }

  cancel() {
    if (!this.#over) this.#driver.do("cancel", { id: this.#id });
  }

  /** @param {number} bytes */
  moved(bytes) {
    this.#sent = bytes;
  }

  finished() {
    this.#over = true;
    this.#sent = this.size;
    this.#end.resolve();
  }

  /** @param {import("./error.js").XcherError} error */
  failed(error) {
    this.#over = true;
    this.#end.reject(error);
  }

  /** @param {number} length of the next piece */
  read(length) {
    return this.#supply(async () => {
      if (!this.#file) throw new Error("it is not shared any more");
      this.#reading ??= new Reading(this.#file, this.from);
      return this.#reading.next(length);
    });
  }

  /** @param {Blob | undefined} file one of many @param {number} length */
  readWhole(file, length) {
    const why = file ? "its size changed" : "it is not shared any more";
    const reading = file?.size === length ? file.arrayBuffer() : Promise.reject(new Error(why));
    reading.catch(() => {});
    this.#answered = this.#answered.then(() => this.#supply(async () => new Uint8Array(await reading)));
  }

  /** @param {() => Promise<Uint8Array<ArrayBuffer>>} read */
  async #supply(read) {
    try {
      const piece = await read();
      if (!this.#over) this.#driver.supply(this.#id, piece);
    } catch (error) {
      const why = asError(error, "local").message;
      if (!this.#over) this.#driver.do("unread", { id: this.#id, text: why });
    }
  }
}
