/** What others offer us, until it is decided. */
import { tell } from "../messages.js";
import { idOf, keep, nameOf } from "./sessions.js";
import { take } from "./transfers.js";

/** The most offers that wait for our person's answer, of each session one. */
const OFFERS = 16;

const offers = new Map();
let last = 0;

export function offered(offer) {
  const session = keep(offer.session);
  const more = [...offers.values()].some((other) => other.session === session);
  if (more || offers.size === OFFERS) return offer.decline();
  const id = ++last;
  offers.set(id, offer);
  const files = offer.files.map(({ name, size, approximate }) => ({ name, size, approximate }));
  tell("offered", id, idOf(session), nameOf(session), files);
  session.closed.then(() => offers.delete(id) && tell("gone", id));
}

/** Takes the files with these names; without, none. */
export function settle(id, names, target) {
  const offer = offers.get(id);
  // It may be gone by now.
  if (!offers.delete(id)) return;
  const { session } = offer;
  // What was accepted is fetched in its turn.
  const accepted = new Set(offer.accept(names ?? []).map(({ name }) => name));
  take(nameOf(session) ?? session.peerAddress, offer.files.filter(({ name }) => accepted.has(name)), target, session);
}
