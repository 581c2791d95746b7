import { XcherError } from "./error.js";
import { identity, isKeeping, keptPeers } from "./key_store.js";

/**
 * @typedef {{
 *   secrets: Uint8Array, required: boolean,
 *   get(nick: string): unknown, pin(nick: string, key: string): unknown,
 * }} Trust `secrets`, as the module wants them, is empty for a peer that speaks in the clear
 */

/**
 * Who a peer is, and whom it knows.
 *
 * @param {import("./index.js").SendOptions} options
 * @param {string} relay
 * @param {boolean} withCode whether it is to make a code up
 * @returns {Promise<Trust>}
 */
export async function trust({ privacy = "prefer", identity: given, knownPeers }, relay, withCode) {
  const required = privacy === "require";
  if (privacy === "plain") {
    if (withCode) throw new XcherError("misuse", "expected privacy for a code, got plain");
    return { secrets: new Uint8Array(), required, get() {}, pin() {} };
  }
  const keeps = !(given && knownPeers) && (await isKeeping());
  const secrets = crypto.getRandomValues(new Uint8Array(withCode ? 96 : 64));
  const mine = given ?? (keeps ? await identity() : undefined);
  if (mine) {
    if (mine.length !== 32) {
      throw new XcherError("misuse", `expected an identity of 32 bytes, got ${mine.length}`);
    }
    secrets.set(mine);
  }
  const known = knownPeers ?? (keeps ? keptPeers : inMemory());
  return {
    secrets,
    required,
    get: (nick) => known.get(nick, relay),
    pin: (nick, key) => known.pin(nick, relay, key),
  };
}

/** @returns {import("./index.js").KnownPeers} */
function inMemory() {
  /** @type {Map<string, string>} */
  const keys = new Map();
  return {
    get: (nick) => keys.get(nick),
    pin(nick, _, key) {
      keys.set(nick, key);
    },
  };
}
