import { bytesOf, choice } from "./arguments.js";
import { XcherError, asError, misuse } from "./error.js";
import { identity, isKeeping, keptPeers } from "./key_store.js";
import { shown } from "./shown.js";

const SECRET_LEN = 32;
const DEVICES = /** @type {const} */ (["phone", "tablet", "computer", "terminal"]);

/**
 * @typedef {{
 *   secret: Uint8Array, seed: Uint8Array, codeSeed: Uint8Array, required: boolean, device?: string, links?: number,
 *   get(nick: string): unknown, pin(nick: string, key: string): unknown,
 * }} Trust `secret` and `seed` are empty for a peer whose sessions are unencrypted, `codeSeed` for one
 *   without a code, `device` for one that names none; `links` is the policy of links, see `links.js`
 */

/**
 * Checks the options, and returns a function that returns a peer's secrets and its access to pinned keys.
 *
 * @param {import("./index.js").SendOptions} options
 * @param {string} relay
 * @param {boolean} withCode true to make a code
 * @returns {() => Promise<Trust>}
 */
export function trust(options, relay, withCode) {
  const { knownPeers } = options;
  const privacy = choice("privacy", options.privacy, ["prefer", "require", "plain"]);
  const device = options.device === undefined ? "" : choice("device", options.device, DEVICES);
  const given = secretOf(options.identity);
  const canPin = typeof knownPeers?.get === "function" && typeof knownPeers.pin === "function";
  if (knownPeers !== undefined && !canPin) {
    throw misuse(`\`knownPeers\` is ${shown(knownPeers)}: give an object with the functions \`get\` and \`pin\``);
  }
  if (privacy === "plain" && withCode) throw misuse("a code needs encryption: choose another `privacy` than \"plain\"");
  const secrets = () => (privacy === "plain" ? unencrypted() : encrypted(privacy === "require", given, knownPeers, relay, withCode));
  return async () => ({ ...(await secrets()), device });
}

/** @param {unknown} identity @returns {Uint8Array | undefined} */
function secretOf(identity) {
  if (identity === undefined) return undefined;
  const secret = bytesOf(identity);
  const how = `give a Uint8Array of ${SECRET_LEN} bytes`;
  if (!secret) throw misuse(`\`identity\` is not bytes: ${how}`);
  if (secret.length !== SECRET_LEN) throw misuse(`\`identity\` has ${secret.length} bytes: ${how}`);
  return secret;
}

/** @returns {Promise<Trust>} */
async function unencrypted() {
  const none = new Uint8Array();
  return { secret: none, seed: none, codeSeed: none, required: false, get() {}, pin() {} };
}

/**
 * @param {boolean} required
 * @param {Uint8Array | undefined} given
 * @param {import("./index.js").KnownPeers | undefined} knownPeers
 * @param {string} relay
 * @param {boolean} withCode
 * @returns {Promise<Trust>}
 */
async function encrypted(required, given, knownPeers, relay, withCode) {
  const keeps = !(given && knownPeers) && (await isKeeping());
  const secret = given ?? (keeps ? await stored() : random());
  const known = knownPeers ?? (keeps ? keptPeers : inMemory());
  return {
    secret,
    seed: random(),
    codeSeed: withCode ? random() : new Uint8Array(),
    required,
    get: (nick) => known.get(nick, relay),
    pin: (nick, key) => known.pin(nick, relay, key),
  };
}

async function stored() {
  try {
    return await identity();
  } catch (error) {
    const { message } = asError(error, "local");
    throw new XcherError("local", `this host's key cannot be read (${message}): give one as \`identity\``, error);
  }
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
