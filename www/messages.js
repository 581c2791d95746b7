/**
 * What the page and its worker say to each other: `[what, ...details]`.
 *
 * Page: connect(url, nick, token) ask(whether) who() open(nick) leave() hangUp(id) answer(id, yes)
 * share([[file, name]…]) stop(name) get(nick, files, handle?) cancel(id) resume() drop()
 *
 * Worker: online(nick) offline(why, retryIn) refused(code, why) who(nicks) notice(text)
 * sessions([{ id, nick, address }…]) call(id, nick, address) listing(nick, state, files, why)
 * shares([{ name, folder, files, size }…]) transfers([row…], waiting, bytes, why) save(file, name)
 */
const other = self.document ? new Worker("worker/main.js", { type: "module" }) : self;

export const tell = (...message) => other.postMessage(message);

/** Calls `handlers[what](...details)` for each message. */
export function hear(handlers) {
  other.onmessage = ({ data: [what, ...details] }) => handlers[what](...details);
  other.onerror = handlers.broken;
}
