import { XcherError } from "./error.js";

/** What is spoken over the WebSocket (section 10.1 of PROTOCOL.md). */
const SUBPROTOCOL = "xcher.tunnel.1";

/** @param {string | URL} url */
export function address(url) {
  try {
    const bridge = new URL(url);
    bridge.protocol = bridge.protocol.replace("http", "ws");
    bridge.hash = "";
    if (/^wss?:$/.test(bridge.protocol)) return bridge.href;
  } catch {
    // Told below.
  }
  throw new XcherError("misuse", `expected an address like wss://host/xcher, got ${url}`);
}

/**
 * What opens a WebSocket to a bridge.
 *
 * @param {string} address
 * @param {string | undefined} token
 * @param {unknown} given
 * @returns {() => WebSocket}
 */
export function opener(address, token, given) {
  const Socket = /** @type {typeof WebSocket | undefined} */ (given ?? globalThis.WebSocket);
  if (typeof Socket !== "function") {
    throw new XcherError("unsupported", "expected a WebSocket: in Node 20, pass that of ws");
  }
  const protocols = [SUBPROTOCOL];
  // A browser can set no header, and in the address a secret would end in logs.
  if (token !== undefined) protocols.push(`token.${base64url(token)}`);
  return () => new Socket(address, protocols);
}

/** @param {string} text */
function base64url(text) {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
