import { XcherError, asError } from "./error.js";
import { Host } from "./pkg/xcher.js";

/** Bytes that the WebSocket may hold, above which nothing more is sent. */
const BUFFERED = 1 << 20;
/** How often it is looked whether they have left, in milliseconds: no event tells. */
const LOOK = 5;

/**
 * What the module does; those of a session or transfer take its `id`. `text` is the nick for `open`,
 * `know` and `is-code`, the name for `check`, `get`, `decline`, `share` and `unshare`, the names for `offer`, one
 * a line, the reason for `lost` and `unread`, the word of it for `unstored`. `number` is 1 to accept for `answer`, the entries for
 * `took`, the files for `announce`, the size for `share`, 1 for `looked` if all was read. `more` is the size for `get`, as it was
 * listed, the sizes for `offer`, one a line, the key for `know`, if there is one, and for `share` when it
 * was changed, in seconds, if that is known, the bytes and the files that are here for `announce`, and
 * for `unstored` the reason in words. For `get` of many files `text` and `more` have a line for
 * each; their transfers are numbered on from the first.
 *
 * @typedef {"start" | "stop" | "opened" | "lost" | "turn" | "who" | "know" | "open" | "answer"
 *   | "list" | "took" | "check" | "get" | "offer" | "decline" | "want" | "unread" | "cancel" | "end"
 *   | "share" | "unshare" | "looked" | "is-code"
 *   | "announce" | "stored" | "unstored"} Command
 */

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
   * @param {import("./trust.js").Trust} trust
   * @param {() => WebSocket} open
   * @param {import("./peer.js").Reports} reports
   */
  constructor(nicks, { secrets, required }, open, reports) {
    this.#open = open;
    this.#reports = reports;
    const its = /** @type {any} */ (this);
    this.#host = this.#throwing(() => new Host(nicks, secrets, required, its));
    const [key, code] = this.#host.known_by().split(" ");
    this.key = key;
    this.code = code;
  }

  /**
   * Has the module do something.
   *
   * @param {Command} command
   * @param {{ id?: number, number?: number, text?: string, more?: string }} [about]
   * @returns {number} the session, transfer or offer that it began; 1 for yes
   */
  do(command, { id = 0, number = 0, text = "", more = "" } = {}) {
    return this.#call((host) => host.command(command, id, number, text, more));
  }

  /**
   * Whether more of a beginning is wanted.
   *
   * @param {number} transfer
   * @param {Uint8Array<ArrayBuffer>} piece of the file that was to be read
   */
  supply(transfer, piece) {
    return this.#call((host) => host.supply(transfer, piece));
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

  /** @template T @param {(host: Host) => T} call */
  #call(call) {
    const host = this.#host;
    if (!host) throw new XcherError("misuse", "expected a peer that is not closed");
    try {
      return this.#throwing(() => call(host));
    } finally {
      this.#schedule();
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
      this.#later(() => this.#host && this.do("lost", { text: asError(error, "local").message }));
      return;
    }
    this.#socket = socket;
    let why = "";
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.do("opened");
    socket.onmessage = ({ data }) => {
      if (!(data instanceof ArrayBuffer)) return socket.close();
      this.#call((host) => host.received(new Uint8Array(data)));
      // Frees it now: a browser is slow to collect what comes at the pace of a network.
      /** @type {any} */ (data).transfer?.(0);
    };
    socket.onerror = (event) => {
      // Node says what; a browser does not.
      why = "message" in event ? String(event.message) : "";
    };
    socket.onclose = ({ code, reason }) => {
      this.#socket = undefined;
      this.do("lost", { text: why || reason || `the WebSocket was closed (${code})` });
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

  /** @param {number} transfer @param {number} length @param {string} name of a file of many, or empty */
  read(transfer, length, name) {
    this.#later(() => this.#reports.read(transfer, length, name));
  }

  /** @param {number} transfer @param {Uint8Array} bytes in the module's memory */
  take(transfer, bytes) {
    // At once, while they are there: it only keeps them.
    this.#reports.take(transfer, bytes);
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
