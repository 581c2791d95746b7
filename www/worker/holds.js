/** Peers that cannot be reached now: when each is tried again. */

/** Times before the first and before later attempts, in milliseconds. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 60_000;
/** Errors that another attempt may not have. Others need a person. */
const PASSING = new Set(["unreachable", "timed-out", "incomplete", "offline"]);

export const passes = (error) => PASSING.has(error.code);

/** `{ error, until, timer }` by nick; without `until`, a person must decide. */
const holds = new Map();
/** The last wait by nick, until something arrives. */
const waits = new Map();

export const isHeld = (nick) => holds.has(nick);

/** Holds all files of this nick, and calls `again` after a while if the error may pass. */
export function hold(nick, error, again, decision) {
  free(nick);
  const one = { error, decision };
  holds.set(nick, one);
  if (decision || !passes(error)) return;
  const wait = Math.min(LONGEST_WAIT, 2 * (waits.get(nick) ?? FIRST_WAIT));
  waits.set(nick, wait);
  one.until = performance.now() + wait;
  one.timer = setTimeout(() => {
    holds.delete(nick);
    again();
  }, wait);
}

function free(nick) {
  clearTimeout(holds.get(nick)?.timer);
  holds.delete(nick);
}

/** Something has arrived: the next wait is short again. */
export const arrived = (nick) => waits.delete(nick);

/** Tries all of them now. */
export function freeAll() {
  for (const nick of [...holds.keys()]) free(nick);
}

/** Tries one that waits, because its peer is there. */
export function freeWaiting(nick) {
  if (holds.get(nick)?.timer) free(nick);
}

/** Returns the hold to be shown, one that needs a person before others. */
export function shown() {
  const all = [...holds];
  const [nick, { error, until, decision } = {}] = all.find(([, { until }]) => !until) ?? all[0] ?? [];
  if (!nick) return undefined;
  const { code, message } = error;
  return { nick, error: { code, message }, retryIn: until && Math.max(0, until - performance.now()), decision };
}
