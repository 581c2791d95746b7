/** The transfers under way: their counts, told four times a second. */

const TICK = 250;
/** How fast the rate forgets: its weight a tick. */
const NEW = 0.15;
/** How many that failed can be tried again. */
const FAILED = 200;

export function progress(send, waiting) {
  const rows = new Map();
  const failed = new Map();
  let last = 0;
  let timer;
  let told = "";

  function begin(row) {
    row = { id: ++last, state: "active", bytes: 0, rate: 0, ...row };
    rows.set(row.id, row);
    timer ??= setInterval(tick, TICK);
    return row;
  }

  function end(row, error) {
    row.state = !error ? "done" : error.code === "cancelled" ? "cancelled" : "failed";
    row.why = error?.message;
  }

  function tick() {
    const now = performance.now();
    const changed = [];
    let active = false;
    for (const row of rows.values()) {
      const bytes = row.count?.() ?? 0;
      const span = (now - (row.at ?? now - TICK)) / 1000;
      const rate = (bytes - row.bytes) / span;
      row.rate = row.at && row.rate ? row.rate + NEW * (rate - row.rate) : rate;
      row.bytes = bytes;
      row.at = now;
      const { id, up, name, nick, size, state, why } = row;
      changed.push({ id, up, name, nick, size, bytes, rate: row.rate, state, why });
      if (state === "active") active = true;
      else {
        rows.delete(id);
        if (row.job && state === "failed") failed.set(id, row.job);
        if (failed.size > FAILED) failed.delete(failed.keys().next().value);
      }
    }
    const state = waiting();
    if (changed.length || String(state) !== told) send("transfers", changed, ...state);
    told = String(state);
    if (!active && !state[0]) timer = void clearInterval(timer);
  }

  return {
    begin,
    end,
    /** Something other than a count changed. */
    touch() {
      timer ??= setInterval(tick, TICK);
    },
    upload(upload) {
      const { name, size, session } = upload;
      const row = begin({
        up: true,
        name,
        size,
        nick: session.nick ?? session.peerAddress,
        count: () => upload.sent,
        cancel: () => upload.cancel(),
      });
      upload.done.then(
        () => end(row),
        (error) => end(row, error),
      );
    },
    cancel(id) {
      rows.get(id)?.cancel();
    },
    /** The job of a transfer that failed, which is forgotten. */
    take(id) {
      const job = failed.get(id);
      failed.delete(id);
      return job;
    },
  };
}
