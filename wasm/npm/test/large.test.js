import assert from "node:assert/strict";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Synthetic, check, fill, folder, next, peer, relay, run, share } from "./system.js";

const SIZE = 256 << 20;
/** The most bytes by which this process may grow, whatever the size of the file. */
const ROOM = 96 << 20;

/** Measures the peak memory of this process. */
function watch(t, what) {
  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 20);
  return () => {
    clearInterval(timer);
    t.diagnostic(`${what}: ${before >> 20} MiB before, ${most >> 20} MiB at most`);
    return most - before;
  };
}

test("sends 256 MiB to a terminal in bounded memory", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  carol.share(new Synthetic(SIZE), "large");
  const path = await folder(t);
  const grown = watch(t, "sending");
  const start = performance.now();
  const got = await run(t, "get", "carol", "--all", "-o", path, "--relay", bridge.address);
  t.diagnostic(`${Math.round(SIZE / 1048.576 / (performance.now() - start))} MiB/s`);
  assert.equal(got.code, 0, got.errors);
  assert.ok(grown() < ROOM);
  const file = await open(join(path, "large"));
  t.after(() => file.close());
  assert.equal(await check(file.createReadStream({ highWaterMark: 1 << 20 })), SIZE);
});

test("receives 256 MiB from a terminal in bounded memory", async (t) => {
  const bridge = await relay(t);
  const path = join(await folder(t), "large");
  const file = await open(path, "w");
  const piece = new Uint8Array(1 << 20);
  for (let at = 0; at < SIZE; at += piece.length) {
    fill(piece, at);
    await file.write(piece);
  }
  await file.close();
  assert.equal((await stat(path)).size, SIZE);
  await share(t, bridge, "alice", path);
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open("alice");
  const grown = watch(t, "receiving");
  const start = performance.now();
  const download = session.get("large");
  assert.equal(await check(download.readable), SIZE);
  t.diagnostic(`${Math.round(SIZE / 1048.576 / (performance.now() - start))} MiB/s`);
  await download.done;
  assert.equal(download.received, SIZE);
  assert.ok(grown() < ROOM);
});

test("a slow reader slows the sender down", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const file = new Synthetic(SIZE);
  carol.share(file, "large");
  const session = await dave.open("carol");
  const uploading = next(carol, "upload");
  const download = session.get({ name: "large", size: SIZE, approximate: false });
  // Nothing is requested before it is read.
  assert.equal(await session.check("large"), true);
  assert.equal(file.read, 0);
  const reader = download.readable.getReader();
  const { value } = await reader.read();
  const { upload } = await uploading;
  // The sender has stopped once it reads no byte of the file for a second.
  let before = -1;
  while (file.read !== before) {
    before = file.read;
    await wait(1000);
  }
  t.diagnostic(`stopped after ${file.read >> 10} KiB, ${download.received >> 10} KiB received`);
  assert.ok(file.read < 8 << 20, `${file.read} bytes were read ahead`);
  assert.ok(upload.sent <= file.read);
  reader.releaseLock();
  assert.equal(await count(download.readable), SIZE - value.length);
  await Promise.all([download.done, upload.done]);
});

async function count(readable) {
  let got = 0;
  for await (const piece of readable) got += piece.length;
  return got;
}
