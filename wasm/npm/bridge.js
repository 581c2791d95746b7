import { text } from "./arguments.js";
import { XcherError, misuse } from "./error.js";
import { SUBPROTOCOL, TUNNEL_PATH } from "./pkg/constants.js";
import { shown } from "./shown.js";

/** The WebSocket's path relative to the page's folder (PROTOCOL.md, section 10.1). */
const TUNNEL = TUNNEL_PATH.slice(1);
/** `HOST:PORT`; an IPv6 address has brackets. */
const HOST_AND_PORT = /^(?:[\p{L}\p{N}._-]+|\[[\da-f:.]+\]):(\d+)$/iu;

/**
 * Returns the URL of a bridge's WebSocket, as the terminal's `--relay` does: `ws` and `wss` URLs name it, or only the
 * host; `http` and `https` URLs name the page beside it. `HOST:PORT` is a bridge, too, because nothing else can be
 * reached from here.
 *
 * @param {string | URL} url
 */
export function address(url) {
  const given = url instanceof URL ? url.href : text("the bridge's URL", url);
  const port = HOST_AND_PORT.exec(given)?.[1];
  const scheme = port === "443" || globalThis.location?.protocol === "https:" ? "https" : "http";
  let hasSecret = false;
  try {
    const page = new URL(port ? `${scheme}://${given}/` : given);
    const isPage = /^https?:$/.test(page.protocol);
    const isBridge = isPage || /^wss?:$/.test(page.protocol);
    // Secrets do not belong in an address, and a bridge needs no user or query.
    hasSecret = Boolean(page.username || page.password || page.search);
    if (isBridge && page.hostname && !hasSecret) {
      const bridge = isPage || page.pathname === "/" ? new URL(TUNNEL, page) : page;
      bridge.protocol = bridge.protocol.replace("http", "ws");
      bridge.hash = "";
      return bridge.href;
    }
  } catch {
    // Reported below.
  }
  const what = hasSecret ? "a URL with a user or a query" : shown(given);
  throw misuse(`${what} is not the address of a bridge: give one like https://relay.example/ or wss://relay.example${TUNNEL_PATH}`);
}

/** Returns the page of a bridge, if its WebSocket has the default path. @param {string} address */
export function pageOf(address) {
  const bridge = new URL(address);
  if (!bridge.pathname.endsWith(TUNNEL_PATH)) return undefined;
  bridge.protocol = bridge.protocol.replace("ws", "http");
  return new URL("./", bridge).href;
}

/**
 * Returns a function that opens a WebSocket to a bridge.
 *
 * @param {string} address
 * @param {string | undefined} token
 * @param {unknown} given
 * @returns {() => WebSocket}
 */
export function opener(address, token, given) {
  if (given !== undefined && typeof given !== "function") {
    throw misuse(`\`WebSocket\` is ${shown(given)}: give a class, such as the \`WebSocket\` of the package ws`);
  }
  const Socket = /** @type {typeof WebSocket | undefined} */ (given ?? globalThis.WebSocket);
  if (typeof Socket !== "function") {
    throw new XcherError("unsupported", "there is no global WebSocket: pass that of the package ws as `WebSocket`");
  }
  const protocols = [SUBPROTOCOL];
  // A browser cannot set headers, and a token in the URL would end up in logs.
  if (token !== undefined) protocols.push(`token.${base64url(token)}`);
  return () => new Socket(address, protocols);
}

/** @param {string} text */
function base64url(text) {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
