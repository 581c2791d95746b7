import { XcherError, asError } from "./error.js";
import { Delivery } from "./delivery.js";
import { Host } from "./pkg/xcher.js";

/** Bytes that the WebSocket may buffer before sending waits. */
const MAX_BUFFERED = 1 << 20;
/** Bytes of that buffer of a link's channel at which sending goes on. */
const LOW_BUFFERED = 256 << 10;
/** Time between two looks at the buffer of a WebSocket, in milliseconds: there is no event for it. */
const POLL_INTERVAL = 5;
/** The longest delay that a timer takes, in milliseconds. */
const MAX_DELAY = 0x7fffffff;

/**
 * A command of the module, documented there at `Kind`. `size` is spelled as on the wire; `modified` is in
 * seconds, and left out if unknown.
 *
 * @typedef {{ kind: "start" | "stop" | "turn" | "who" }
 *   | { kind: "opened", tunnel: number }
 *   | { kind: "described" | "lost", tunnel: number, message: string }
 *   | { kind: "open", nick: string }
 *   | { kind: "answer", session: number, accept: boolean }
 *   | { kind: "setPin", nick: string, key: string }
 *   | { kind: "list" | "get" | "offer" | "end", session: number }
 *   | { kind: "entriesRead", session: number, entries: number }
 *   | { kind: "check" | "decline", session: number, name: string }
 *   | { kind: "addFile" | "share", name: string, size: string, modified?: number, text?: boolean, folder?: boolean }
 *   | { kind: "announce", session: number, files: number, bytes: number, here: number }
 *   | { kind: "stored" | "defer" | "readMore" | "cancel", transfer: number }
 *   | { kind: "notStored", transfer: number, reason: string, message: string }
 *   | { kind: "readFailed", transfer: number, message: string }
 *   | { kind: "prefixEnd", transfer: number, complete: boolean }
 *   | { kind: "unshare", name: string }} Command
 */

/**
 * Does what the module cannot: the WebSockets, the links, the clock, the order of calls. Events that the module emits
 * while it runs wait until it has returned.
 */
export class Driver {
  /** @type {Host | undefined} */
  #host;
  #open;
  #makeLink;
  #handlers;
  #receive;
  /** The WebSocket of each tunnel: one, and for a while another when the host connects anew; and the channels of links.
   *
   * @type {Map<number, WebSocket | RTCDataChannel>} */
  #sockets = new Map();
  /** The connections of links. @type {Map<number, import("./links.js").Link>} */
  #links = new Map();
  /** @type {(() => void)[]} */
  #events = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** The tunnels that must wait before they send more. @type {Set<number>} */
  #full = new Set();
  /** Set once the peer closes: calls may fail from then on. */
  isClosing = false;
  /** What led to the errors that the running command reports. @type {unknown} */
  #cause;

  /**
   * @param {string[]} nicks
   * @param {import("./trust.js").Trust} trust
   * @param {() => WebSocket} open
   * @param {Record<string, any>[]} handlers have a method for each event, named as in the module's `Events`,
   *   and for `disconnected`
   * @param {(transfer: number, bytes: Uint8Array) => void} receive takes bytes in the module's memory, and
   *   must not call it
   * @param {import("./links.js").Links} [makeLink]
   */
  constructor(nicks, trust, open, handlers, receive, makeLink) {
    this.#open = open;
    this.#makeLink = makeLink;
    this.#handlers = handlers;
    this.#receive = receive;
    const events = new Proxy(/** @type {any} */ (this), {
      get: (_, event) => (/** @type {any[]} */ ...details) => this.#emit(String(event), ...details),
    });
    const [names, secrets, driver] = /** @type {any[]} */ ([nicks, trust, this]);
    this.#host = new Host(names, secrets, driver, events);
    this.key = this.#host.key();
    this.code = this.#host.code();
  }

