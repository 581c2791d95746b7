/** Offers from peers, until the user decides. */
import { tell } from "../messages.js";
import { idOf, keep, nameOf } from "./sessions.js";
import { take } from "./transfers.js";

/** The most offers that wait for the user, one of each session. */
const MAX_OFFERS = 16;

const offers = new Map();
let last = 0;

export function offered(offer) {
  const session = keep(offer.session);
  const more = [...offers.values()].some((other) => other.session === session);
  if (more || offers.size === MAX_OFFERS) return offer.decline();
  const id = ++last;
  offers.set(id, offer);
  const files = offer.files.map(({ name, size, approximate, text, folder }) => ({ name, size, approximate, text, folder }));
  tell("offered", id, idOf(session), nameOf(session), files);
  session.closed.then(() => offers.delete(id) && tell("withdrawn", id));
}

/** Accepts the files with these names, or none. */
export function settle(id, names, target) {
  const offer = offers.get(id);
  // It may be withdrawn by now.
  if (!offers.delete(id)) return;
  const { session } = offer;
  // Accepted files are fetched in their turn.
  const accepted = new Set(offer.accept(names ?? []).map(({ name }) => name));
  take(nameOf(session) ?? session.peerAddress, offer.files.filter(({ name }) => accepted.has(name)), target, session);
}
