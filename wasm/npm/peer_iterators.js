/** Loops over what arrives at a peer. Each begins to collect at once, and ends when the peer closes. */

import { waitOptions } from "./arguments.js";
import { Arrivals } from "./arrivals.js";
import { XcherError, misuse } from "./error.js";
import { shown } from "./shown.js";

/**
 * @typedef {import("./peer.js").Peer} Peer
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./incoming_offer.js").Offer} Offer
 * @typedef {{ signal?: AbortSignal }} Options
 */

/** The most offers, and the most sessions, that wait for a loop. */
const MAX_WAITING = 64;
/** The most events that do. */
const MAX_EVENTS = 1024;
const TYPES = ["online", "offline", "call", "session", "change", "way", "refused", "upload", "offer", "notice"];

/** Declines offers for which there is no room. @param {Peer} peer @param {Options} [options] */
export function offersOf(peer, options) {
  /** @type {Arrivals<Offer>} */
  const offers = new Arrivals(MAX_WAITING, (offer) => offer.decline());
  collect(peer, offers, ["offer"], options, (event) => offers.push(event.offer));
  return offers;
}

/** Rejects sessions for which there is no room. @param {Peer} peer @param {Options} [options] */
export function incomingOf(peer, options) {
  /** @type {Arrivals<Session>} */
  const sessions = new Arrivals(MAX_WAITING, (session) => {
    if (peer.sessions.has(session)) session.reject();
  });
  collect(peer, sessions, ["session"], options, (event) => sessions.push(event.session));
  for (const session of peer.sessions) if (session.incoming) sessions.push(session);
  return sessions;
}

/**
 * Fails if there is no room: an event that is missing would be missed.
 *
 * @param {Peer} peer
 * @param {readonly string[] | undefined} types
 * @param {Options} [options]
 */
export function eventsOf(peer, types = TYPES, options) {
  if (!Array.isArray(types)) throw misuse(`the types are ${shown(types)}: give an array of types of events`);
  for (const type of types) {
    if (!TYPES.includes(type)) throw misuse(`there is no event ${shown(type)}: give some of ${TYPES.join(", ")}`);
  }
  /** @type {Arrivals<any>} */
  const events = new Arrivals(MAX_EVENTS, refuse);
  collect(peer, events, types, options, (event) => {
    // An offer that no listener reads is declined.
    void event.offer;
    if (events.push(event)) return;
    events.end(new XcherError("local", `${MAX_EVENTS} events wait: take them sooner, or fewer types of them`));
  });
  return events;
}

/** Answers what would otherwise wait for an answer. @param {any} event */
function refuse({ type, offer, call }) {
  if (type === "offer") offer.decline();
  if (type === "call") call.reject();
}

/**
 * @param {Peer} peer
 * @param {Arrivals<any>} arrivals
 * @param {readonly string[]} types
 * @param {Options | undefined} options
 * @param {(event: any) => void} take
 */
function collect(peer, arrivals, types, options, take) {
  const { signal } = waitOptions(options);
  const close = () => arrivals.end();
  const undo = () => {
    for (const type of types) peer.removeEventListener(type, take);
    peer.removeEventListener("close", close);
  };
  for (const type of types) peer.addEventListener(type, take);
  peer.addEventListener("close", close);
  arrivals.finally(undo);
  arrivals.endAt(signal);
  if (peer.isClosed) arrivals.end();
}
