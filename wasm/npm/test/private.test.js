import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import WebSocket from "ws";
import { Peer } from "../index.js";
import { bytes, folder, basePeer, next, peer, relay, share } from "./system.js";

const CONTENT = "only both sides read this ".repeat(10_000);

/** A store of pins that records its calls. */
class Pins extends Map {
  asked = [];

  get(nick, at) {
    this.asked.push([nick, at]);
    return super.get(nick);
  }

  pin(nick, at, key) {
    this.asked.push([nick, at, key]);
    this.set(nick, key);
  }
}

const secret = (byte) => new Uint8Array(32).fill(byte);

/** Returns two peers, of which the second shares a file, and a session between them. */
async function pair(t, ours = {}, theirs = {}) {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol", ours), await peer(t, bridge, "dave", theirs)];
  dave.share(new Blob([CONTENT]), "x");
  const called = next(dave, "session");
  const session = await carol.open("dave");
  // Only a line tells the callee that a session is unencrypted.
  await session.check("x");
  return { bridge, carol, dave, session, theirs: (await called).session };
}

async function fetch(session) {
  const download = session.get("x");
  assert.equal(download.verified, false);
  assert.equal(String(await bytes(download.readable)), CONTENT);
  await download.done;
  return download;
}

test("encrypts, recognises the peer's key, and shows both sides the same words", async (t) => {
  const { bridge, carol, dave, session, theirs } = await pair(t);
  for (const its of [session, theirs]) {
    assert.equal(its.secure, true);
    assert.equal(its.whyPlain, undefined);
  }
  assert.match(carol.key, /^[A-Za-z0-9+/]{43}=$/);
  assert.deepEqual([session.peerKey, theirs.peerKey], [dave.key, carol.key]);
  assert.deepEqual([session.known, theirs.known], ["first", "no"]);
  const words = await session.safetyWords;
  assert.match(words, /^[a-z]+ [a-z]+ [a-z]+$/);
  assert.equal(await theirs.safetyWords, words);
  assert.equal((await fetch(session)).verified, true);
  carol.share(new Blob([CONTENT]), "x");
  assert.equal((await fetch(theirs)).verified, true);
  await session.end();
  const again = await carol.open("dave");
  assert.deepEqual([again.known, again.peerKey], ["pinned", dave.key]);
  assert.notEqual(await again.safetyWords, words, "they are of one session");
  const back = next(carol, "session");
  assert.equal((await dave.open("carol")).known, "first");
  assert.equal((await back).session.known, "pinned", "who calls is known where it was called");
  assert.ok(bridge.url);
});

test("tells which device each side says it is, in encrypted sessions alone", async (t) => {
  const bridge = await relay(t);
  const path = join(await folder(t), "x");
  await writeFile(path, CONTENT);
  await share(t, bridge, "alice", path);
  const silent = await peer(t, bridge, "silent");
  assert.equal((await silent.open("alice")).device, "terminal");
  for (const device of ["phone", "tablet", "computer", "terminal"]) {
    const dave = await peer(t, bridge, `a-${device}`, { device });
    const called = next(dave, "session");
    assert.equal((await silent.open(dave.nick)).device, device);
    assert.equal((await called).session.device, undefined, "a side that names none learns the other's all the same");
  }
  const plain = await peer(t, bridge, "plain", { privacy: "plain", device: "phone" });
  assert.equal((await plain.open("alice")).device, undefined);
  const sending = await Peer.send(bridge.url, [new File(["x"], "x")], { WebSocket, device: "tablet" });
  t.after(() => sending.stop());
  assert.equal((await silent.open(sending.code)).device, "tablet");
});

test("sends encrypted files of any length, and an empty one", async (t) => {
  const { dave, session } = await pair(t);
  // Around the lengths of a record, of a digest, and of a read.
  const sizes = [0, 1, 31, 32, 33, 65_518, 65_519, 65_520, 65_551, 262_076, 262_077, 524_152, 524_184];
  const files = sizes.map((size) => Buffer.from(Array.from({ length: size }, (_, at) => at * 7)));
  for (const file of files) dave.share(new Blob([file]), `${file.length}`);
  for (const file of files) {
    const download = session.get(`${file.length}`);
    assert.ok(file.equals(await bytes(download.readable)), `${file.length}`);
    await download.done;
    assert.equal(download.verified, true);
  }
});

test("reports an unencrypted session with a terminal", async (t) => {
  const bridge = await relay(t);
  const path = join(await folder(t), "x");
  await writeFile(path, CONTENT);
  await share(t, bridge, "alice", path, "--plain");
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open("alice");
  assert.equal(session.secure, false);
  assert.deepEqual([session.whyPlain, session.known, session.peerKey], ["there", undefined, undefined]);
  await assert.rejects(session.safetyWords, { code: "not-private" });
  assert.equal((await fetch(session)).verified, false);
  const strict = await peer(t, bridge, "strict", { privacy: "require" });
  await assert.rejects(strict.open("alice"), { name: "XcherError", code: "not-private" });
  assert.equal(strict.sessions.size, 0);
});

test("connects unencrypted with privacy: plain", async (t) => {
  const { bridge, carol, dave, session, theirs } = await pair(t, { privacy: "plain" });
  assert.deepEqual([session.secure, session.whyPlain], [false, "here"]);
  assert.deepEqual([theirs.secure, theirs.whyPlain], [false, "there"]);
  assert.equal(carol.key, "");
  assert.equal((await fetch(session)).verified, false);
  // The callee requires encryption.
  const strict = await peer(t, bridge, "strict", { privacy: "require" });
  const refused = next(strict, "refused");
  // An unencrypted session has nothing to wait for, and its callee waits for the first question.
  const turnedAway = await carol.open("strict");
  await assert.rejects(turnedAway.check("x"));
  const { error, nick } = await refused;
  assert.deepEqual([error.code, nick], ["not-private", "carol"]);
  assert.equal((await dave.open("strict")).secure, true);
});

