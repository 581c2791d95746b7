/** What someone shares, in parts as it comes. */

/** The most files that are listed: the page holds them all. */
const MOST = 200_000;
/** How often a part is sent, in milliseconds. */
const PART = 150;

export function listing(sessions, send) {
  let turn;
  return {
    async open(nick) {
      turn?.abort();
      const mine = (turn = new AbortController());
      const tell = (...what) => mine.signal.aborted || send("listing", nick, ...what);
      tell("calling");
      try {
        const session = await sessions.with(nick, mine.signal);
        let part = [];
        let all = 0;
        let sent = performance.now();
        for await (const { name, size, approximate } of session.list()) {
          if (mine.signal.aborted) return;
          if (++all > MOST) throw new Error(`expected at most ${MOST} files, got more`);
          part.push({ name, size, approximate });
          if (performance.now() - sent > PART) {
            tell("part", part);
            part = [];
            sent = performance.now();
          }
        }
        tell("end", part);
      } catch (error) {
        tell("failed", [], error.message);
      }
    },
    leave: () => turn?.abort(),
  };
}
