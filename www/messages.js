/**
 * What the page and its worker say to each other: `[what, ...details]`.
 *
 * The page says
 *   connect(url, nick, token)   be that; ends what was before
 *   ask(whether)                ask before someone connects
 *   who()                       who is online?
 *   open(nick), leave(nick)     list what someone shares; no longer of interest
 *   hangUp(id)                  end a session
 *   share([[file, name]…])      names with `/` are a folder's
 *   stop(name)                  of a file or a folder
 *   answer(id, accepted)        a call
 *   get(nick, files, target)    target: a folder's or a file's handle, or nothing for downloads
 *   cancel(id), retry(id)       a transfer
 *   resume(), drop()            those that wait
 *
 * The worker says
 *   online(nick), offline(why, retryIn), refused(code, why)
 *   who(nicks), sessions([{ id, nick, address }…])
 *   listing(nick, state, files, why)   state: calling, part, end, failed
 *   shares([{ name, folder, files, size }…])
 *   call(id, nick, address)
 *   transfers([{ id, up, name, nick, size, bytes, rate, state, why }…], waiting, bytes, why)
 *                               state: active, done, failed, cancelled
 *   download(file, name)        a file that is whole, to be handed to the browser's downloads
 *   notice(text)
 */

/** Calls `handlers[what](...details)` for each message; returns what sends one. */
export function talk(port, handlers) {
  port.onmessage = ({ data: [what, ...details] }) => handlers[what](...details);
  return (what, ...details) => port.postMessage([what, ...details]);
}
