import { misuse } from "./error.js";
import { shown } from "./shown.js";

/**
 * Makes links between browsers for peers in a worker, which have the other end of the port as their option
 * `windowPort`. What that takes loads with the first link.
 *
 * @param {object} given a MessagePort
 * @param {{ iceServers?: readonly object[] }} [options]
 */
export function lendLinks(given, { iceServers } = {}) {
  const port = /** @type {MessagePort} */ (given);
  if (typeof port?.postMessage !== "function") throw misuse(`the port is ${shown(port)}: give a MessagePort`);
  /** @type {Promise<import("./rtc_link.js").LinkLender> | undefined} */
  let lender;
  let isAllowed = true;
  port.onmessage = ({ data }) => {
    const lost = (/** @type {string} */ detail) => port.postMessage({ link: data.link, event: "lost", detail });
    if (data.act === "make" && !isAllowed) return lost("the user permits none");
    lender ??= import("./rtc_link.js").then(({ LinkLender }) => new LinkLender(port, iceServers));
    lender.then((lender) => lender.take(data), ({ message }) => lost(message));
  };
  return {
    /** @param {boolean} yes false closes all links, and makes no more */
    allow(yes) {
      isAllowed = yes;
      if (!yes) lender?.then((lender) => lender.closeAll(), () => {});
    },
  };
}
