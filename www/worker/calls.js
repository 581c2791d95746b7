/** Calls wait for the person's answer; in the worker. */

/** How many may wait: whoever calls more often is not asked about. */
const MOST = 16;

export function calls(sessions, send) {
  const waiting = new Map();
  let asks = true;
  let last = 0;
  const accept = (call) =>
    call.accept().then(sessions.keep, (error) =>
      send("notice", `${call.nick ?? call.peerAddress}: ${error.message}`),
    );
  return {
    ask(whether) {
      asks = whether;
    },
    take(call) {
      if (!asks) accept(call);
      else if (waiting.size === MOST) call.reject();
      else {
        waiting.set(++last, call);
        send("call", last, call.nick, call.peerAddress);
      }
    },
    answer(id, accepted) {
      const call = waiting.get(id);
      waiting.delete(id);
      if (accepted) accept(call);
      else call.reject();
    },
  };
}
