import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import WebSocket from "ws";
import { Peer, qr } from "../index.js";
import { bytes, check, folder, next, peer, Process, relay, run, Synthetic } from "./system.js";

const FILES = [{ file: new Blob(["for anyone with the code"]), name: "x" }, new File(["y"], "y")];

/** Sends files by a code until the test ends. */
async function send(t, bridge, files = FILES, options = {}) {
  const sending = await Peer.send(bridge.url, files, { WebSocket, ...options });
  t.after(() => sending.stop());
  return sending;
}

/** Returns the code with other words. */
const wrong = (code) => code.replace(/[a-z]+$/, (word) => (word === "universe" ? "medusa" : "universe"));

async function fetchAll(session) {
  const got = {};
  for await (const file of session.list()) got[file.name] = String(await bytes(session.get(file).readable));
  return got;
}

test("sends files to a receiver with the code, and then ends", async (t) => {
  const bridge = await relay(t);
  const sending = await send(t, bridge);
  assert.match(sending.code, /^[1-9]\d{3}-[a-z]+-[a-z]+-[a-z]+$/);
  assert.equal(sending.link("https://relay.example/page"), `https://relay.example/page#${sending.code}`);
  assert.deepEqual(sending.files, [{ name: "x", size: 24 }, { name: "y", size: 1 }]);
  const carol = await peer(t, bridge, "carol");
  const came = next(sending.peer, "session");
  const session = await carol.open(sending.code.toUpperCase().replaceAll("-", " "));
  assert.deepEqual([session.secure, session.known], [true, "code"]);
  assert.equal((await came).session.nick, "carol");
  assert.deepEqual(await fetchAll(session), { x: "for anyone with the code", y: "y" });
  await session.end();
  assert.deepEqual(await sending.done, { files: 2, bytes: 25, here: 0, handedOver: 0 });
  assert.equal(sending.peer.online, false);
  await assert.rejects(carol.open(sending.code), { code: "unreachable" });
});

test("a terminal fetches by the code of a program", async (t) => {
  const bridge = await relay(t);
  const sending = await send(t, bridge);
  const path = await folder(t);
  const got = await run(t, "get", sending.code, "--yes", "-o", path, "--relay", bridge.address);
  assert.equal(got.code, 0, got.errors);
  assert.equal(await readFile(join(path, "x"), "utf8"), "for anyone with the code");
  assert.deepEqual(await sending.done, { files: 2, bytes: 25, here: 0, handedOver: 0 });
});

test("a program fetches by the code of a terminal", async (t) => {
  const bridge = await relay(t);
  const path = join(await folder(t), "x");
  await writeFile(path, "x");
  const terminal = new Process(t, ["send", path, "--relay", bridge.address]);
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open(await terminal.out(""));
  assert.deepEqual(await fetchAll(session), { x: "x" });
  await session.end();
  assert.equal(await terminal.exited, 0, terminal.errors);
});

test("a code expires after ten wrong attempts", async (t) => {
  const bridge = await relay(t);
  const sending = await send(t, bridge);
  const carol = await peer(t, bridge, "carol");
  for (let tries = 1; tries <= 10; tries += 1) {
    const refused = next(sending.peer, "refused");
    await assert.rejects(carol.open(wrong(sending.code)), { code: "wrong-code" });
    const { error, nick } = await refused;
    assert.deepEqual([error.code, nick], ["wrong-code", "carol"]);
  }
  await assert.rejects(sending.done, { code: "wrong-code", message: /expired after 10 wrong attempts/ });
  await assert.rejects(carol.open(sending.code), { code: "unreachable" });
});

test("refuses callers without the code and unencrypted callers", async (t) => {
  const bridge = await relay(t);
  const sending = await send(t, bridge);
  const nick = sending.code.split("-")[0];
  let came = 0;
  sending.peer.addEventListener("session", () => (came += 1));
  for (const privacy of ["prefer", "plain"]) {
    const carol = await peer(t, bridge, `carol-${privacy}`, { privacy });
    const session = await carol.open(nick).catch((error) => error);
    if (session instanceof Error) continue;
    await assert.rejects(fetchAll(session));
  }
  assert.equal(came, 0);
  await sending.stop();
  await assert.rejects(sending.done, { code: "cancelled" });
});

test("a receiver that was cut off can come back", async (t) => {
  const bridge = await relay(t);
  const large = new Synthetic(20_000_000);
  const sending = await send(t, bridge, [{ file: large, name: "large" }]);
  const sockets = [];
  class Cut extends WebSocket {
    constructor(...how) {
      super(...how);
      sockets.push(this);
    }
  }
  const cut = await peer(t, bridge, "cut", { WebSocket: Cut });
  const left = (await cut.open(sending.code)).get("large").readable.getReader();
  await left.read();
  sockets[0].terminate();
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open(sending.code);
  const download = session.get("large");
  assert.equal(await check(download.readable), large.size);
  await session.end();
  assert.deepEqual(await sending.done, { files: 1, bytes: large.size, here: 0, handedOver: 0 });
});

test("reports a receiver that takes no files", async (t) => {
  const bridge = await relay(t);
  const sending = await send(t, bridge);
  const carol = await peer(t, bridge, "carol");
  await (await carol.open(sending.code)).end();
  await assert.rejects(sending.done, { code: "refused", message: /took no files/ });
});

test("a code needs encryption and files", async (t) => {
  const bridge = await relay(t);
  await assert.rejects(send(t, bridge, FILES, { privacy: "plain" }), { code: "misuse" });
  await assert.rejects(send(t, bridge, []), { code: "misuse" });
  await assert.rejects(send(t, bridge, [{ file: new Blob(), name: "/x" }]), { code: "policy" });
});

test("a link as a QR code", async () => {
  const { size, path } = await qr("https://relay.example:9248/#4821-crossover-clockwork-universe");
  assert.equal(size, 33 + 8);
  assert.match(path, /^(M\d+ \d+h1v1h-1z)+$/);
  // The three finder patterns.
  for (const [x, y] of [[4, 4], [30, 4], [4, 30]]) {
    for (let at = 0; at < 7; at += 1) assert.ok(path.includes(`M${x + at} ${y}h`), `${x + at} ${y}`);
  }
  assert.ok(await qr("x".repeat(271)));
  assert.equal(await qr("x".repeat(272)), undefined);
});
