import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import WebSocket from "ws";
import { Peer } from "../index.js";
import { bytes, folder, next, peer, Process, relay, run, share } from "./system.js";

const files = (...names) => names.map((name) => ({ file: new Blob([name]), name }));
const listed = async (session) => {
  const all = [];
  for await (const file of session.list()) all.push(file);
  return all;
};
const read = async (download) => {
  const its = String(await bytes(download.readable));
  await download.done;
  return its;
};
/** A sink that cannot be written. */
const full = () =>
  new WritableStream({
    write() {
      throw new Error("the disk is full");
    },
  });

async function send(t, bridge, given) {
  const sending = await Peer.send(bridge.url, given, { WebSocket });
  t.after(() => sending.stop());
  return sending;
}

/** Starts a terminal that sends a folder with these files by a code. */
async function terminal(t, bridge, given) {
  const path = join(await folder(t), "sent");
  await mkdir(path);
  for (const [name, content] of Object.entries(given)) await writeFile(join(path, name), content);
  const sender = new Process(t, ["send", path, "--relay", bridge.address]);
  return { path, sender, code: await sender.out("") };
}

/** Waits until a terminal has printed this. */
async function says(process, what) {
  while (!what.test(process.errors)) {
    const over = await Promise.race([
      new Promise((resolve) => process.child.stderr.once("data", () => resolve(false))),
      process.exited.then(() => true),
    ]);
    if (over && !what.test(process.errors)) throw new Error(`expected ${what}, got ${process.errors}`);
  }
}

test("keeps a code valid until a receiver that could not store a file has it", async (t) => {
  const bridge = await relay(t);
  const sending = await send(t, bridge, files("a", "b", "c"));
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open(sending.code);
  const downloads = session.getAll(await listed(session), { confirm: true });
  const incomplete = next(sending, "incomplete");
  for (const download of downloads) {
    assert.equal(String(await bytes(download.readable)), download.name);
    if (download.name === "b") download.notStored("space", "no room");
    else download.stored();
  }
  await downloads[0].done;
  await assert.rejects(downloads[1].done, { code: "local", message: "no room" });
  await downloads[2].done;
  await session.end();
  const told = await incomplete;
  assert.deepEqual([told.files, told.bytes, told.here, told.missingCount], [2, 2, 0, 1]);
  assert.deepEqual(told.missing, [{ name: "b", reason: "no space left on the peer's disk", code: "space" }]);
  const again = await carol.open(sending.code);
  assert.equal(await read(again.get("b")), "b");
  await again.end();
  assert.deepEqual(await sending.done, { files: 3, bytes: 3, here: 0, handedOver: 0 });
});

test("tells a terminal of a failing sink, and the terminal keeps its code valid", async (t) => {
  const bridge = await relay(t);
  const { sender, code } = await terminal(t, bridge, { a: "a", b: "b", large: "l".repeat(3_000_000) });
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open(code);
  const all = await listed(session);
  session.want({ files: 3, bytes: 3_000_002 });
  for (const file of all) {
    const download = session.get(file);
    if (file.name.endsWith("a")) await read(download);
    else await assert.rejects(Promise.all([download.readable.pipeTo(full()), download.done]));
  }
  await session.end();
  await says(sender, /the code is still valid/);
  assert.match(sender.errors, /b: the peer could not store it/);
  assert.match(sender.errors, /large: the peer could not store it/);
  const again = await carol.open(code);
  for (const download of again.getAll(all.filter(({ name }) => !name.endsWith("a")))) await read(download);
  await again.end();
  assert.equal(await sender.exited, 0, sender.errors);
});

test("stores the files of a batch that are read, reports the others missing, and lets small ones be read later", async (t) => {
  const bridge = await relay(t);
  const { sender, code } = await terminal(t, bridge, { a: "a", b: "", c: "c", d: "d" });
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open(code);
  const [a, b, c, d] = session.getAll((await listed(session)).sort((a, b) => (a.name < b.name ? -1 : 1)));
  assert.equal(await read(d), "d");
  // They have arrived and are not read.
  let early = false;
  for (const download of [a, b, c]) download.done.then(() => (early = true), () => {});
  await session.check("any");
  assert.equal(early, false);
  assert.equal(await read(a), "a");
  assert.equal(await read(b), "");
  await c.readable.cancel();
  await assert.rejects(c.done, { code: "cancelled" });
  await session.end();
  await says(sender, /the code is still valid/);
  assert.match(sender.errors, /c: cancelled by the peer/);
  assert.match(sender.errors, /1 file did not arrive/);
});

