import { choice, optional, secretText, text, waitOptions } from "./arguments.js";
import { address, opener, pageOf } from "./bridge.js";
import { Sending } from "./code_send.js";
import { asyncDispose } from "./dispose.js";
import { Driver } from "./driver.js";
import { XcherError, asError, misuse } from "./error.js";
import { byName } from "./file_names.js";
import { linkOptions } from "./links.js";
import { load } from "./load.js";
import { eventsOf, incomingOf, offersOf } from "./peer_iterators.js";
import { Pins } from "./pins.js";
import { MAX_NICK_ATTEMPTS } from "./pkg/constants.js";
import { isCode } from "./pkg/xcher.js";
import { Sessions } from "./sessions.js";
import { Transfers } from "./transfers.js";
import { trust } from "./trust.js";
import { DEFAULT_TIMEOUT, onAbort, within } from "./with_timeout.js";

/**
 * @typedef {import("./index.js").WaitOptions} WaitOptions
 * @typedef {{ resolve: (value: any) => void, reject: (error: XcherError) => void }} Waiting
 */

const NO_ANSWER = "the relay did not answer";
/** Only this module constructs peers. */
const INTERNAL = Symbol();
/** Time to send the last bytes of a peer that closes, in milliseconds. */
const CLOSE_TIMEOUT = 1000;

/** A host at a relay. */
export class Peer extends EventTarget {
  #driver;
  #pins;
  #sessions;
  #transfers;
  /** Objects with methods for the module's events. @type {Record<string, any>[]} */
  #handlers = [];
  #nick = "";
  #online = false;
  /** @type {Promise<void> | undefined} */
  #closed;
  /** @type {string[]} */
  #nicks = [];
  /** @type {Promise<string[]> | undefined} */
  #who;
  /** Settled by the next event of its kind. @type {{ online?: Waiting, who?: Waiting }} */
  #awaited = {};
  #disconnected = () => {};

  /**
   * @param {typeof INTERNAL} internal
   * @param {string[]} nicks
   * @param {import("./trust.js").Trust} trust
   * @param {() => WebSocket} open
   * @param {"take" | "ask" | "ignore"} calls
   * @param {import("./links.js").Links} [makeLink]
   */
  constructor(internal, nicks, trust, open, calls, makeLink) {
    if (internal !== INTERNAL) throw misuse("a peer is made by Peer.connect, not by `new`");
    super();
    const emit = this.#emit.bind(this);
    this.#driver = new Driver(nicks, trust, open, this.#handlers, (id, bytes) => this.#transfers.receive(id, bytes), makeLink);
    this.#pins = new Pins(this.#driver, trust);
    this.#transfers = new Transfers(this.#driver, (id) => this.#sessions.get(id), emit);
    this.#sessions = new Sessions(this.#driver, calls, (nick) => this.#pins.load(nick), emit, this.#transfers);
    this.#handlers.push(this.#sessions, this.#transfers, this.#events());
  }

  /**
   * @param {string | URL} url
   * @param {import("./index.js").ConnectOptions} options
   */
  static async connect(url, options) {
    const { nick, calls } = optional(options);
    const nicks = /** @type {unknown[]} */ (Array.isArray(nick) ? nick : [nick]);
    if (nicks.length === 0) throw misuse("`nick` is an empty list: give at least one nick");
    const policy = choice("calls", calls, ["take", "ask", "ignore"]);
    return Peer.#connect(url, options, nicks.map((each) => text("`nick`", each)), policy, () => {});
  }

