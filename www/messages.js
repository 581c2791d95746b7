/**
 * Messages between the page and its worker. Each is `[name, ...details]`, for a handler of that name.
 *
 * The page sends use, connect, disconnect, tab, isCode, qrOf, room, ask, who, open, leave, hangUp, bye, answer, share,
 * stop, device, direct, lend, get, cancel, pause, repeat, resume, drop, discard, forget, saved, settle, send, offer and stopSending: see
 * `worker/`. The worker sends learned, linkPicture, online, offline, refused, callFailed, who, sessions, call,
 * callOver, listing, shares, transfers, text, queued, room, unfinished, known, forgotten, offered, withdrawn, code, sending,
 * save and notice: see `main.js`. Texts travel as their ids and values, and the page words them.
 */
const other = self.document ? new Worker(new URL("worker/main.js", script()), { type: "module" }) : self;

/** The page's own script: the worker is beside it. This one may be elsewhere, where scripts are bundled. */
function script() {
  return document.querySelector("script").src;
}

export const tell = (...message) => other.postMessage(message);

/** Sends a port with it. */
export const hand = (name, port) => other.postMessage([name, port], [port]);

/** Ends the worker, and with it all connections. */
export const end = () => other.terminate();

export function hear(handlers) {
  other.onmessage = ({ data: [what, ...details] }) => handlers[what](...details);
  other.onerror = handlers.broken;
}
