import { Calls } from "./calls.js";
import { waitOptions } from "./arguments.js";
import { XcherError, asError } from "./error.js";
import { Session } from "./session.js";
import { within } from "./with_timeout.js";

/**
 * @typedef {import("./session.js").FileDetails} FileDetails
 * @typedef {{ resolve: (session: Session) => void, reject: (error: unknown) => void }} Waiting
 */

/** Sessions and calls of a peer. Handles the module's events about them. */
export class Sessions {
  #driver;
  #policy;
  #loadPin;
  #emit;
  #register;
  /** @type {Map<number, Session>} */
  #byId = new Map();
  /** @type {Set<Session>} */
  all = new Set();
  /** Sessions that are being opened. @type {Map<number, Waiting>} */
  #opening = new Map();
  #calls = new Calls();

  /**
   * @param {import("./driver.js").Driver} driver
   * @param {"take" | "ask" | "ignore"} policy for incoming calls
   * @param {(nick: string) => Promise<void>} loadPin passes the key that is pinned for a nick to the module
   * @param {(event: string, detail?: object) => void} emit
   * @param {ConstructorParameters<typeof Session>[3]} register
   */
  constructor(driver, policy, loadPin, emit, register) {
    this.#driver = driver;
    this.#policy = policy;
    this.#loadPin = loadPin;
    this.#emit = emit;
    this.#register = register;
  }

  /** @param {number} id */
  get(id) {
    return this.#byId.get(id);
  }

  /** Calls a nick or the host with a code. @param {string} nick @param {Waiting} waiting */
  open(nick, waiting) {
    const id = this.#driver.do({ kind: "open", nick });
    this.#opening.set(id, waiting);
    return id;
  }

  /** Forgets a session that was being opened. Returns false if it no longer is. @param {number} id */
  giveUp(id) {
    return this.#opening.delete(id);
  }

  // Events.

  /** @param {number} id @param {string} address @param {string} name */
  call(id, address, name) {
    if (this.#policy === "ignore") return this.#answer(id, false);
    const nick = name || undefined;
    const over = this.#calls.add(id, address, nick);
    const accept = async () => {
      try {
        if (nick) await this.#loadPin(nick);
        this.#answer(id, true);
      } catch (error) {
        // The call has ended meanwhile, or the pin cannot be read.
        if (!this.#driver.isClosing) this.ended(id, asError(error, "local"));
      }
    };
    if (this.#policy === "take") return accept();
    const call = {
      peerAddress: address,
      nick,
      over,
      /** @param {import("./index.js").WaitOptions} [options] */
      accept: async (options) => {
        const limits = waitOptions(options);
        try {
          return await within(limits, `${nick ?? address} could not be reached`, (resolve, reject) => {
            this.#opening.set(id, { resolve, reject });
            accept();
          });
        } finally {
          if (this.giveUp(id) && !this.#driver.isClosing) this.#driver.do({ kind: "end", session: id });
        }
      },
      reject: () => {
        if (this.#calls.remove(id)) this.#answer(id, false);
      },
    };
    this.#emit("call", { call });
  }

  /** @param {number} id @param {boolean} accept */
  #answer(id, accept) {
    this.#driver.do({ kind: "answer", session: id, accept });
  }

  /** @param {string} address @param {XcherError} error */
  callRefused(address, error) {
    this.#emit("refused", { address, error });
  }

  /**
   * @param {number} id
   * @param {string} peerAddress
   * @param {string} nick
   * @param {boolean} incoming
   * @param {string} key
   * @param {string} state
   * @param {string} device
   */
  opened(id, peerAddress, nick, incoming, key, state, device) {
    const opened = { peerAddress, nick, incoming, key, state, device };
    const known = this.#byId.get(id);
    if (known) {
      known.opened(opened);
      return this.#emit("change", { session: known });
    }
    const session = new Session(this.#driver, id, opened, this.#register);
    this.#byId.set(id, session);
    this.all.add(session);
    this.#calls.remove(id);
    this.#opening.get(id)?.resolve(session);
    this.#opening.delete(id);
    if (incoming) this.#emit("session", { session });
  }

  /** @param {number} id @param {XcherError | undefined} error */
  ended(id, error) {
    const session = this.#byId.get(id);
    if (session) {
      this.#byId.delete(id);
      this.all.delete(session);
      return session.ended(error);
    }
    const caller = this.#calls.remove(id);
    this.#opening.get(id)?.reject(error ?? new XcherError("unreachable", "the other host has ended the session"));
    this.#opening.delete(id);
    if (caller) this.#emit("refused", { address: caller.address, nick: caller.nick, error });
  }

  /** @param {number} id @param {string} words */
  safetyWords(id, words) {
    this.#byId.get(id)?.setSafetyWords(words);
  }

  /** @param {number} id @param {boolean} isUsed */
  linkChanged(id, isUsed) {
    const session = this.#byId.get(id);
    if (!session) return;
    session.way = isUsed ? "direct" : "bridge";
    this.#emit("way", { session });
  }

  /** @param {number} id @param {FileDetails} file */
  entry(id, ...file) {
    this.#byId.get(id)?.entry(...file);
  }

  /** @param {number} id */
  listEnd(id) {
    this.#byId.get(id)?.listEnd();
  }

  /** @param {number} id @param {string} name @param {boolean} yes */
  checked(id, name, yes) {
    this.#byId.get(id)?.checked(name, yes);
  }

  /** @param {number} id @param {FileDetails} file */
  offered(id, ...file) {
    this.#byId.get(id)?.offerEntry(...file);
  }

  /** @param {number} id */
  offerEnd(id) {
    const offer = this.#byId.get(id)?.offerEnd();
    if (!offer) return;
    let seen = false;
    const get = () => {
      seen = true;
      return offer;
    };
    this.#emit("offer", Object.defineProperty({}, "offer", { get, enumerable: true }));
    // Later, so that code that awaits the event by a promise has run.
    setTimeout(() => seen || offer.decline());
  }

  /** @param {number} id @param {XcherError} error */
  notOffered(id, error) {
    this.#byId.get(id)?.notOffered(error);
  }
}
