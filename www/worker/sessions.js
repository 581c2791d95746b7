/** The sessions that are open, and those that are to be. */

/** How long someone may take to answer a call, in milliseconds: a person may have to be asked. */
const ANSWER = 120_000;

export function sessions(peer, send) {
  const ids = new Map();
  const opening = new Map();
  let last = 0;
  const tell = () =>
    send(
      "sessions",
      [...ids].map(([{ nick, peerAddress }, id]) => ({ id, nick, address: peerAddress })),
    );

  function keep(session) {
    if (ids.has(session)) return session;
    ids.set(session, ++last);
    tell();
    session.closed.then((error) => {
      ids.delete(session);
      tell();
      if (error && error.code !== "cancelled" && peer()?.online) {
        send("notice", `${session.nick ?? session.peerAddress}: ${error.message}`);
      }
    });
    return session;
  }

  return {
    keep,
    /** The session with `nick`: the one that is open, whoever called, or a new one. */
    with(nick, signal) {
      const open = [...ids.keys()].find((session) => session.nick === nick);
      if (open) return Promise.resolve(open);
      const before = opening.get(nick);
      if (before && !before.signal?.aborted) return before.session;
      const call = peer()
        ? peer().open(nick, { signal, timeout: ANSWER })
        : Promise.reject(new Error("Not online."));
      const mine = { signal, session: call.then(keep) };
      const over = () => opening.get(nick) === mine && opening.delete(nick);
      mine.session.then(over, over);
      opening.set(nick, mine);
      return mine.session;
    },
    hangUp(id) {
      for (const [session, its] of ids) if (its === id) session.reject();
    },
  };
}
