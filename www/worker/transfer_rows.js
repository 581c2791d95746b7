/** Transfers as the page shows them: its reports, and how much of everything is done. */
import { tell } from "../messages.js";

/** Time between two reports to the page, in milliseconds. */
const REPORT_INTERVAL = 250;
/** Weight of the latest rate in the average. */
const RATE_WEIGHT = 0.15;
/** The most ended transfers that can be repeated: as many as the page shows. */
const MAX_ENDED = 60;

const rows = new Map();
/** What repeats a transfer that has ended, by its number. */
const repeats = new Map();
let last = 0;
let ticking;
let waiting = () => ({ files: 0 });
/** Files and bytes that were wanted since nothing was, and those of them that have ended. */
let tally = { files: 0, bytes: 0, endedFiles: 0, endedBytes: 0 };

/** Reports what `of` returns besides the rows, until it has no `files` and is not `busy`. */
export function report(of) {
  waiting = of;
}

export const count = (files, bytes) => {
  tally.files += files;
  tally.bytes += bytes;
};

/** A wanted file is here, or not wanted any more. */
export const uncount = (bytes) => {
  tally.endedFiles += 1;
  tally.endedBytes += bytes;
};

/** Begins a row, or that of an earlier attempt anew. `moved` returns its bytes. */
export function begin(shown, moved, row = { shown: { id: ++last, bytes: 0 } }) {
  repeats.delete(row.shown.id);
  Object.assign(row.shown, shown, { state: "active", error: undefined });
  Object.assign(row, { moved, stopped: undefined, at: performance.now() });
  rows.set(row.shown.id, row);
  tick();
  return row;
}

/** Ends a row as `done` or `packed`, or by an error. `repeat` starts the transfer again. */
export function end(row, error, { state = "done", repeat } = {}) {
  const stopped = row.stopped ?? (error?.code === "cancelled" && "cancelled");
  row.shown.state = !error ? state : stopped || "failed";
  row.shown.error = error && plain(error);
  row.shown.repeats = Boolean(repeat);
  if (!repeat) return;
  repeats.set(row.shown.id, repeat);
  if (repeats.size > MAX_ENDED) repeats.delete(repeats.keys().next().value);
}

/** Shows that a transfer waits for its next attempt. */
export function wait(row, error) {
  row.shown.state = "waiting";
  row.shown.error = plain(error);
}

export const cancel = (id, how) => rows.get(id)?.cancel?.(how);

export function repeat(id) {
  const does = repeats.get(id);
  repeats.delete(id);
  does?.();
}

const plain = ({ code, message, needs, has }) => ({ code, message, needs, has });

export function tick() {
  ticking ??= setInterval(look, REPORT_INTERVAL);
}

function look() {
  const now = performance.now();
  const changed = [...rows.values()].map((row) => {
    const { shown, at } = row;
    const bytes = row.moved();
    // Another attempt may begin before the end of the last one.
    const rate = Math.max(0, (1000 * (bytes - shown.bytes)) / (now - at));
    const isFirst = shown.rate === undefined;
    shown.rate = isFirst ? rate : shown.rate + RATE_WEIGHT * (rate - shown.rate);
    if (shown.state !== "active") shown.rate = 0;
    shown.bytes = bytes;
    row.at = now;
    if (shown.state !== "active" && shown.state !== "waiting") rows.delete(shown.id);
    return shown;
  });
  const { busy, ...queue } = waiting();
  tell("transfers", changed, { ...queue, tally });
  if (rows.size || busy || queue.files) return;
  ticking = clearInterval(ticking);
  tally = { files: 0, bytes: 0, endedFiles: 0, endedBytes: 0 };
}
