/** Calls, the sessions that are open, and what the others share. */
import { tell } from "../messages.js";
import { known } from "./known_peers.js";
import { peer } from "./main.js";

/** How long someone may take to answer, in milliseconds: a person may have to be asked. */
const ANSWER = 120_000;
/** The most calls that wait for our person's answer. */
const CALLS = 16;
/** The most files that are listed: the page holds them all. */
const FILES = 200_000;
/** How often the page gets a part of a list, in milliseconds. */
const PART = 150;

const ids = new Map();
/** The safety words of a session, once they are known. */
const spoken = new WeakMap();
const opening = new Map();
/** What sessions were opened with: of a code, the nick is a part alone. */
const names = new WeakMap();
export const nameOf = (session) => names.get(session) ?? session.nick;
const calls = new Map();
let last = 0;
let asks = true;
let listing;

export function ask(whether) {
  asks = whether;
}

export function called(call) {
  if (!asks) accept(call);
  else if (calls.size === CALLS) call.reject();
  else {
    const id = ++last;
    calls.set(id, call);
    tell("call", id, call.nick, call.peerAddress);
    call.over.then(() => calls.delete(id) && tell("callOver", id));
  }
}

export function answer(id, yes) {
  const call = calls.get(id);
  // It may be over by now.
  if (!calls.delete(id)) return;
  if (yes) accept(call);
  else call.reject();
}

const accept = (call) => call.accept().then(keep, (error) => complain(call, error));

const complain = ({ nick, peerAddress }, { code, message }) =>
  tell("turnedAway", nick, peerAddress, code, message);

export function keep(session) {
  if (ids.has(session)) return session;
  ids.set(session, ++last);
  learn(session);
  session.closed.then((error) => {
    ids.delete(session);
    show();
    if (error && error.code !== "cancelled" && peer?.online) complain(session, error);
  });
  return session;
}

/** Whom a session is with: at its beginning, and where that was found out anew. */
export function learn(session) {
  show();
  session.safetyWords.then((words) => {
    spoken.set(session, words);
    show();
  }, () => {});
  if (session.known === "first") known();
}

function show() {
  const all = [...ids].map(([session, id]) => {
    const { peerAddress: address, peerKey: key, known, whyPlain: why } = session;
    return { id, nick: nameOf(session), address, key, known, why, words: spoken.get(session) };
  });
  tell("sessions", all);
}

export const idOf = (session) => ids.get(session);

/** Whom we fetch from by a code has nothing more to do once we have what we want. */
export function bye(nick) {
  for (const session of ids.keys()) {
    if (nameOf(session) === nick && session.known === "code" && !session.incoming) session.end();
  }
}

export function hangUp(id) {
  for (const [session, its] of ids) if (its === id) session.reject();
}

/** The session with `nick`: one that is open, whoever called, or a new one. */
export async function sessionWith(nick, signal) {
  const open = [...ids.keys()].find((session) => nameOf(session) === nick);
  if (open) return open;
  const before = opening.get(nick);
  if (before && !before.signal?.aborted) return before.session;
  if (!peer) throw new Error("not online");
  const name = (session) => (names.set(session, nick), session);
  const mine = { signal, session: peer.open(nick, { signal, timeout: ANSWER }).then(name).then(keep) };
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
    for await (const { name, size, approximate } of session.list()) {
      if (signal.aborted) return;
      if (++all > FILES) throw new Error(`expected at most ${FILES} files, got more`);
      files.push({ name, size, approximate });
      if (performance.now() - sent > PART) {
        part("part", files);
        files = [];
        sent = performance.now();
      }
    }
    part("end", files);
  } catch (error) {
    part("failed", [], error.message, error.code);
  }
}

export const leave = () => listing?.abort();
