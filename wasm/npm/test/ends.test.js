import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { Peer, XcherError, version } from "../index.js";
import { Process, Synthetic, bytes, folder, next, peer, relay, share } from "./system.js";

const LARGE = 1 << 30;

/** Returns two peers and a large file that the second downloads from the first. */
async function underWay(t, bridge) {
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  carol.share(new Synthetic(LARGE), "large");
  const uploading = next(carol, "upload");
  const session = await dave.open("carol");
  const download = session.get({ name: "large", size: LARGE, approximate: false });
  const reader = download.readable.getReader();
  await reader.read();
  const { upload } = await uploading;
  return { carol, dave, session, download, reader, upload };
}

/** Reads until reading fails. */
async function drain(reader) {
  for (;;) if ((await reader.read()).done) return;
}

test("cancels a download when its reader cancels", async (t) => {
  const { session, download, reader, upload } = await underWay(t, await relay(t));
  await reader.cancel();
  await assert.rejects(download.done, { code: "cancelled" });
  await assert.rejects(upload.done, { code: "incomplete" });
  assert.equal(await session.check("large"), true);
});

test("cancels a download before it starts and under way", async (t) => {
  const { session, download, reader, upload } = await underWay(t, await relay(t));
  download.cancel();
  await assert.rejects(drain(reader), { name: "XcherError", code: "cancelled" });
  await assert.rejects(upload.done, { code: "incomplete" });
  const unread = session.get({ name: "large", size: LARGE, approximate: false });
  unread.cancel();
  unread.cancel();
  await assert.rejects(unread.done, { code: "cancelled" });
});

test("cancels an upload, which the receiver does not take for complete", async (t) => {
  const { session, download, reader, upload } = await underWay(t, await relay(t));
  upload.cancel();
  await assert.rejects(upload.done, { code: "cancelled" });
  await assert.rejects(drain(reader), { code: "incomplete" });
  await assert.rejects(download.done, { code: "incomplete" });
  assert.equal(await session.check("large"), true);
});

test("fails on both sides if a file cannot be read or has changed", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  class Unreadable extends Synthetic {
    slice(from, to) {
      const piece = super.slice(from, to);
      piece.arrayBuffer = async () => {
        if (from >= 1 << 20) throw new Error("the disk failed");
        return new ArrayBuffer(to - from);
      };
      return piece;
    }
  }
  class Shrunk extends Synthetic {
    slice(from, to) {
      return super.slice(Math.min(from, 1000), Math.min(to, 1000));
    }
  }
  carol.share(new Unreadable(4 << 20), "unreadable");
  carol.share(new Shrunk(4 << 20), "shrunk");
  const session = await dave.open("carol");
  for (const [name, why] of [["unreadable", /disk failed/], ["shrunk", /size/]]) {
    const uploading = next(carol, "upload");
    const failed = assert.rejects(bytes(session.get(name).readable), { code: "incomplete" });
    const { upload } = await uploading;
    await assert.rejects(upload.done, { code: "incomplete", message: why });
    await failed;
  }
});

test("rejecting a session ends its transfers", async (t) => {
  const { carol, session, download, reader, upload } = await underWay(t, await relay(t));
  const [there] = carol.sessions;
  session.reject();
  await assert.rejects(drain(reader), { code: "cancelled" });
  await assert.rejects(upload.done, { code: "incomplete" });
  await assert.rejects(download.done, { code: "cancelled" });
  await session.closed;
  await there.closed;
  await assert.rejects(session.check("x"), { code: "misuse" });
});

test("fails to open an unknown nick, its own and an invalid one", async (t) => {
  const carol = await peer(t, await relay(t), "carol");
  await assert.rejects(carol.open("nobody"), { code: "unreachable", message: /no such nick/ });
  await assert.rejects(carol.open("carol"), { code: "misuse" });
  await assert.rejects(carol.open("no nick"), { code: "misuse" });
});

test("gives up a call by signal and by timeout", async (t) => {
  const bridge = await relay(t);
  await peer(t, bridge, "mute", { calls: "ask" });
  const carol = await peer(t, bridge, "carol");
  const giveUp = new AbortController();
  const opening = carol.open("mute", { signal: giveUp.signal });
  giveUp.abort();
  await assert.rejects(opening, { name: "XcherError", code: "cancelled" });
  await assert.rejects(carol.open("mute", { signal: giveUp.signal }), { code: "cancelled" });
  await assert.rejects(carol.open("mute", { timeout: 50 }), { code: "timed-out" });
  assert.equal(carol.sessions.size, 0);
});

test("fails for a taken nick, and uses the next", async (t) => {
  const bridge = await relay(t);
  await peer(t, bridge, "carol");
  await assert.rejects(peer(t, bridge, "carol"), (error) => {
    assert.ok(error instanceof XcherError && error instanceof Error);
    assert.equal(error.code, "nick-taken");
    assert.match(String(error), /^XcherError: the nick carol is taken/);
    return true;
  });
  const second = await peer(t, bridge, ["carol", "carol2"]);
  assert.equal(second.nick, "carol2");
  await assert.rejects(peer(t, bridge, "two words"), { code: "misuse" });
});

test("requires the bridge's token", async (t) => {
  const path = join(await folder(t), "token");
  await writeFile(path, "open-sesame?>~~\n");
  const bridge = await relay(t, "--token-file", path);
  await assert.rejects(peer(t, bridge, "carol"), { code: "unreachable" });
  await assert.rejects(peer(t, bridge, "carol", { token: "no" }), { code: "unreachable" });
  const carol = await peer(t, bridge, "carol", { token: "open-sesame?>~~" });
  assert.deepEqual(await carol.who(), ["carol"]);
});

