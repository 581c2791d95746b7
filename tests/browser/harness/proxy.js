import { once } from "node:events";
import { connect, createServer } from "node:net";
import { Watched } from "./waiting.js";

/** Beginning of the request for a tunnel. */
const TUNNEL = Buffer.from("GET /xcher ");

/** Starts a TCP proxy on a port of its own, which can reset, stall and resume its connections. */
export async function proxy(target) {
  const { hostname, port } = new URL(target);
  const pairs = new Set();
  let open = true;
  let stalled = false;
  let passed = 0;
  /** Bytes of tunnels, without those of the page. */
  let tunnelled = 0;
  const watched = new Watched();
  /** Number of bytes after which it stalls, and the wait for that. */
  let mark = { at: Infinity };

  const server = createServer((near) => {
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
    near.once("data", (bytes) => (pair.tunnel = bytes.subarray(0, TUNNEL.length).equals(TUNNEL)));
    pump(near, far, pair);
    pump(far, near, pair);
    if (stalled) pair.forEach((side) => side.pause());
  });

  function pump(from, to, pair) {
    from.on("data", (bytes) => {
      passed += bytes.length;
      if (pair.tunnel) {
        tunnelled += bytes.length;
        watched.poke();
      }
      if (!to.write(bytes)) from.pause();
      if (passed >= mark.at) {
        stall();
        mark.reached();
        mark = { at: Infinity };
      }
    });
    from.on("end", () => to.end());
    to.on("drain", () => stalled || from.resume());
  }

  function stall() {
    stalled = true;
    for (const pair of pairs) pair.forEach((side) => side.pause());
  }

  function cut() {
    for (const pair of [...pairs]) pair.forEach((side) => side.resetAndDestroy());
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** Resets every connection; new ones pass unless it is closed. */
    cut,
    /** Resets every connection and refuses new ones until it opens. */
    close() {
      open = false;
      cut();
    },
    open() {
      open = true;
    },
    /** Stops both directions; the connections stay open. */
    stall,
    /** Stalls after so many more bytes of both directions together, and waits for that. */
    stallAfter(bytes) {
      return new Promise((reached) => (mark = { at: passed + bytes, reached }));
    },
    resume() {
      stalled = false;
      for (const pair of pairs) pair.forEach((side) => side.resume());
    },
    /** Returns the bytes that tunnels carried so far, of both directions together. */
    tunnelled: () => tunnelled,
    /** Waits until they are so many. */
    tunnels(bytes, patience) {
      const look = () => (tunnelled >= bytes ? true : undefined);
      return watched.until(`${bytes} bytes in tunnels`, look, () => `${tunnelled} so far`, patience);
    },
    async stop() {
      open = false;
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
