import { XcherError, asError } from "./error.js";
import { Host } from "./pkg/xcher.js";

/** Bytes that the WebSocket may hold, above which nothing more is sent. */
const BUFFERED = 1 << 20;
/** How often it is looked whether they have left, in milliseconds: no event tells. */
const LOOK = 5;

/**
 * Carries out what the module cannot: the WebSocket, the clock, the order of calls. What the module
 * reports while it runs waits until it has returned.
 */
export class Driver {
  /** @type {Host | undefined} */
  #host;
  #open;
  #reports;
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {(() => void)[]} */
  #waiting = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #full = false;

  /**
   * @param {string} nicks one a line
   * @param {() => WebSocket} open
   * @param {import("./peer.js").Reports} reports
   */
  constructor(nicks, open, reports) {
    this.#open = open;
    this.#reports = reports;
    this.#host = this.#throwing(() => new Host(nicks, /** @type {any} */ (this)));
  }

  /**
   * Calls the module.
   *
   * @template {Exclude<keyof Host, "free" | symbol>} M
   * @param {M} method
   * @param {Parameters<Host[M]>} values
   * @returns {ReturnType<Host[M]>}
   */
  do(method, ...values) {
    const host = this.#host;
    if (!host) throw new XcherError("misuse", "expected a peer that is not closed");
    try {
      return this.#throwing(() => /** @type {any} */ (host)[method](...values));
    } finally {
      this.#schedule();
    }
  }

  /** Frees the module's memory. */
  free() {
    clearTimeout(this.#timer);
    this.disconnect();
    this.#host?.free();
    this.#host = undefined;
  }

  /** @template T @param {() => T} call */
  #throwing(call) {
    try {
      return call();
    } catch (thrown) {
      if (typeof thrown !== "string") throw thrown;
      const space = thrown.indexOf(" ");
      const code = /** @type {import("./index.js").ErrorCode} */ (thrown.slice(0, space));
      throw new XcherError(code, thrown.slice(space + 1));
    }
  }

  #schedule() {
    clearTimeout(this.#timer);
    if (!this.#host) return;
    const wait = this.#full ? LOOK : this.#host.deadline() - this.now();
    // Longer than a timer takes is for ever.
    if (wait > 0x7fffffff) return;
    this.#timer = setTimeout(() => this.do("turn"), wait);
  }

  /** @param {() => void} report */
  #later(report) {
    if (this.#waiting.push(report) > 1) return;
    queueMicrotask(() => {
      const reports = this.#waiting;
      this.#waiting = [];
      for (const report of reports) report();
    });
  }

  // What follows the module calls.

  now() {
    return performance.now();
  }

  connect() {
    let socket;
    try {
      socket = this.#open();
    } catch (error) {
      this.#later(() => this.#host && this.do("lost", asError(error, "local").message));
      return;
    }
    this.#socket = socket;
    let why = "";
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.do("opened");
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.do("received", new Uint8Array(data));
      else socket.close();
    };
    socket.onerror = (event) => {
      // Node says what; a browser does not.
      why = "message" in event ? String(event.message) : "";
    };
    socket.onclose = ({ code, reason }) => {
      this.#socket = undefined;
      this.do("lost", why || reason || `the WebSocket was closed (${code})`);
    };
  }

  disconnect() {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#full = false;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      // One that is closed before it is open complains to whoever listens, or to all.
      socket.onerror = () => {};
      socket.close();
    }
    this.#later(() => this.#reports.disconnected());
  }

  /** @param {Uint8Array<ArrayBuffer>} message */
  send(message) {
    const socket = this.#socket;
    this.#full = socket !== undefined && socket.bufferedAmount > BUFFERED;
    if (!socket || this.#full) return false;
    socket.send(message);
    return true;
  }

  /** @param {number} transfer @param {number} from @param {number} length */
  read(transfer, from, length) {
    this.#later(() => this.#reports.read(transfer, from, length));
  }

  /** @param {number} transfer @param {Uint8Array} bytes in the module's memory */
  take(transfer, bytes) {
    const piece = bytes.slice();
    this.#later(() => this.#reports.take(transfer, piece));
  }

  /**
   * @param {string} event
   * @param {number} id
   * @param {number} number
   * @param {boolean} flag
   * @param {string} text
   * @param {string} more
   * @param {import("./index.js").ErrorCode | ""} code
   */
  tell(event, id, number, flag, text, more, code) {
    const error = code ? new XcherError(code, text) : undefined;
    this.#later(() => this.#reports.tell({ event, id, number, flag, text, more, error }));
  }
}
