/**
 * The page and its worker: each message is `[what, ...details]`, for a function of that name.
 *
 * The page says connect, ask, who, open, leave, hangUp, bye, answer, share, stop, get, cancel, pause,
 * resume, drop, discard, forget, saved, settle, send, offer and stopSending: see `worker/`. The worker says online,
 * offline, refused, turnedAway, who, sessions, call, callOver, listing, shares, transfers, unfinished, known, forgotten,
 * offered, gone, code, sending, save and notice: see `main.js`.
 */
const other = self.document ? new Worker("worker/main.js", { type: "module" }) : self;

export const tell = (...message) => other.postMessage(message);

export function hear(handlers) {
  other.onmessage = ({ data: [what, ...details] }) => handlers[what](...details);
  other.onerror = handlers.broken;
}
