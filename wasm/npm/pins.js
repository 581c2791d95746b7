import { XcherError, asError } from "./error.js";
import { isCode } from "./pkg/xcher.js";

/** The pinned keys of a peer, between where they are kept and the module. */
export class Pins {
  #driver;
  #trust;

  /** @param {import("./driver.js").Driver} driver @param {import("./trust.js").Trust} trust */
  constructor(driver, trust) {
    this.#driver = driver;
    this.#trust = trust;
  }

  /** Passes the pinned key of a nick to the module, which another page may have changed. @param {string} nick */
  async load(nick) {
    // The words of a code must not leave this peer, and its nick is used once.
    if (isCode(nick)) return;
    const key = await this.#keyOf(nick);
    this.#driver.do({ kind: "setPin", nick, key: String(key ?? "") });
  }

  /** @param {string} nick */
  async #keyOf(nick) {
    try {
      return await this.#trust.get(nick);
    } catch (error) {
      const { message } = asError(error, "local");
      throw new XcherError("local", `the pinned key of ${nick} cannot be read: ${message}`, error);
    }
  }

  /** Keeps the first key of a nick. Returns why it could not be kept, if so. @param {string} nick @param {string} key */
  async pin(nick, key) {
    try {
      await this.#trust.pin(nick, key);
      return undefined;
    } catch (error) {
      const { message } = asError(error, "local");
      return `the key of ${nick} could not be stored: ${message}`;
    }
  }
}
