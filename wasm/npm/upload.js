import { asError } from "./error.js";
import { Reading } from "./reading.js";

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
  /** @type {Reading | undefined} */
  #reading;
  #sent;

  /**
   * @param {import("./driver.js").Driver} driver
   * @param {number} id
   * @param {import("./session.js").Session} session
   * @param {string} name
   * @param {number} size
   * @param {Blob | undefined} file
   * @param {number} from
   */
  constructor(driver, id, session, name, size, file, from) {
    this.#driver = driver;
    this.#id = id;
    this.session = session;
    this.name = name;
    this.size = size;
    this.from = this.#sent = from;
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
    if (!this.#over) this.#driver.do("cancel", { id: this.#id });
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

  /** @param {number} length of the next piece */
  async read(length) {
    try {
      if (!this.#file) throw new Error("it is not shared any more");
      this.#reading ??= new Reading(this.#file, this.from);
      const piece = await this.#reading.next(length);
      if (!this.#over) this.#driver.supply(this.#id, piece);
    } catch (error) {
      const why = asError(error, "local").message;
      if (!this.#over) this.#driver.do("unread", { id: this.#id, text: why });
    }
  }
}