  /**
   * @param {string | URL} url
   * @param {Iterable<import("./index.js").Named>} files
   * @param {import("./index.js").SendOptions} [options]
   */
  static async send(url, files, options) {
    const given = optional(options);
    const { signal } = waitOptions(given);
    const named = byName(files);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const peer = await Peer.#connect(url, given, undefined, "take", (peer) => {
          for (const [name, file] of named) peer.share(file, name);
        });
        const listed = [...named].map(([name, { size }]) => ({ name, size }));
        const sending = new Sending(peer, peer.#driver.code, listed, pageOf(address(url)));
        peer.#handlers.push(sending);
        sending.stopAt(signal);
        return sending;
      } catch (error) {
        // Another code has another nick.
        if (asError(error, "local").code !== "nick-taken" || attempt === MAX_NICK_ATTEMPTS) throw error;
      }
    }
  }

  /**
   * @param {string | URL} url
   * @param {import("./index.js").SendOptions} options
   * @param {string[] | undefined} nicks undefined for that of a new code
   * @param {"take" | "ask" | "ignore"} calls
   * @param {(peer: Peer) => void} prepare called before the peer goes online
   */
  static async #connect(url, options, nicks, calls, prepare) {
    const bridge = address(url);
    const { signal, timeout = DEFAULT_TIMEOUT } = waitOptions(options);
    const open = opener(bridge, secretText("token", options.token), options.WebSocket);
    const { policy, links } = linkOptions(options);
    const loadTrust = trust(options, new URL(bridge).host, nicks === undefined);
    await within({ signal, timeout }, "the WebAssembly module did not arrive", (resolve, reject) => {
      load(options.wasm).then(resolve, reject);
    });
    const peer = new Peer(INTERNAL, nicks ?? [], { ...(await loadTrust()), links: policy }, open, calls, links);
    try {
      prepare(peer);
      await within({ signal, timeout }, "the bridge or the relay did not answer", (resolve, reject) => {
        peer.#awaited.online = { resolve, reject };
        peer.#driver.do({ kind: "start" });
      });
    } catch (error) {
      await peer.close();
      throw error;
    }
    return peer;
  }

  get nick() {
    return this.#nick;
  }

  get key() {
    return this.#driver.key;
  }

  get online() {
    return this.#online;
  }

  get sessions() {
    return this.#sessions.all;
  }

  get isClosed() {
    return this.#closed !== undefined;
  }

  /** @param {WaitOptions} [options] */
  async who(options) {
    const { signal, timeout = DEFAULT_TIMEOUT } = waitOptions(options);
    return within({ signal, timeout }, NO_ANSWER, (resolve, reject) => this.#ask().then(resolve, reject));
  }

  #ask() {
    this.#who ??= within({ timeout: DEFAULT_TIMEOUT }, NO_ANSWER, (resolve, reject) => {
      this.#nicks = [];
      this.#awaited.who = { resolve, reject };
      this.#driver.do({ kind: "who" });
    }).finally(() => {
      this.#who = undefined;
      this.#awaited.who = undefined;
    });
    return this.#who;
  }

  /** @param {import("./index.js").Content | import("./index.js").EmptyFolder} file @param {string} [name] */
  share(file, name) {
    return this.#transfers.share(file, name);
  }

  /** @param {string} nick @param {WaitOptions} [options] */
  async open(nick, options) {
    const { signal, timeout = DEFAULT_TIMEOUT } = waitOptions(options);
    text("the nick or code", nick);
    let id = 0;
    let over = false;
    try {
      return await within({ signal, timeout }, `${isCode(nick) ? "the host with this code" : nick} did not connect`, (resolve, reject) => {
        const call = () => {
          if (!over) id = this.#sessions.open(nick, { resolve, reject });
        };
        this.#pins.load(nick).then(call).catch(reject);
      });
    } finally {
      over = true;
      if (this.#sessions.giveUp(id) && !this.#driver.isClosing) this.#driver.do({ kind: "end", session: id });
    }
  }

  /**
   * @param {string} nick
   * @param {Iterable<import("./index.js").Named>} files
   * @param {WaitOptions} [options]
   */
  async offer(nick, files, options) {
    const { signal } = waitOptions(options);
    const named = [...byName(files)].map(([name, file]) => ({ name, file }));
    const session = await this.open(nick, options);
    try {
      const offering = session.offer(named);
      // The session is the offer's own.
      const forget = onAbort(signal, (error) => {
        offering.cancel(error);
        if (this.sessions.has(session)) session.reject();
      });
      session.closed.then(forget);
      return offering;
    } catch (error) {
      session.reject();
      throw error;
    }
  }

  /** @param {{ signal?: AbortSignal }} [options] */
  offers(options) {
    return offersOf(this, options);
  }

  /** @param {{ signal?: AbortSignal }} [options] */
  incoming(options) {
    return incomingOf(this, options);
  }

  /** @param {readonly string[]} [types] @param {{ signal?: AbortSignal }} [options] */
  events(types, options) {
    return eventsOf(this, types, options);
  }

  async [asyncDispose]() {
    await this.close();
  }

  close() {
    return (this.#closed ??= this.#close());
  }

  async #close() {
    const disconnected = new Promise((resolve) => {
      this.#disconnected = () => resolve(undefined);
    });
    this.#driver.stop();
    const timer = setTimeout(this.#disconnected, CLOSE_TIMEOUT);
    await disconnected;
    clearTimeout(timer);
    this.#driver.free();
    this.#transfers.interrupt();
    this.#awaited.who?.reject(new XcherError("cancelled", "the peer is closed"));
    this.#online = false;
    this.#emit("close");
  }

  /** @param {string} type @param {object} [detail] */
  #emit(type, detail = {}) {
    this.dispatchEvent(Object.defineProperties(new Event(type), Object.getOwnPropertyDescriptors(detail)));
  }

  /** The module's events about the relay. */
  #events() {
    return {
      /** @param {string} nick */
      online: (nick) => {
        this.#nick = nick;
        this.#online = true;
        this.#awaited.online?.resolve(undefined);
        this.#awaited.online = undefined;
        this.#emit("online", { nick });
      },
      /** @param {XcherError} error @param {number} [retryIn] */
      offline: (error, retryIn) => {
        this.#online = false;
        this.#awaited.who?.reject(error);
        const connecting = this.#awaited.online;
        if (connecting) connecting.reject(error);
        else this.#emit("offline", { error, retryIn });
      },
      /** @param {string} nick */
      nick: (nick) => this.#nicks.push(nick),
      nicksEnd: () => this.#awaited.who?.resolve(this.#nicks),
      /** @param {string} nick @param {string} key */
      pin: async (nick, key) => {
        const text = await this.#pins.pin(nick, key);
        if (text) this.#emit("notice", { text });
      },
      /** @param {string} text */
      notice: (text) => this.#emit("notice", { text }),
      disconnected: () => this.#disconnected(),
    };
  }
}
