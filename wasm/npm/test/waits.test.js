import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import WebSocket from "ws";
import { Peer, XcherError } from "../index.js";
import { Synthetic, bytes, folder, next, peer, relay, share } from "./system.js";

const LARGE = 1 << 30;
const listed = { name: "large", size: LARGE, approximate: false };

/** Calls with a signal that is aborted meanwhile, with one that is already, and with a short timeout. */
async function ends(call) {
  const reason = new Error("the user left");
  const cancelled = (error) => {
    assert.ok(error instanceof XcherError, String(error));
    assert.deepEqual([error.code, error.cause], ["cancelled", reason]);
    return true;
  };
  const giveUp = new AbortController();
  const waiting = assert.rejects(async () => call({ signal: giveUp.signal }), cancelled);
  await new Promise(setImmediate);
  giveUp.abort(reason);
  await waiting;
  await assert.rejects(async () => call({ signal: giveUp.signal }), cancelled);
  await assert.rejects(async () => call({ timeout: 20 }), { name: "XcherError", code: "timed-out", message: /within 0.02 s$/ });
  await assert.rejects(async () => call({ timeout: 0 }), { name: "XcherError", code: "timed-out" });
}

/** Stops a process, and waits until each of its threads has stopped. */
async function freeze({ pid }) {
  process.kill(pid, "SIGSTOP");
  const tasks = `/proc/${pid}/task`;
  const runs = async (task) => !/\) T /.test(await readFile(`${tasks}/${task}/stat`, "utf8"));
  while ((await Promise.all((await readdir(tasks)).map(runs))).some(Boolean)) await new Promise(setImmediate);
}

/** Returns a session with a terminal that has stopped: whatever is asked waits. */
async function frozen(t) {
  const bridge = await relay(t);
  const path = join(await folder(t), "large");
  await writeFile(path, Buffer.alloc(1 << 20));
  const alice = await share(t, bridge, "alice", path);
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open("alice");
  await freeze(alice.child);
  return { carol, session };
}

test("connecting and sending by a code end by signal and by timeout", async (t) => {
  const mute = createServer(() => {});
  mute.listen(0, "127.0.0.1");
  await once(mute, "listening");
  t.after(() => mute.close());
  const url = `ws://127.0.0.1:${mute.address().port}/`;
  await ends((limits) => Peer.connect(url, { nick: "carol", WebSocket, ...limits }));
  await ends((limits) => Peer.send(url, [new File(["x"], "x")], { WebSocket, ...limits }));
});

test("asking the relay ends by signal and by timeout", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  await freeze(bridge.child);
  await ends((limits) => carol.who(limits));
  const first = carol.who();
  bridge.child.kill("SIGCONT");
  assert.deepEqual(await first, ["carol"], "those that gave up took nothing from others");
});

test("calls, offers and answers to calls end by signal and by timeout", async (t) => {
  const bridge = await relay(t);
  await peer(t, bridge, "mute", { calls: "ask" });
  const carol = await peer(t, bridge, "carol");
  await ends((limits) => carol.open("mute", limits));
  await ends((limits) => carol.offer("mute", [new File(["x"], "x")], limits));
  assert.equal(carol.sessions.size, 0);
});

test("listing, checking and fetching end by signal and by timeout", async (t) => {
  const { session } = await frozen(t);
  await ends((limits) => session.check("x", limits));
  await ends(async (limits) => {
    for await (const file of session.list(limits)) assert.fail(file.name);
  });
  await ends((limits) => bytes(session.get("large", limits).readable));
  await ends((limits) => bytes(session.get(listed, limits).readable));
  await ends((limits) => session.get(listed, { ...limits, partial: new Blob(["x"]) }).start());
  await ends((limits) => session.getAll([listed], limits)[0].done);
  await session.end({ timeout: 60_000 });
});

test("a listing ends by its signal also between two entries", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  for (let at = 0; at < 10; at += 1) carol.share(new Blob(["x"]), `file ${at}`);
  const session = await dave.open("carol");
  const giveUp = new AbortController();
  const got = [];
  await assert.rejects(
    async () => {
      for await (const { name } of session.list({ signal: giveUp.signal })) {
        got.push(name);
        if (got.length === 3) giveUp.abort();
      }
    },
    { code: "cancelled" },
  );
  assert.equal(got.length, 3);
  let all = 0;
  for await (const { name } of session.list()) all += name.length > 0;
  assert.equal(all, 10, "the next listing is complete");
});

