/** Calls, open sessions, and listings. */
import { tell } from "../messages.js";
import { peer } from "./connection.js";
import { failure, plain } from "./errors.js";
import { known } from "./known_peers.js";

/** Time to wait for a callee, in milliseconds: it may ask its user. */
const ANSWER_TIMEOUT = 120_000;
/** The most calls that wait for the user. */
const MAX_CALLS = 16;
/** The most files of a listing: the page keeps them all in memory. */
const MAX_FILES = 200_000;
/** Time between two parts of a listing, in milliseconds. */
const PART_INTERVAL = 150;

const ids = new Map();
/** The safety words of sessions. */
const safetyWords = new WeakMap();
const opening = new Map();
/** Nicks or codes that sessions were opened with: the nick is only part of a code. */
const names = new WeakMap();
export const nameOf = (session) => names.get(session) ?? session.nick;
const calls = new Map();
let last = 0;
let asks = true;
let listing;

export function ask(yes) {
  asks = yes;
}

export function called(call) {
  if (!asks) accept(call);
  else if (calls.size === MAX_CALLS) call.reject();
  else {
    const id = ++last;
    calls.set(id, call);
    tell("call", id, call.nick, call.peerAddress);
    call.over.then(() => calls.delete(id) && tell("callOver", id));
  }
}

export function answer(id, yes) {
  const call = calls.get(id);
  // It may have ended by now.
  if (!calls.delete(id)) return;
  if (yes) accept(call);
  else call.reject();
}

const accept = (call) => call.accept().then(keep, (error) => report(call, error));

const report = ({ nick, peerAddress }, error) => tell("callFailed", nick, peerAddress, plain(error));

export function keep(session) {
  if (ids.has(session)) return session;
  ids.set(session, ++last);
  learn(session);
  session.closed.then((error) => {
    ids.delete(session);
    show();
    if (error && error.code !== "cancelled" && peer?.online) report(session, error);
  });
  return session;
}

/** Shows a session's peer, at first and when it changes. */
export function learn(session) {
  show();
  session.safetyWords.then((words) => {
    safetyWords.set(session, words);
    show();
  }, () => {});
  if (session.known === "first") known();
}

function show() {
  const all = [...ids].map(([session, id]) => {
    const { peerAddress: address, peerKey: key, known, device, whyPlain: why } = session;
    return { id, nick: nameOf(session), address, key, known, device, why, words: safetyWords.get(session) };
  });
  tell("sessions", all);
}

export const idOf = (session) => ids.get(session);

/** Ends the session by a code once all wanted files are here: the sender waits for that. */
export function bye(nick) {
  for (const session of ids.keys()) {
    if (nameOf(session) === nick && session.known === "code" && !session.incoming) session.end();
  }
}

export function hangUp(id) {
  for (const [session, its] of ids) if (its === id) session.reject();
}

/** Returns the session with `nick`: an open one, whichever side called, or a new one. */
export async function sessionWith(nick, signal) {
  const open = [...ids.keys()].find((session) => nameOf(session) === nick);
  if (open) return open;
  const before = opening.get(nick);
  if (before && !before.signal?.aborted) return before.session;
  if (!peer) throw failure("offline");
  const name = (session) => (names.set(session, nick), session);
  const declined = (error) => {
    throw error.code === "refused" ? failure("call-declined") : error;
  };
  const mine = { signal, session: peer.open(nick, { signal, timeout: ANSWER_TIMEOUT }).then(name, declined).then(keep) };
  const over = () => opening.get(nick) === mine && opening.delete(nick);
  mine.session.then(over, over);
  opening.set(nick, mine);
  return mine.session;
}

export async function open(nick) {
  leave();
  const { signal } = (listing = new AbortController());
  const part = (...what) => signal.aborted || tell("listing", nick, ...what);
  try {
    const session = await sessionWith(nick, signal);
    let files = [];
    let all = 0;
    let sent = 0;
    for await (const { name, size, approximate, text, folder } of session.list()) {
      if (signal.aborted) return;
      if (++all > MAX_FILES) throw failure("too-many-files");
      files.push({ name, size, approximate, text, folder });
      if (performance.now() - sent > PART_INTERVAL) {
        part("part", files);
        files = [];
        sent = performance.now();
      }
    }
    part("end", files);
  } catch (error) {
    part("failed", [], plain(error));
  }
}

export const leave = () => listing?.abort();