test("waits for announced files that are not requested yet", async (t) => {
  const bridge = await relay(t);
  const sending = await send(t, bridge, files("a", "b"));
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open(sending.code);
  session.want({ files: 2, bytes: 2 });
  assert.equal(await read(session.get("a")), "a");
  const incomplete = next(sending, "incomplete");
  await session.end();
  const told = await incomplete;
  assert.deepEqual([told.files, told.missing.length, told.missingCount], [1, 0, 1]);
  const again = await carol.open(sending.code);
  again.want({ files: 2, here: 1 });
  assert.equal(await read(again.get("b")), "b");
  await again.end();
  assert.deepEqual(await sending.done, { files: 2, bytes: 2, here: 0, handedOver: 0 });
  assert.throws(() => again.want({ files: 1 }), { code: "misuse" });
});

test("reports files that a terminal cannot write as missing, and keeps the code valid", async (t) => {
  const bridge = await relay(t);
  const sending = await send(t, bridge, files("blocked/a", "b"));
  const path = await folder(t);
  // A file in place of a folder: root can write everywhere.
  await writeFile(join(path, "blocked"), "in the way");
  const incomplete = next(sending, "incomplete");
  const got = await run(t, "get", sending.code, "--yes", "-o", path, "--relay", bridge.address);
  assert.notEqual(got.code, 0);
  const told = await incomplete;
  assert.equal(told.files, 1);
  assert.deepEqual(told.missing.map(({ name }) => name), ["blocked/a"]);
  assert.equal(await readFile(join(path, "b"), "utf8"), "b");
  const other = await folder(t);
  const again = await run(t, "get", sending.code, "--yes", "-o", other, "--relay", bridge.address);
  assert.equal(again.code, 0, again.errors);
  assert.equal((await sending.done).handedOver, 0);
});

test("reports an offer of which one file is stored, one declined and one cannot be stored", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const offered = next(dave, "offer");
  const offering = await carol.offer("dave", files("kept", "unwanted", "lost"));
  const downloads = (await offered).offer.accept(["kept", "lost"], { confirm: true });
  for (const download of downloads) {
    await bytes(download.readable);
    if (download.name === "lost") download.notStored("denied", "read-only");
    else download.stored();
  }
  await offering.done;
  const { stored, handedOver, sent, declined, failed, missing } = offering;
  assert.deepEqual([stored, handedOver, sent, declined, failed], [1, 0, 1, 1, 1]);
  assert.deepEqual(missing, [{ name: "lost", reason: "the peer's folder is not writable", code: "denied" }]);
  // It can be requested again.
  const { files: offers, session } = (await offered).offer;
  assert.equal(await read(session.get(offers.find(({ name }) => name === "lost"))), "lost");
  await session.end();
  await offering.session.closed;
  assert.deepEqual([offering.stored, offering.failed], [2, 0]);
});

test("a terminal reports one file of its offer as declined and one as failed", async (t) => {
  const bridge = await relay(t);
  const dave = await peer(t, bridge, "dave");
  const path = await folder(t);
  for (const name of ["kept", "unwanted", "lost"]) await writeFile(join(path, name), name);
  const offered = next(dave, "offer");
  const names = ["kept", "unwanted", "lost"].map((name) => join(path, name));
  const sent = run(t, "send", "dave", ...names, "--relay", bridge.address);
  const { offer } = await offered;
  for (const download of offer.accept(["kept", "lost"], { confirm: true })) {
    await bytes(download.readable);
    if (download.name === "lost") download.notStored("space");
    else download.stored();
  }
  const { code, errors } = await sent;
  assert.equal(code, 1, errors);
  assert.match(errors, /lost: no space left on the peer's disk/);
  assert.match(errors, /1 file did not arrive, and dave declined 1/);
});

test("settles an offer whose session is interrupted, with the files stored so far", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const offered = next(dave, "offer");
  const offering = await carol.offer("dave", files("a", "b", "c"));
  const { offer } = await offered;
  const [a, b] = offer.accept(undefined, { confirm: true });
  await bytes(a.readable);
  a.stored();
  await a.done;
  await bytes(b.readable);
  await bridge.kill();
  await assert.rejects(offering.done, { code: "unreachable" });
  assert.deepEqual([offering.stored, offering.handedOver, offering.failed], [1, 0, 1]);
  assert.deepEqual(offering.missing.map(({ name }) => name), ["b"]);
  // It can still be stored, though the sender no longer learns of it.
  b.stored();
  await b.done;
});

