/**
 * Links between browsers by WebRTC (PROTOCOL.md, section 24), as a peer uses them: in a window it makes them itself,
 * in a worker it has a window make them, because workers have no `RTCPeerConnection`.
 *
 * @typedef {{
 *   described(description: string): void, channel(channel: RTCDataChannel): void, lost(message: string): void,
 * }} LinkEvents
 * @typedef {{ accept(answer: string): void, close(): void }} Link
 * @typedef {(offer: string | undefined, events: LinkEvents) => Link} Links makes a connection, for the peer's offer if
 *   there is one
 */

import { choice } from "./arguments.js";
import { asError, misuse } from "./error.js";
import { shown } from "./shown.js";

const POLICIES = /** @type {const} */ (["never", "auto", "always"]);

/**
 * Checks the options, and returns the number of the policy in the module, and what makes links. Where there is no
 * WebRTC, that is the policy `never`.
 *
 * @param {import("./index.js").SendOptions} options
 * @returns {{ policy: number, links?: Links }}
 */
export function linkOptions({ direct, windowPort, iceServers }) {
  const policy = POLICIES.indexOf(choice("direct", direct, POLICIES));
  const port = /** @type {MessagePort | undefined} */ (windowPort);
  if (port !== undefined && typeof port?.postMessage !== "function") {
    throw misuse(`\`windowPort\` is ${shown(windowPort)}: give a MessagePort whose other end \`lendLinks\` has`);
  }
  if (iceServers !== undefined && !Array.isArray(iceServers)) {
    throw misuse(`\`iceServers\` is ${shown(iceServers)}: give an array`);
  }
  const links = port ? inWindow(port) : here(iceServers);
  return links && policy ? { policy, links } : { policy: 0 };
}

/** @param {readonly object[] | undefined} iceServers @returns {Links | undefined} */
function here(iceServers) {
  if (typeof globalThis.RTCPeerConnection !== "function") return undefined;
  return (offer, events) => {
    /** @type {Link | undefined} */
    let link;
    let isClosed = false;
    const made = import("./rtc_link.js").then(({ makeLink }) => {
      if (!isClosed) link = makeLink(offer, events, iceServers);
    });
    made.catch((error) => events.lost(asError(error, "local").message));
    return {
      accept: (answer) => link?.accept(answer),
      close() {
        isClosed = true;
        link?.close();
      },
    };
  };
}

/** The links of the peers that share a port, by numbers. @type {WeakMap<MessagePort, Map<number, LinkEvents>>} */
const shared = new WeakMap();
let last = 0;

/** @param {MessagePort} port @returns {Links | undefined} */
function inWindow(port) {
  // Only where it is exposed can a channel be transferred.
  if (typeof globalThis.RTCDataChannel !== "function") return undefined;
  const known = shared.get(port) ?? new Map();
  shared.set(port, known);
  port.onmessage = ({ data: { link, event, detail } }) => known.get(link)?.[/** @type {keyof LinkEvents} */ (event)](detail);
  return (offer, events) => {
    const link = (last += 1);
    known.set(link, events);
    port.postMessage({ link, act: "make", detail: offer });
    return {
      accept: (answer) => port.postMessage({ link, act: "accept", detail: answer }),
      close() {
        known.delete(link);
        port.postMessage({ link, act: "close" });
      },
    };
  };
}
