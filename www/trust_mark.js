/** How well a peer is known, beside its name: in words, with a sign. */
import { phrase } from "./element.js";

const OF_SESSION = { code: "mark-code", pinned: "mark-same", first: "mark-new", no: "mark-new" };

/** Nicks whose keys are pinned. */
let pinned = new Set();
/** Nicks that showed another key than the pinned one, until that is forgotten. */
const changed = new Set();

export function pins(all) {
  pinned = new Set(all.map(({ nick }) => nick));
}

export const keyChanged = (nick) => changed.add(nick);
export const keyForgotten = (nick) => changed.delete(nick);

/** Returns a mark for a nick, and its session if there is one; nothing where no key tells anything. */
export function trustMark(nick, session) {
  if (session && !session.key) return "";
  const id = changed.has(nick) && !session ? "mark-changed" : session ? OF_SESSION[session.known] : pinned.has(nick) ? "mark-seen" : "mark-new";
  return phrase("span", { className: "mark", "data-is": id }, id);
}
