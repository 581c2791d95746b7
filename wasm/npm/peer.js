import { Driver } from "./driver.js";
import { XcherError, asError } from "./error.js";
import { load } from "./load.js";
import { byName, changed, ownName } from "./file_names.js";
import { Sending } from "./code_send.js";
import { Session } from "./session.js";
import { trust } from "./trust.js";
import { Upload } from "./upload.js";
import { look } from "./prefix.js";
import { Deferred } from "./deferred.js";
import { address, opener } from "./bridge.js";
import { within } from "./with_timeout.js";

/**
 * @typedef {{
 *   event: string, id: number, number: number, flag: boolean, text: string, more: string,
 *   error: XcherError | undefined,
 * }} Told what the module reports
 * @typedef {{
 *   tell(told: Told): void,
 *   take(transfer: number, bytes: Uint8Array): void,
 *   read(transfer: number, length: number, name: string): void,
 *   disconnected(): void,
 * }} Reports
 * @typedef {{ resolve: (value: any) => void, reject: (error: XcherError) => void }} Waiting
 * @typedef {import("./download.js").Download} Download
 */

/** Only this module makes peers. */
const OURS = Symbol();
/** Codes that are tried where others have their nicks. */
const TRIES = 8;
/** How long the last words may take, in milliseconds. */
const LAST_WORDS = 1000;

/** A host at a relay. */
export class Peer extends EventTarget {
  #driver;
  #trust;
  #calls;
  #nick = "";
  #online = false;
  #closing = false;
  /** @type {Promise<void> | undefined} */
  #closed;
  /** @type {Map<number, Session>} */
  #byId = new Map();
  /** @type {Set<Session>} */
  #sessions = new Set();
  /** Sessions that are not open yet. @type {Map<number, Waiting>} */
  #opening = new Map();
  /**
   * Calls that are not answered yet, and who calls.
   *
   * @type {Map<number, { address: string, nick: string | undefined, over: Deferred<void> }>}
   */
  #calling = new Map();
  /** @type {Map<number, Download>} */
  #downloads = new Map();
  /** @type {Map<number, Upload>} */
  #uploads = new Map();
  /** @type {Map<number, import("./outgoing_offer.js").Offering>} */
  #offerings = new Map();
  /** @type {Map<string, Blob>} */
  #shared = new Map();
  /** @type {string[]} */
  #nicks = [];
  /** @type {Promise<string[]> | undefined} */
  #who;
  /** What this peer is there for. @type {Sending | undefined} */
  #sending;
  /** Settled by what comes next of its kind. @type {{ online?: Waiting, who?: Waiting, gone?: () => void }} */
  #awaited = {};

