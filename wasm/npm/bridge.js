import { XcherError } from "./error.js";
import { SUBPROTOCOL, TUNNEL_PATH } from "./pkg/constants.js";

/** Returns the WebSocket URL of a bridge. @param {string | URL} url */
export function address(url) {
  try {
    const bridge = new URL(url);
    bridge.protocol = bridge.protocol.replace("http", "ws");
    bridge.hash = "";
    if (/^wss?:$/.test(bridge.protocol)) return bridge.href;
  } catch {
    // Reported below.
  }
  throw new XcherError("misuse", `${url} is not the URL of a bridge: give one like wss://host${TUNNEL_PATH}`);
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