test("a download ends by its signal under way, on both sides", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  carol.share(new Synthetic(LARGE), "large");
  const uploading = next(carol, "upload");
  const session = await dave.open("carol");
  const giveUp = new AbortController();
  const download = session.get(listed, { signal: giveUp.signal, timeout: 60_000 });
  const reader = download.readable.getReader();
  await reader.read();
  giveUp.abort("enough");
  await assert.rejects(
    async () => {
      while (!(await reader.read()).done);
    },
    { code: "cancelled", cause: "enough" },
  );
  await assert.rejects(download.done, { code: "cancelled", cause: "enough" });
  await assert.rejects((await uploading).upload.done, { code: "incomplete" });
  assert.equal(await session.check("large"), true);
});

test("a signal that is aborted after a download changes nothing", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  carol.share(new Blob(["small"]), "small");
  const session = await dave.open("carol");
  const giveUp = new AbortController();
  const download = session.get("small", { signal: giveUp.signal });
  assert.equal(String(await bytes(download.readable)), "small");
  await download.done;
  giveUp.abort();
  await download.done;
  assert.equal(await session.check("small"), true);
});

test("an offer ends by signal, by timeout and by cancel", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const offers = [];
  dave.addEventListener("offer", ({ offer }) => offers.push(offer));
  const session = await carol.open("dave");
  const files = [{ file: new Synthetic(LARGE), name: "large" }, { file: new Blob(["x"]), name: "x" }];
  await ends((limits) => session.offer(files, limits).done);
  const first = next(dave, "offer");
  const uploading = next(carol, "upload");
  const offering = session.offer(files);
  assert.throws(() => session.offer(files), { code: "misuse" });
  const [large, small] = (await first).offer.accept();
  const reader = large.readable.getReader();
  await reader.read();
  const { upload } = await uploading;
  offering.cancel();
  await assert.rejects(offering.done, { name: "XcherError", code: "cancelled" });
  await assert.rejects(upload.done, { code: "cancelled" });
  await assert.rejects(bytes(small.readable), { name: "XcherError" });
  await assert.rejects(
    async () => {
      while (!(await reader.read()).done);
    },
    { code: "incomplete" },
  );
  assert.equal(offering.isSettled, true);
  offering.cancel();
  const again = session.offer([files[1]]);
  while (offers.at(-1).files.length !== 1) await next(dave, "offer");
  assert.equal(String(await bytes(offers.at(-1).accept()[0].readable)), "x");
  await again.done;
  assert.equal(again.stored, 1);
});

test("the signal of an offer to a nick ends its session", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const offered = next(dave, "offer").then(({ offer }) => offer);
  const giveUp = new AbortController();
  const offering = await carol.offer("dave", [new File(["x"], "x")], { signal: giveUp.signal });
  const { session } = await offered;
  giveUp.abort("enough");
  await assert.rejects(offering.done, { code: "cancelled", cause: "enough" });
  await session.closed;
  await offering.session.closed;
});

test("the signal of a code ends it at any time", async (t) => {
  const bridge = await relay(t);
  const giveUp = new AbortController();
  const sending = await Peer.send(bridge.url, [new File(["x"], "x")], { WebSocket, signal: giveUp.signal });
  t.after(() => sending.stop());
  const closed = next(sending.peer, "close");
  giveUp.abort("enough");
  await assert.rejects(sending.done, { name: "XcherError", code: "cancelled", cause: "enough" });
  await closed;
  const carol = await peer(t, bridge, "carol");
  await assert.rejects(carol.open(sending.code), { code: "unreachable" });
});

test("an answer to a call ends by signal", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave", { calls: "ask" })];
  const calling = next(dave, "call");
  const opening = carol.open("dave").catch((error) => error);
  const { call } = await calling;
  await assert.rejects(call.accept({ signal: AbortSignal.abort("no") }), { code: "cancelled", cause: "no" });
  assert.equal(dave.sessions.size, 0);
  const accepted = await call.accept({ timeout: 60_000 }).catch((error) => error);
  assert.ok(accepted instanceof XcherError || accepted.incoming);
  await carol.close();
  await opening;
});

test("takes any length of a timeout", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol", { timeout: Infinity });
  assert.deepEqual(await carol.who({ timeout: Number.MAX_SAFE_INTEGER }), ["carol"]);
});

test("disposes of peers, sessions and codes at the end of a block", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const session = await carol.open("dave");
  await session[Symbol.asyncDispose]();
  assert.equal(await session.closed, undefined);
  await session[Symbol.asyncDispose]();
  const sending = await Peer.send(bridge.url, [new File(["x"], "x")], { WebSocket });
  await sending[Symbol.asyncDispose]();
  await assert.rejects(sending.done, { code: "cancelled" });
  await dave[Symbol.asyncDispose]();
  await assert.rejects(dave.who(), { code: "misuse" });
});
