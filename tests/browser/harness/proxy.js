import { once } from "node:events";
import { connect, createServer } from "node:net";

/** A TCP proxy on a port of its own, which can cut, stall and resume what goes through it. */
export async function proxy(target) {
  const { hostname, port } = new URL(target.includes("://") ? target : `tcp://${target}`);
  const pairs = new Set();
  let open = true;
  let stalled = false;
  const server = createServer({ pauseOnConnect: false }, (near) => {
    if (!open) return near.resetAndDestroy();
    const far = connect({ host: hostname, port: Number(port) });
    const pair = [near, far];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const side of pair) side.on("error", end).on("close", end);
    near.pipe(far);
    far.pipe(near);
    if (stalled) hold(pair);
  });
  const hold = (pair) => pair.forEach((side) => side.unpipe().pause());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${server.address().port}`;
  const cut = () => {
    for (const [near, far] of [...pairs]) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  };
  return {
    address,
    url: `http://${address}`,
    /** Resets every connection; new ones pass, unless `close` was called. */
    cut,
    /** Cuts, and lets nobody in until `reopen`. */
    close() {
      open = false;
      cut();
    },
    reopen() {
      open = true;
    },
    /** Lets nothing more through, either way; the connections stay. */
    stall() {
      stalled = true;
      for (const pair of pairs) hold(pair);
    },
    resume() {
      stalled = false;
      for (const [near, far] of pairs) {
        near.pipe(far);
        far.pipe(near);
      }
    },
    async stop() {
      open = false;
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
