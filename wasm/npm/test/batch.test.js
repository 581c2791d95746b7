import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import WebSocket from "ws";
import { bytes, fill, folder, peer, relay, run, share } from "./system.js";

const MANY = 600;
/** Lengths at limits: empty, those of a digest and of a record, the longest in a batch. */
const LENGTHS = [0, 1, 31, 32, 33, 4096, 65_518, 65_519, 65_520, 262_144, 262_145];

/** Returns the bytes of the file with this number. */
function content(at) {
  const its = new Uint8Array(LENGTHS[at % LENGTHS.length]);
  fill(its, at);
  return its;
}

const nameOf = (at) => `many/${String(at).padStart(4, "0")}`;

/** Returns a peer that shares many files, one that has listed them, and the uploads. */
async function pair(t, ours = {}) {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol", ours), await peer(t, bridge, "dave")];
  const shared = [];
  for (let at = 0; at < MANY; at += 1) shared.push(dave.share(new Blob([content(at)]), nameOf(at)));
  const uploads = [];
  dave.addEventListener("upload", ({ upload }) => uploads.push(upload));
  const session = await carol.open("dave");
  const files = [];
  for await (const file of session.list()) files.push(file);
  assert.equal(files.length, MANY);
  return { bridge, carol, dave, shared, uploads, session, files };
}

const read = async (download) => {
  const its = await bytes(download.readable);
  await download.done;
  return its;
};

const right = (its, at) => assert.ok(its.equals(content(at)), nameOf(at));

test("sends small files in batches with a digest each, and large ones by themselves", async (t) => {
  const { uploads, session, files } = await pair(t);
  const downloads = session.getAll(files);
  for (const [at, download] of downloads.entries()) {
    right(await read(download), at);
    assert.deepEqual([download.verified, download.received], [true, content(at).length]);
  }
  await Promise.all(uploads.map(({ done }) => done));
  const large = files.filter(({ size }) => size > 262_144).length;
  const together = uploads.filter(({ more }) => more > 0);
  const alone = uploads.length - together.length;
  assert.equal(together.reduce((sum, { more }) => sum + 1 + more, alone), MANY);
  // The last one may be alone.
  assert.ok(alone <= large + 1, `${alone} alone, ${large} of them large`);
  assert.ok(together.length <= 10, `${together.length} connections for ${MANY - alone} files`);
  assert.equal(uploads.reduce((sum, { size }) => sum + size, 0), files.reduce((sum, { size }) => sum + size, 0));
});

test("refuses a removed and an unreadable file of a batch, and sends the others", async (t) => {
  const { dave, shared, session, files } = await pair(t);
  shared[100].stop();
  shared[101].stop();
  class Unreadable extends Blob {
    arrayBuffer() {
      return Promise.reject(new Error("the disk failed"));
    }
  }
  dave.share(new Unreadable([content(101)]), nameOf(101));
  shared[102].stop();
  dave.share(new Blob(["another size"]), nameOf(102));
  const downloads = session.getAll(files);
  downloads[200].cancel();
  for (const [at, download] of downloads.entries()) {
    if (at < 100 || at > 102 && at !== 200) right(await read(download), at);
    else await assert.rejects(read(download), { code: at === 200 ? "cancelled" : "refused" });
  }
  assert.equal(await session.check(nameOf(0)), true);
  assert.deepEqual(session.getAll([]), []);
  const tooMany = session.getAll([...files, ...files]);
  for (const download of tooMany) await assert.rejects(read(download), { code: "misuse" });
  const noName = session.getAll([files[0], { name: "../x", size: 1, approximate: false }]);
  for (const download of noName) await assert.rejects(download.start(), { code: "policy" });
});

test("ends a batch that was changed on the way, and delivers no wrong file", async (t) => {
  let meddles = false;
  class Meddler extends WebSocket {
    set onmessage(take) {
      super.onmessage = (event) => {
        if (meddles && event.data.byteLength > 10_000) new Uint8Array(event.data)[9_999] ^= 1;
        take(event);
      };
    }
  }
  const { session, files } = await pair(t, { WebSocket: Meddler });
  meddles = true;
  const ends = await Promise.allSettled(session.getAll(files).map(read));
  const failed = ends.filter(({ status }) => status === "rejected");
  assert.ok(failed.length > 0);
  for (const [at, { value }] of ends.entries()) if (value) right(value, at);
});

test("fails the files of a batch that had not arrived when the bridge died", async (t) => {
  const { bridge, session, files } = await pair(t);
  const downloads = session.getAll(files);
  right(await read(downloads[0]), 0);
  await bridge.kill();
  const ends = await Promise.allSettled(downloads.slice(1).map(read));
  assert.equal(ends.at(-1).status, "rejected");
  for (const [at, { value }] of ends.entries()) if (value) right(value, at + 1);
});

test("exchanges batches with a terminal both ways", async (t) => {
  const bridge = await relay(t);
  const path = join(await folder(t), "many");
  await mkdir(path);
  for (let at = 0; at < MANY; at += 1) await writeFile(join(path, "..", nameOf(at)), content(at));
  await share(t, bridge, "alice", path);
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open("alice");
  const files = [];
  for await (const file of session.list()) files.push(file);
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const [at, download] of session.getAll(files).entries()) right(await read(download), at);
  for (let at = 0; at < MANY; at += 1) carol.share(new Blob([content(at)]), nameOf(at));
  const uploads = [];
  carol.addEventListener("upload", ({ upload }) => uploads.push(upload));
  const out = await folder(t);
  const got = await run(t, "get", "carol", "--all", "-o", out, "--relay", bridge.address);
  assert.equal(got.code, 0, got.errors);
  for (let at = 0; at < MANY; at += 1) right(await readFile(join(out, nameOf(at))), at);
  assert.ok(uploads.length < MANY / 2, `${uploads.length} connections`);
});