test("reports only the file of a batch that changed at the sender as missing", async (t) => {
  const bridge = await relay(t);
  class Changed extends Blob {
    arrayBuffer() {
      return Promise.reject(new Error("it was changed meanwhile"));
    }
  }
  const sending = await send(t, bridge, [...files("a", "c"), { file: new Changed(["b"]), name: "b" }]);
  const incomplete = next(sending, "incomplete");
  const path = await folder(t);
  const got = await run(t, "get", sending.code, "--yes", "-o", path, "--relay", bridge.address);
  assert.equal(got.code, 1, got.errors);
  const told = await incomplete;
  assert.equal(told.files, 2);
  assert.deepEqual(told.missing, [{ name: "b", reason: "not sent completely: it was changed meanwhile", code: "unsent" }]);
});

test("reports each file as stored once, by the application if it confirms", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  dave.share(new Blob(["x"]), "x");
  const session = await carol.open("dave");
  const plain = session.get("x");
  assert.throws(() => plain.stored(), { code: "misuse" });
  assert.equal(await read(plain), "x");
  plain.notStored("space");
  plain.cancel();
  const confirmed = session.get("x", { confirm: true });
  assert.throws(() => confirmed.stored(), { code: "misuse" });
  assert.throws(() => confirmed.notStored("because"), { code: "misuse" });
  assert.equal(String(await bytes(confirmed.readable)), "x");
  confirmed.stored();
  confirmed.stored();
  confirmed.notStored("space");
  await confirmed.done;
  const cancelled = session.get("x", { confirm: true });
  await bytes(cancelled.readable);
  cancelled.cancel();
  await assert.rejects(cancelled.done, { code: "cancelled" });
  const early = session.get("x", { confirm: true });
  early.notStored("large", "it is too large");
  await assert.rejects(early.done, { code: "local", message: "it is too large" });
  await assert.rejects(bytes(early.readable));
});

test("waits for a slow reader, also of a batch", async (t) => {
  const bridge = await relay(t);
  await share(t, bridge, "alice", await filled(t, 40));
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open("alice");
  const downloads = session.getAll(await listed(session));
  // In reverse order: nothing is lost or stuck.
  for (const download of downloads.reverse()) assert.equal((await read(download)).length, 1000);
});

/** Creates a folder with so many files of 1000 bytes. */
async function filled(t, count) {
  const path = await folder(t);
  for (let at = 0; at < count; at += 1) await writeFile(join(path, `${at}`), "x".repeat(1000));
  return path;
}

test("defers files until all are stored, however many, and confirms none before", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  const dave = await peer(t, bridge, "dave");
  // Large files come by themselves, small ones in batches.
  const given = Array.from({ length: 60 }, (_, at) => ({
    file: new Blob([new Uint8Array(at < 40 ? 300_000 + at : at)]),
    name: `file ${at}`,
  }));
  const offered = next(carol, "offer");
  const session = await dave.open("carol");
  const offering = session.offer(given);
  const { offer } = await offered;
  const downloads = offer.accept(undefined, { confirm: true });
  assert.throws(() => downloads[0].defer(), { code: "misuse" });
  for (const download of downloads) {
    assert.equal((await bytes(download.readable)).length, download.size);
    download.defer();
    download.defer();
  }
  assert.equal(offering.sent + offering.failed, 0, "nothing is confirmed yet");
  const [failed, ...rest] = downloads;
  failed.notStored("space", "no room");
  for (const download of rest) download.stored();
  await assert.rejects(failed.done, { message: "no room" });
  await Promise.all(rest.map(({ done }) => done));
  await offering.done;
  assert.deepEqual([offering.stored, offering.failed], [59, 1]);
  assert.deepEqual(offering.missing.map(({ name }) => name), ["file 0"]);
});
