/**
 * Messages between the page and its worker. Each is `[name, ...details]`, for a handler of that name.
 *
 * The page sends connect, isCode, ask, who, open, leave, hangUp, bye, answer, share, stop, get, cancel,
 * pause, resume, drop, discard, forget, saved, settle, send, offer and stopSending: see `worker/`. The worker
 * sends learned, online, offline, refused, callFailed, who, sessions, call, callOver, listing, shares,
 * transfers, text, unfinished, known, forgotten, offered, withdrawn, code, sending, save and notice: see `main.js`.
 */
const other = self.document ? new Worker("worker/main.js", { type: "module" }) : self;

export const tell = (...message) => other.postMessage(message);

export function hear(handlers) {
  other.onmessage = ({ data: [what, ...details] }) => handlers[what](...details);
  other.onerror = handlers.broken;
}
