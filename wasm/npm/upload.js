import { asError } from "./error.js";

/** A file on its way to the other side. */
export class Upload {
  #driver;
  #id;
  #file;
  /** @type {() => void} */
  #succeed;
  /** @type {(error: import("./error.js").XcherError) => void} */
  #fail;
  #over = false;
  #sent = 0;

  /**
   * @param {import("./driver.js").Driver} driver
   * @param {number} id
   * @param {import("./session.js").Session} session
   * @param {string} name
   * @param {number} size
   * @param {Blob | undefined} file
   */
  constructor(driver, id, session, name, size, file) {
    this.#driver = driver;
    this.#id = id;
    this.session = session;
    this.name = name;
    this.size = size;
    this.#file = file;
    this.done = new Promise((resolve, reject) => {
      this.#succeed = /** @type {() => void} */ (resolve);
      this.#fail = reject;
    });
    // Whoever wants to know asks.
    this.done.catch(() => {});
  }

  get sent() {
    return this.#sent;
  }

  cancel() {
    if (!this.#over) this.#driver.do("cancel", this.#id);
  }

  /** @param {number} bytes */
  moved(bytes) {
    this.#sent = bytes;
  }

  finished() {
    this.#over = true;
    this.#sent = this.size;
    this.#succeed();
  }

  /** @param {import("./error.js").XcherError} error */
  failed(error) {
    this.#over = true;
    this.#fail(error);
  }

  /** @param {number} from @param {number} length */
  async read(from, length) {
    try {
      if (!this.#file) throw new Error("it is not shared any more");
      const piece = await this.#file.slice(from, from + length).arrayBuffer();
      if (!this.#over) this.#driver.do("supply", this.#id, new Uint8Array(piece));
    } catch (error) {
      if (!this.#over) this.#driver.do("unread", this.#id, asError(error, "local").message);
    }
  }
}
