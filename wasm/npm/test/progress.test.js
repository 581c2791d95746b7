import assert from "node:assert/strict";
import { test } from "node:test";
import WebSocket from "ws";
import { Peer } from "../index.js";
import { Progress } from "../progress.js";
import { Synthetic, bytes, check, next, peer, relay } from "./system.js";

const SIZE = 48 << 20;

/** Records the progress of something. */
function recorded(target) {
  const events = [];
  target.addEventListener("progress", ({ bytes, size, rate }) => events.push({ bytes, size, rate }));
  return events;
}

/** Checks that events are in order, paced and complete. */
function checked(events, size, first = 0) {
  assert.ok(events.length > 0, "expected events");
  assert.ok(events.every(({ bytes }, at) => bytes >= (events[at - 1]?.bytes ?? first)), "bytes only grow");
  assert.ok(events.every((event) => event.size === size && event.bytes <= size));
  assert.ok(events.every(({ rate }) => Number.isFinite(rate) && rate >= 0));
  assert.equal(events.at(-1).bytes, size);
  assert.ok(events.at(-1).rate > 0);
}

test("reports the progress of a download, an upload and an offer", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const offered = next(dave, "offer").then(({ offer }) => offer);
  const uploads = [];
  carol.addEventListener("upload", ({ upload }) => uploads.push(recorded(upload)));
  const offering = await carol.offer("dave", [{ file: new Synthetic(SIZE), name: "large" }, { file: new Blob(["x"]), name: "x" }]);
  const sent = recorded(offering);
  const [large, small] = (await offered).accept();
  const received = recorded(large);
  let slept = 0;
  // Slower than an interval, so that there are several.
  const got = await check(large.readable, async (total) => {
    if (total < SIZE / 2 || slept) return;
    slept = 1;
    await new Promise((done) => setTimeout(done, 600));
  });
  assert.equal(got, SIZE);
  assert.equal(String(await bytes(small.readable)), "x");
  await large.done;
  await offering.done;
  checked(received, SIZE);
  checked(uploads[0], SIZE);
  checked(sent, SIZE + 1);
  assert.ok(received.length >= 3, `${received.length} events of a download that took more than 600 ms`);
  const count = received.length + sent.length;
  await new Promise((done) => setTimeout(done, 600));
  assert.equal(received.length + sent.length, count, "nothing is reported after the end");
});

test("reports the progress of a code", async (t) => {
  const bridge = await relay(t);
  const sending = await Peer.send(bridge.url, [{ file: new Synthetic(SIZE), name: "large" }], { WebSocket });
  t.after(() => sending.stop());
  const sent = recorded(sending);
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open(sending.code);
  const download = session.get("large");
  const received = recorded(download);
  assert.equal(await check(download.readable), SIZE);
  await session.end();
  await sending.done;
  checked(sent, SIZE);
  checked(received, SIZE);
});

test("counts the bytes of a resumed download that were there before", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const file = new Blob([new Uint8Array(3 << 20).fill(7)]);
  carol.share(file, "large");
  const session = await dave.open("carol");
  const partial = file.slice(0, 1 << 20);
  const download = session.get("large", { partial });
  const received = recorded(download);
  assert.equal(await download.start(), partial.size);
  await bytes(download.readable);
  await download.done;
  checked(received, file.size, 0);
  assert.equal(download.received, file.size - partial.size);
});

test("reports the end of a transfer that fails", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  carol.share(new Synthetic(SIZE), "large");
  const session = await dave.open("carol");
  const download = session.get("large");
  const received = recorded(download);
  const reader = download.readable.getReader();
  await reader.read();
  download.cancel();
  await assert.rejects(download.done, { code: "cancelled" });
  assert.ok(received.at(-1).bytes < SIZE);
  assert.equal(received.at(-1).bytes, download.received);
});

test("lets the rate fall to nothing while nothing moves, then is silent", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let now = 0;
  t.mock.method(performance, "now", () => now);
  let bytes = 0;
  const moving = new Progress(() => ({ bytes, size: 1000 }));
  moving.moving();
  const events = recorded(moving);
  const pass = (more) => {
    bytes += more;
    now += 250;
    t.mock.timers.tick(250);
  };
  pass(100);
  assert.deepEqual(events, [{ bytes: 100, size: 1000, rate: 400 }]);
  pass(100);
  assert.equal(events[1].rate, 400);
  for (let at = 0; at < 40; at += 1) pass(0);
  assert.equal(events.at(-1).rate, 0);
  const silent = events.length;
  assert.ok(silent < 30, `${silent} events`);
  for (let at = 0; at < 40; at += 1) pass(0);
  assert.equal(events.length, silent);
  pass(800);
  assert.ok(events.at(-1).rate > 0);
  moving.moved();
  assert.equal(events.at(-1).bytes, 1000);
});