test("fails for URLs without a bridge", async (t) => {
  const nobody = { url: "ws://127.0.0.1:1/xcher" };
  await assert.rejects(peer(t, nobody, "carol"), { code: "unreachable" });
  await assert.rejects(peer(t, { url: "ftp://127.0.0.1/" }, "carol"), { code: "misuse" });
  await assert.rejects(peer(t, { url: "somewhere" }, "carol"), { code: "misuse" });
  const mute = createServer(() => {});
  mute.listen(0, "127.0.0.1");
  await once(mute, "listening");
  t.after(() => mute.close());
  const url = `ws://127.0.0.1:${mute.address().port}/xcher`;
  await assert.rejects(peer(t, { url }, "carol", { timeout: 100 }), { code: "timed-out" });
  const signal = AbortSignal.abort();
  await assert.rejects(peer(t, { url }, "carol", { signal }), { code: "cancelled" });
});

test("fails without a WebSocket", async (t) => {
  const bridge = await relay(t);
  const { WebSocket: its } = globalThis;
  delete globalThis.WebSocket;
  t.after(() => its && (globalThis.WebSocket = its));
  await assert.rejects(Peer.connect(bridge.url, { nick: "carol" }), { code: "unsupported" });
});

test("comes back online after the relay restarts", async (t) => {
  const first = await relay(t);
  const { url, address } = first;
  const carol = await peer(t, first, "carol");
  const off = next(carol, "offline");
  await first.kill();
  const { error, retryIn } = await off;
  assert.equal(error.code, "unreachable");
  assert.equal(retryIn, 1000);
  assert.equal(carol.online, false);
  await assert.rejects(carol.open("dave"), { code: "unreachable" });
  await assert.rejects(carol.who(), { code: "unreachable" });
  const on = next(carol, "online");
  const second = new Process(t, [
    ...["relay", "--listen", address, "--http", new URL(url).host],
  ]);
  await second.out("http ");
  assert.equal((await on).nick, "carol");
  assert.equal(carol.online, true);
  const dave = await peer(t, { url }, "dave");
  carol.share(new Blob(["again"]), "x");
  const session = await dave.open("carol");
  assert.equal(String(await bytes(session.get("x").readable)), "again");
});

test("fails a download when the bridge dies", async (t) => {
  const bridge = await relay(t);
  const { session, download, reader, upload } = await underWay(t, bridge);
  await bridge.kill();
  await assert.rejects(drain(reader), { code: "incomplete" });
  await assert.rejects(download.done, { code: "incomplete" });
  await assert.rejects(upload.done, { code: "incomplete" });
  assert.equal((await session.closed).code, "unreachable");
});

test("fails a download when the terminal dies", async (t) => {
  const bridge = await relay(t);
  const path = join(await folder(t), "large");
  await writeFile(path, Buffer.alloc(64 << 20));
  const alice = await share(t, bridge, "alice", path);
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open("alice");
  const download = session.get("large");
  const reader = download.readable.getReader();
  await reader.read();
  await alice.kill();
  await assert.rejects(drain(reader), { code: "incomplete" });
  assert.ok(download.received < download.size);
});

test("survives arguments of wrong types", async (t) => {
  const carol = await peer(t, await relay(t), "carol");
  const odd = [undefined, null, 5, 5n, {}, Symbol("odd")];
  for (const name of odd) {
    assert.throws(() => carol.share(new Blob(["x"]), /** @type {any} */ (name)), { name: "XcherError", code: "misuse" });
    await assert.rejects(carol.open(/** @type {any} */ (name), { timeout: 10 }), { name: "XcherError", code: "misuse" });
  }
  assert.deepEqual(await carol.who(), ["carol"]);
});

test("a closed peer refuses calls", async (t) => {
  const bridge = await relay(t);
  const { dave, carol, session, reader } = await underWay(t, bridge);
  const closed = next(dave, "close");
  await dave.close();
  await closed;
  await dave.close();
  await assert.rejects(drain(reader), { code: "cancelled" });
  await session.closed;
  assert.equal(dave.online, false);
  await assert.rejects(dave.open("carol"), { code: "misuse" });
  // The relay notices it some time later.
  while ((await carol.who()).includes("dave"));
});

test("a closed peer does not keep the process alive", async (t) => {
  const bridge = await relay(t);
  const script = `
    import WebSocket from "ws";
    import { Peer } from "xcher";
    const peer = await Peer.connect("${bridge.url}", { nick: "brief", WebSocket });
    console.log(await peer.who());
    await peer.close();
  `;
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const words = ["--input-type=module", "--eval", script];
  const child = spawn(process.execPath, words, { cwd, stdio: "inherit" });
  const signal = AbortSignal.timeout(10_000);
  const [code] = await once(child, "exit", { signal });
  assert.equal(code, 0);
});

test("exports the version", () => {
  assert.match(version, /^\d+\.\d+\.\d+/);
});

test("an unanswered call ends on both sides", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [
    await peer(t, bridge, "carol"),
    await peer(t, bridge, "dave", { calls: "ask" }),
  ];
  const calling = next(dave, "call");
  const opening = assert.rejects(carol.open("dave"), { code: "timed-out" });
  const { call } = await calling;
  const refused = next(dave, "refused");
  await call.over;
  assert.equal((await refused).nick, "carol");
  await assert.rejects(call.accept(), XcherError);
  await opening;
});
