import { XcherError } from "./error.js";
import { identity, isKeeping, keptPeers } from "./key_store.js";

const SECRET_LEN = 32;

/**
 * @typedef {{
 *   secret: Uint8Array, seed: Uint8Array, codeSeed: Uint8Array, required: boolean,
 *   get(nick: string): unknown, pin(nick: string, key: string): unknown,
 * }} Trust `secret` and `seed` are empty for a peer whose sessions are unencrypted, `codeSeed` for one
 *   without a code
 */

/**
 * Returns a peer's secrets and its access to pinned keys.
 *
 * @param {import("./index.js").SendOptions} options
 * @param {string} relay
 * @param {boolean} withCode true to make a code
 * @returns {Promise<Trust>}
 */
export async function trust({ privacy = "prefer", identity: given, knownPeers }, relay, withCode) {
  const required = privacy === "require";
  const none = new Uint8Array();
  if (privacy === "plain") {
    if (withCode) throw new XcherError("misuse", "a code needs encryption: choose another `privacy` than `plain`");
    return { secret: none, seed: none, codeSeed: none, required, get() {}, pin() {} };
  }
  const keeps = !(given && knownPeers) && (await isKeeping());
  const secret = given ?? (keeps ? await identity() : random());
  if (secret.length !== SECRET_LEN) {
    throw new XcherError("misuse", `an identity has ${SECRET_LEN} bytes, and this one ${secret.length}`);
  }
  const known = knownPeers ?? (keeps ? keptPeers : inMemory());
  return {
    secret,
    seed: random(),
    codeSeed: withCode ? random() : none,
    required,
    get: (nick) => known.get(nick, relay),
    pin: (nick, key) => known.pin(nick, relay, key),
  };
}

const random = () => crypto.getRandomValues(new Uint8Array(SECRET_LEN));

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