test("refuses another key under a pinned nick, whichever side calls", async (t) => {
  const bridge = await relay(t);
  const knownPeers = new Pins();
  const carol = await peer(t, bridge, "carol", { knownPeers });
  const first = await peer(t, bridge, "dave", { identity: secret(1) });
  const session = await carol.open("dave");
  const host = new URL(bridge.url).host;
  assert.deepEqual(knownPeers.asked, [["dave", host], ["dave", host, first.key]]);
  await session.end();
  await first.close();
  const other = await peer(t, bridge, ["dave"], { identity: secret(2) });
  other.share(new Blob([CONTENT]), "x");
  await assert.rejects(carol.open("dave"), (error) => {
    assert.equal(error.code, "other-key");
    assert.ok(error.message.includes(first.key) && error.message.includes(other.key));
    return true;
  });
  const refused = next(carol, "refused");
  // The caller shows its key in its last message.
  const turnedAway = await other.open("carol");
  const { error, nick } = await refused;
  await turnedAway.closed;
  assert.deepEqual([error.code, nick], ["other-key", "dave"]);
  await other.close();
  // Nor unencrypted, where no key is proved.
  const plain = await peer(t, bridge, "dave", { privacy: "plain" });
  await assert.rejects(carol.open("dave"), { code: "not-private" });
  await plain.close();
  const same = await peer(t, bridge, "dave", { identity: secret(1) });
  assert.equal(same.key, first.key);
  assert.equal((await carol.open("dave")).known, "pinned");
  assert.equal(knownPeers.get("dave"), first.key, "what was pinned stays");
  knownPeers.delete("dave");
  await same.close();
  await peer(t, bridge, "dave", { identity: secret(2) });
  assert.equal((await carol.open("dave")).known, "first", "it was forgotten on purpose");
});

test("refuses sessions while the store of keys fails", async (t) => {
  const bridge = await relay(t);
  const get = () => Promise.reject(new Error("the disk is gone"));
  const carol = await peer(t, bridge, "carol", { knownPeers: { get, pin() {} } });
  const dave = await peer(t, bridge, "dave");
  await assert.rejects(carol.open("dave"), /the disk is gone/);
  const refused = next(carol, "refused");
  await assert.rejects(dave.open("carol", { timeout: 300 }), { code: "timed-out" });
  assert.match((await refused).error.message, /the disk is gone/);
  const pin = () => Promise.reject(new Error("the disk is full"));
  const forgetful = await peer(t, bridge, "erin", { knownPeers: { get() {}, pin } });
  const told = next(forgetful, "notice");
  assert.equal((await forgetful.open("dave")).known, "first");
  assert.match((await told).text, /key of dave could not be stored: the disk is full/);
});

test("ignores a silent third party that connects to the port before the callee", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  // Erin is a base-protocol peer: the relay has no ticket for her.
  const { chat: erin, heard } = await basePeer(t, bridge, "erin");
  const opening = carol.open("erin");
  const [, , ip, at] = (await heard()).split(" ");
  const stranger = connect(Number(at), ip);
  t.after(() => stranger.destroy());
  stranger.on("error", () => {});
  const real = connect(Number(at), ip);
  t.after(() => real.destroy());
  real.on("error", () => {});
  real.on("data", (text) => {
    for (const line of String(text).split("\n")) {
      if (line === "X_CHK //xcher/2") real.write(`${line} NO\n`);
      if (line === "X_FILELIST") real.write("X_FILELIST x 5\nX_FILELIST EOF EOF\n");
    }
  });
  // The stranger has 5 s for an answer while another waits; its silence is none.
  const session = await opening;
  assert.deepEqual([session.secure, session.whyPlain], [false, "there"]);
  await assert.rejects(session.safetyWords, { code: "not-private" });
  assert.equal((await session.list().next()).value.name, "x");
});

test("a call that is forwarded to another nick fails", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  dave.addEventListener("session", () => assert.fail("a session that was meant for erin"));
  const { chat: erin, heard } = await basePeer(t, bridge, "erin");
  const opening = carol.open("erin", { timeout: 3000 });
  const [, , ip, at] = (await heard()).split(" ");
  erin.write(`X_INIT dave ${ip} ${at}\n`);
  await assert.rejects(opening);
});

test("refuses an invalid identity", async (t) => {
  const bridge = await relay(t);
  for (const length of [0, 31, 33, 64]) {
    const identity = new Uint8Array(length);
    await assert.rejects(peer(t, bridge, "carol", { identity }), { code: "misuse" });
  }
});

/** A WebSocket that changes one received byte once `wanted` returns true. */
function meddling(wanted) {
  return class extends WebSocket {
    set onmessage(take) {
      super.onmessage = (event) => {
        if (wanted(event.data)) new Uint8Array(event.data)[event.data.byteLength - 1] ^= 1;
        take(event);
      };
    }
  };
}

test("detects a changed byte of a file and of the control connection", async (t) => {
  let least = 10_000;
  const meddler = meddling((data) => data.byteLength > least);
  const { carol, session } = await pair(t, { WebSocket: meddler });
  const download = session.get("x");
  await assert.rejects(bytes(download.readable));
  await assert.rejects(download.done, { code: "incomplete", message: /record 0 is not authentic/ });
  assert.equal(download.verified, false);
  // The next message ends with an answer.
  least = 30;
  const failing = session.check("x");
  await assert.rejects(failing, { code: "altered" });
  assert.equal((await session.closed).code, "altered");
  assert.equal(carol.online, true);
});
