/** The WebRTC connection of a link (PROTOCOL.md, section 24). It lives in a window; its channel can live in a worker. */

import { asError } from "./error.js";

/** Time for candidates, in milliseconds: what was gathered by then is used. */
const GATHER_TIMEOUT = 2000;

/**
 * Makes a connection, for the peer's offer if there is one. The channel is reported at once: it can be transferred
 * only then.
 *
 * @param {string | undefined} offer
 * @param {import("./links.js").LinkEvents} events
 * @param {readonly object[]} [iceServers] none by default: addresses are shown to no server
 * @returns {import("./links.js").Link}
 */
export function makeLink(offer, events, iceServers = []) {
  const connection = new RTCPeerConnection({ iceServers: /** @type {RTCIceServer[]} */ ([...iceServers]) });
  const close = () => {
    connection.onconnectionstatechange = null;
    connection.close();
  };
  const lost = (/** @type {string} */ message) => {
    close();
    events.lost(message);
  };
  const attempt = async (/** @type {() => Promise<void>} */ does) => {
    try {
      await does();
    } catch (error) {
      // A connection that was closed meanwhile refuses everything.
      if (connection.signalingState !== "closed") lost(asError(error, "local").message);
    }
  };
  connection.onconnectionstatechange = () => {
    if (connection.connectionState === "failed") lost("no path leads to the other browser, or not any more");
  };
  events.channel(connection.createDataChannel("xcher.link.1", { negotiated: true, id: 0, ordered: true }));
  attempt(async () => {
    if (offer !== undefined) await connection.setRemoteDescription({ type: "offer", sdp: offer });
    await connection.setLocalDescription();
    await gathered(connection);
    events.described(connection.localDescription?.sdp ?? "");
  });
  return {
    accept: (answer) => void attempt(() => connection.setRemoteDescription({ type: "answer", sdp: answer })),
    close,
  };
}

/** Resolves once all candidates are known, or time is over. @param {RTCPeerConnection} connection */
function gathered(connection) {
  return new Promise((resolve) => {
    const look = () => connection.iceGatheringState === "complete" && resolve(undefined);
    connection.onicegatheringstatechange = look;
    setTimeout(resolve, GATHER_TIMEOUT);
    look();
  });
}

/** Makes links for the peers at the other end of a port, which send what `links.js` says. */
export class LinkLender {
  /** @type {Map<number, import("./links.js").Link>} */
  #links = new Map();
  #port;
  #iceServers;

  /** @param {MessagePort} port @param {readonly object[]} [iceServers] */
  constructor(port, iceServers) {
    this.#port = port;
    this.#iceServers = iceServers;
  }

  /** @param {{ link: number, act: "make" | "accept" | "close", detail?: string }} message */
  take({ link, act, detail }) {
    if (act === "make") this.#make(link, detail);
    else if (act === "accept") this.#links.get(link)?.accept(String(detail));
    else {
      this.#links.get(link)?.close();
      this.#links.delete(link);
    }
  }

  closeAll() {
    for (const [link, its] of this.#links) {
      its.close();
      this.#port.postMessage({ link, event: "lost", detail: "the user permits none any more" });
    }
    this.#links.clear();
  }

  /** @param {number} link @param {string | undefined} offer */
  #make(link, offer) {
    const tell = (/** @type {string} */ event, /** @type {unknown} */ detail, /** @type {any[]} */ transfer = []) =>
      this.#port.postMessage({ link, event, detail }, transfer);
    const lost = (/** @type {string} */ message) => {
      this.#links.delete(link);
      tell("lost", message);
    };
    try {
      const made = makeLink(offer, {
        described: (description) => tell("described", description),
        channel: (channel) => tell("channel", channel, [channel]),
        lost,
      }, this.#iceServers);
      this.#links.set(link, made);
    } catch (error) {
      lost(asError(error, "local").message);
    }
  }
}