  /**
   * @param {typeof OURS} ours
   * @param {string} nicks
   * @param {import("./trust.js").Trust} trust
   * @param {() => WebSocket} open
   * @param {"take" | "ask" | "ignore"} calls
   */
  constructor(ours, nicks, trust, open, calls) {
    if (ours !== OURS) throw new XcherError("misuse", "expected Peer.connect");
    super();
    this.#trust = trust;
    this.#calls = calls;
    this.#driver = new Driver(nicks, trust, open, {
      tell: (told) => {
        this.#tell(told);
        this.#sending?.told(told);
      },
      take: (transfer, bytes) => this.#downloads.get(transfer)?.take(bytes),
      read: (transfer, length, name) => {
        const upload = this.#uploads.get(transfer);
        if (name) upload?.readWhole(this.#file(upload.session, name), length);
        else upload?.read(length);
      },
      disconnected: () => this.#awaited.gone?.(),
    });
  }

  /**
   * @param {string | URL} url
   * @param {import("./index.js").ConnectOptions} options
   */
  static connect(url, options) {
    return Peer.#connect(url, options, [options.nick].flat().join("\n"), () => {});
  }

  /**
   * @param {string | URL} url
   * @param {Iterable<import("./index.js").Named>} files
   * @param {import("./index.js").SendOptions} [options]
   */
  static async send(url, files, options = {}) {
    const named = byName(files);
    for (let tries = 1; ; tries += 1) {
      try {
        const peer = await Peer.#connect(url, options, undefined, (peer) => {
          for (const [name, file] of named) peer.share(file, name);
        });
        const listed = [...named].map(([name, { size }]) => ({ name, size }));
        return (peer.#sending = new Sending(peer, peer.#driver.code, listed));
      } catch (error) {
        if (asError(error, "local").code !== "nick-taken" || tries === TRIES) throw error;
      }
    }
  }

  /**
   * @param {string | URL} url
   * @param {Partial<import("./index.js").ConnectOptions>} options
   * @param {string | undefined} nicks one a line; without, that of a new code
   * @param {(peer: Peer) => void} prepare what is done before it goes online
   */
  static async #connect(url, options, nicks, prepare) {
    const bridge = address(url);
    const open = opener(bridge, options.token, options.WebSocket);
    await load(options.wasm);
    const its = await trust(options, new URL(bridge).host, nicks === undefined);
    const peer = new Peer(OURS, nicks ?? "", its, open, options.calls ?? "take");
    try {
      prepare(peer);
      await within(options, "the bridge and the relay", (resolve, reject) => {
        peer.#awaited.online = { resolve, reject };
        peer.#driver.do("start");
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
    return this.#sessions;
  }

  who() {
    this.#who ??= within({}, "the list of nicks", (resolve, reject) => {
      this.#nicks = [];
      this.#awaited.who = { resolve, reject };
      this.#driver.do("who");
    }).finally(() => {
      this.#who = undefined;
      this.#awaited.who = undefined;
    });
    return this.#who;
  }

  /** @param {Blob} file @param {string} [name] */
  share(file, name) {
    const as = name ?? ownName(file);
    this.#driver.do("share", { text: as, number: file.size, more: changed(file) });
    this.#shared.set(as, file);
    const stop = () => {
      if (this.#shared.get(as) !== file) return;
      this.#shared.delete(as);
      if (!this.#closing) this.#driver.do("unshare", { text: as });
    };
    return { name: as, size: file.size, stop };
  }

  /** @param {string} nick @param {{ signal?: AbortSignal, timeout?: number }} [options] */
  async open(nick, options = {}) {
    let id = 0;
    let over = false;
    try {
      return await within(options, `${nick} to connect`, (resolve, reject) => {
        const call = () => {
          if (over) return;
          id = this.#driver.do("open", { text: nick });
          this.#opening.set(id, { resolve, reject });
        };
        this.#know(nick).then(call).catch(reject);
      });
    } finally {
      over = true;
      // Whoever gave up is called no longer.
      if (this.#opening.delete(id) && !this.#closing) this.#driver.do("end", { id });
    }
  }

  /**
   * @param {string} nick
   * @param {Iterable<import("./index.js").Named>} files
   * @param {{ signal?: AbortSignal, timeout?: number }} [options]
   */
  async offer(nick, files, options) {
    const given = [...files];
    const session = await this.open(nick, options);
    try {
      return session.offer(given);
    } catch (error) {
      session.reject();
      throw error;
    }
  }

  close() {
    return (this.#closed ??= this.#stop());
  }

  async #stop() {
    this.#closing = true;
    const gone = new Promise((resolve) => {
      this.#awaited.gone = () => resolve(undefined);
    });
    this.#driver.do("stop");
    const timer = setTimeout(() => this.#awaited.gone?.(), LAST_WORDS);
    await gone;
    clearTimeout(timer);
    this.#driver.free();
    for (const offering of this.#offerings.values()) offering.cut();
    this.#online = false;
    this.#emit("close", {});
  }

  /** Tells the module which key is pinned, as it is now: another page may have done so. @param {string} nick */
  async #know(nick) {
    // Its words are for nobody else, and who goes by its digits is for one time.
    if (this.#driver.do("is-code", { text: nick })) return;
    const key = await this.#trust.get(nick);
    this.#driver.do("know", { text: nick, more: String(key ?? "") });
  }

  /** @param {string} type @param {object} detail */
  #emit(type, detail) {
    this.dispatchEvent(Object.assign(new Event(type), detail));
  }

  /** @param {Told} told */
  #tell({ event, id, number, flag, text, more, error }) {
    const session = this.#byId.get(id);
    switch (event) {
      case "online":
        this.#nick = text;
        this.#online = true;
        this.#awaited.online?.resolve(undefined);
        this.#awaited.online = undefined;
        return this.#emit("online", { nick: text });
      case "offline":
        return this.#offline(/** @type {XcherError} */ (error), number);
      case "nick":
        return this.#nicks.push(text);
      case "nicks":
        return this.#awaited.who?.resolve(this.#nicks);
      case "call":
        return this.#called(id, text, more);
      case "refused":
        return this.#emit("refused", { address: more, error });
      case "opened":
        return this.#opened(id, number, text, more, flag);
      case "ended":
        return this.#ended(id, error);
      case "pin":
        return this.#pin(text, more);
      case "words":
        return session?.said(text);
      case "entry":
        return session?.entry(text, number, flag, more);
      case "listed":
        return session?.listed();
      case "checked":
        return session?.checked(text, flag);
      case "offered":
        return session?.offers(text, number, flag, more);
      case "offer":
        return session && this.#offered(session);
      case "unoffered":
        return session?.unoffered(/** @type {XcherError} */ (error));
      case "look":
        return this.#look(id, text, number, flag ? Number(more) : undefined);
      case "started":
        return this.#downloads.get(id)?.started(number);
      case "upload":
        return this.#upload(id, more, text, number);
      case "offering": {
        const offering = this.#offerings.get(id);
        if (flag) this.#offerings.delete(id);
        return offering?.told(number, more, text);
      }
      case "progress":
        return this.#uploads.get(id)?.moved(number);
      case "whole":
        return this.#downloads.get(id)?.whole(flag);
      case "finished": {
        const transfer = this.#uploads.get(id) ?? this.#downloads.get(id);
        this.#uploads.delete(id);
        this.#downloads.delete(id);
        return error ? transfer?.failed(error) : transfer?.finished();
      }
      case "notice":
        return this.#emit("notice", { text });
    }
  }

  /** @param {XcherError} error @param {number} retry */
  #offline(error, retry) {
    this.#online = false;
    this.#awaited.who?.reject(error);
    const connecting = this.#awaited.online;
    if (connecting) return connecting.reject(error);
    this.#emit("offline", { error, retryIn: Number.isNaN(retry) ? undefined : retry });
  }

  /** @param {string} nick @param {string} key */
  async #pin(nick, key) {
    try {
      await this.#trust.pin(nick, key);
    } catch (error) {
      const { message } = asError(error, "local");
      this.#emit("notice", { text: `the key of ${nick} could not be kept: ${message}` });
    }
  }

  /** @param {number} id @param {string} address @param {string} name */
  #called(id, address, name) {
    if (this.#calls === "ignore") return this.#driver.do("answer", { id });
    const nick = name || undefined;
    /** @type {Deferred<void>} */
    const over = new Deferred();
    this.#calling.set(id, { address, nick, over });
    const accept = async () => {
      if (nick) await this.#know(nick);
      this.#driver.do("answer", { id, number: 1 });
    };
    // It may be over before it is taken.
    const take = () => {
      accept().catch((error) => this.#closing || this.#ended(id, asError(error, "local")));
    };
    if (this.#calls === "take") return take();
    const call = {
      peerAddress: address,
      nick,
      over: over.promise,
      accept: () =>
        new Promise((resolve, reject) => {
          this.#opening.set(id, { resolve, reject });
          take();
        }),
      reject: () => {
        if (this.#callOver(id)) this.#driver.do("answer", { id });
      },
    };
    this.#emit("call", { call });
  }

  /**
   * @param {number} id
   * @param {number} secrecy
   * @param {string} who the address, and the key if there is one
   * @param {string} nick
   * @param {boolean} incoming
   */
  #opened(id, secrecy, who, nick, incoming) {
    const [peerAddress, key] = who.split(" ");
    const about = { peerAddress, nick, incoming, secrecy, key };
    const known = this.#byId.get(id);
    if (known) {
      known.is(about);
      return this.#emit("change", { session: known });
    }
    const session = new Session(this.#driver, id, about, {
      download: (id, download) => this.#downloads.set(id, download),
      offering: (id, offering) => this.#offerings.set(id, offering),
    });
    this.#byId.set(id, session);
    this.#sessions.add(session);
    this.#callOver(id);
    this.#opening.get(id)?.resolve(session);
    this.#opening.delete(id);
    if (incoming) this.#emit("session", { session });
  }

  /** @param {number} id @param {XcherError | undefined} error */
  #ended(id, error) {
    const session = this.#byId.get(id);
    if (session) {
      this.#byId.delete(id);
      this.#sessions.delete(session);
      return session.ended(error);
    }
    const caller = this.#callOver(id);
    this.#opening.get(id)?.reject(/** @type {XcherError} */ (error));
    this.#opening.delete(id);
    if (caller) this.#emit("refused", { address: caller.address, nick: caller.nick, error });
  }

  /** A call is answered, or cannot be any more: who called. @param {number} id */
  #callOver(id) {
    const caller = this.#calling.get(id);
    this.#calling.delete(id);
    caller?.over.resolve();
    return caller;
  }

  /** An offer is complete. @param {Session} session */
  #offered(session) {
    const offer = session.offerEnds();
    if (!offer) return;
    let seen = false;
    const get = () => {
      seen = true;
      return offer;
    };
    this.dispatchEvent(Object.defineProperty(new Event("offer"), "offer", { get }));
    // Who waits for the event by a promise has had its turn then.
    setTimeout(() => seen || offer.decline());
  }

  /** What a session may have under this name. @param {Session | undefined} session @param {string} name */
  #file(session, name) {
    return session?.offeredFile(name) ?? this.#shared.get(name);
  }

  /** @param {number} id @param {string} name @param {number} length @param {number} [whose] where it is ours */
  #look(id, name, length, whose) {
    const ours = whose !== undefined;
    const file = ours ? this.#file(this.#byId.get(whose), name) : this.#downloads.get(id)?.partial;
    // It fails where the peer is closed.
    look(this.#driver, id, file, ours ? length : (file?.size ?? 0)).catch(() => {});
  }

  /** @param {number} id @param {string} about whose, from where on, how many more @param {string} name @param {number} size */
  #upload(id, about, name, size) {
    const [whose, from, more] = about.split(" ").map(Number);
    const session = this.#byId.get(whose);
    if (!session) return;
    const file = this.#file(session, name);
    const upload = new Upload(this.#driver, id, session, name, size, file, from, more);
    this.#uploads.set(id, upload);
    session.uploads(upload);
    this.#emit("upload", { upload });
  }
}