  /**
   * Has the module carry out a command.
   *
   * @param {Command} command
   * @param {unknown} [cause] what led to the failure that it reports
   * @returns {number} the session, transfer or offer that it began
   */
  do({ kind, ...fields }, cause) {
    // Strings can be read by the module, whatever the application passed; an error inside it would leave
    // it unusable.
    const text = (/** @type {unknown} */ value) => String(typeof value === "boolean" ? +value : value);
    const texts = Object.entries(fields).map(([field, value]) => [field, text(value)]);
    return this.#call((host) => {
      this.#cause = cause;
      try {
        return host.command(kind, Object.fromEntries(texts));
      } finally {
        this.#cause = undefined;
      }
    });
  }

  /**
   * Supplies bytes of a file that the module asked for.
   *
   * @param {number} transfer
   * @param {Uint8Array<ArrayBuffer>} piece
   * @returns {boolean} true if more of a prefix is needed
   */
  supply(transfer, piece) {
    return this.#call((host) => host.supply(transfer, piece));
  }

  /** Disconnects in order; `disconnected` follows. */
  stop() {
    this.isClosing = true;
    this.do({ kind: "stop" });
  }

  /** Frees the module's memory. */
  free() {
    clearTimeout(this.#timer);
    for (const tunnel of [...this.#sockets.keys(), ...this.#links.keys(), 0]) this.disconnect(tunnel);
    this.#host?.free();
    this.#host = undefined;
  }

  /** @template T @param {(host: Host) => T} call */
  #call(call) {
    if (!this.#host) throw new XcherError("misuse", "the peer is closed: connect a new one");
    try {
      return call(this.#host);
    } finally {
      this.#schedule();
    }
  }

  #schedule() {
    clearTimeout(this.#timer);
    if (!this.#host) return;
    const delay = this.#full.size ? POLL_INTERVAL : this.#host.deadline() - this.now();
    if (delay > MAX_DELAY) return;
    this.#timer = setTimeout(() => this.do({ kind: "turn" }), delay);
  }

  /** @param {string} event @param {any[]} details */
  #emit(event, ...details) {
    this.#later(() => this.#handlers.find((handler) => event in handler)?.[event](...details));
  }

  /** @param {() => void} task */
  #later(task) {
    if (this.#events.push(task) > 1) return;
    queueMicrotask(() => {
      const tasks = this.#events;
      this.#events = [];
      for (const task of tasks) task();
    });
  }

  /** @param {number} tunnel @param {string} message @param {unknown} cause */
  #lost(tunnel, message, cause) {
    this.do({ kind: "lost", tunnel, message }, cause);
  }

  // Called by the module.

  now() {
    return performance.now();
  }

  /** @param {number} tunnel */
  connect(tunnel) {
    let socket;
    try {
      socket = this.#open();
    } catch (error) {
      const { message } = asError(error, "local");
      this.#later(() => this.#host && this.#lost(tunnel, message, error));
      return;
    }
    this.#sockets.set(tunnel, socket);
    let why = "";
    /** @type {unknown} */
    let cause;
    this.#carry(tunnel, socket);
    socket.onerror = (event) => {
      // Node gives the reason; a browser does not.
      why = "message" in event ? String(event.message) : "";
      cause = "error" in event ? event.error : undefined;
    };
    socket.onclose = ({ code, reason }) => {
      this.#sockets.delete(tunnel);
      this.#lost(tunnel, why || reason || `the WebSocket was closed (${code})`, cause);
    };
  }

  /** Has the module use a socket or channel. @param {number} tunnel @param {WebSocket | RTCDataChannel} socket */
  #carry(tunnel, socket) {
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.do({ kind: "opened", tunnel });
    socket.onmessage = (/** @type {MessageEvent} */ { data }) => {
      if (!(data instanceof ArrayBuffer)) return socket.close();
      this.#call((host) => host.received(tunnel, new Uint8Array(data)));
      // Frees the memory now: browsers collect garbage more slowly than a network can produce it.
      /** @type {any} */ (data).transfer?.(0);
    };
  }

  /** Makes a link. @param {number} tunnel @param {string | undefined} offer */
  link(tunnel, offer) {
    const make = this.#makeLink;
    if (!make) return this.#later(() => this.#host && this.#lost(tunnel, "there is no WebRTC here", undefined));
    const isWanted = () => this.#links.has(tunnel);
    const lost = (/** @type {string} */ message) => isWanted() && this.#lost(tunnel, message, undefined);
    this.#links.set(tunnel, make(offer, {
      described: (message) => isWanted() && this.do({ kind: "described", tunnel, message }),
      channel: (channel) => {
        if (!isWanted()) return channel.close();
        this.#sockets.set(tunnel, channel);
        this.#carry(tunnel, channel);
        channel.onclose = () => lost("the other browser closed it");
        channel.bufferedAmountLowThreshold = LOW_BUFFERED;
        channel.onbufferedamountlow = () => this.do({ kind: "turn" });
      },
      lost,
    }));
  }

  /** @param {number} tunnel @param {string} answer */
  acceptLink(tunnel, answer) {
    this.#links.get(tunnel)?.accept(answer);
  }

  /** @param {number} tunnel */
  disconnect(tunnel) {
    const socket = this.#sockets.get(tunnel);
    this.#sockets.delete(tunnel);
    this.#full.delete(tunnel);
    if (socket && "label" in socket) {
      socket.onopen = socket.onmessage = socket.onclose = socket.onbufferedamountlow = null;
      socket.close();
    } else if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      // A WebSocket closed before it is open emits an error, which must have a listener.
      socket.onerror = () => {};
      socket.close();
    }
    this.#links.get(tunnel)?.close();
    this.#links.delete(tunnel);
    if (!this.#sockets.size) this.#emit("disconnected");
  }

  /** @param {number} tunnel @param {Uint8Array<ArrayBuffer>} message */
  send(tunnel, message) {
    const socket = this.#sockets.get(tunnel);
    if (socket && "label" in socket) {
      // It reports when there is room, and throws unless it is open.
      const fits = socket.readyState === "open" && socket.bufferedAmount + message.length <= MAX_BUFFERED;
      if (fits) socket.send(message);
      return fits;
    }
    const isFull = socket !== undefined && socket.bufferedAmount > MAX_BUFFERED;
    isFull ? this.#full.add(tunnel) : this.#full.delete(tunnel);
    if (!socket || isFull) return false;
    socket.send(message);
    return true;
  }

  /** @param {number} transfer @param {Uint8Array} bytes in the module's memory */
  receive(transfer, bytes) {
    this.#receive(transfer, bytes);
  }

  /** @param {import("./index.js").ErrorCode} code @param {string} message */
  error(code, message) {
    return new XcherError(code, message, this.#cause);
  }

  /** @param {ConstructorParameters<typeof Delivery>} counts */
  delivery(...counts) {
    return new Delivery(...counts);
  }
}
