import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrivals } from "../arrivals.js";
import { bytes, next, peer, relay } from "./system.js";

const file = (name) => new File([`the content of ${name}`], name);

/** Takes so many things of a loop. */
async function take(count, loop) {
  const taken = [];
  for await (const one of loop) {
    taken.push(one);
    if (taken.length === count) break;
  }
  return taken;
}

test("loops over offers, also over those that arrive before the loop", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const offers = dave.offers();
  const offerings = [];
  for (const name of ["a", "b", "c"]) {
    const offered = next(dave, "offer");
    offerings.push(await carol.offer("dave", [file(name)]));
    await offered;
  }
  const got = [];
  for (const offer of await take(2, offers)) got.push(String(await bytes(offer.accept()[0].readable)));
  assert.deepEqual(got, ["the content of a", "the content of b"]);
  for (const offering of offerings) await offering.done;
  assert.deepEqual(offerings.map(({ stored, declined }) => [stored, declined]), [[1, 0], [1, 0], [0, 1]], "the third was declined when the loop was left");
  assert.deepEqual(await offers.next(), { value: undefined, done: true });
  const last = await carol.offer("dave", [file("d")]);
  await last.done;
  assert.equal(last.declined, 1, "no listener is left");
});

test("declines offers beyond those that may wait", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const offers = dave.offers();
  const session = await carol.open("dave");
  const offerings = Array.from({ length: 70 }, (_, at) => session.offer([file(`file ${at}`)]));
  await Promise.all(offerings.slice(64).map(({ done }) => done));
  assert.ok(offerings.slice(64).every(({ declined }) => declined === 1));
  for (const offer of await take(64, offers)) for (const download of offer.accept()) await bytes(download.readable);
  for (const offering of offerings) await offering.done;
  assert.ok(offerings.slice(0, 64).every(({ stored }) => stored === 1));
});

test("loops over the sessions of callers, first over those that are open", async (t) => {
  const bridge = await relay(t);
  const dave = await peer(t, bridge, "dave");
  const [carol, erin] = [await peer(t, bridge, "carol"), await peer(t, bridge, "erin")];
  const first = next(dave, "session");
  await carol.open("dave");
  await first;
  const sessions = dave.incoming();
  const second = next(dave, "session");
  await erin.open("dave");
  await second;
  assert.deepEqual((await take(2, sessions)).map(({ nick }) => nick), ["carol", "erin"]);
  const left = dave.incoming();
  await left.next();
  await left.return();
  await (await erin.open("dave")).end();
});

test("loops over events in order, of some types or all", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  carol.share(file("a"));
  const all = carol.events();
  const some = carol.events(["upload"]);
  const session = await dave.open("carol");
  await bytes(session.get("a").readable);
  assert.deepEqual((await take(2, all)).map(({ type }) => type), ["session", "upload"]);
  const [{ upload }] = await take(1, some);
  assert.equal(upload.name, "a");
});

test("declines the offers that wait when a loop over events is left", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const events = dave.events(["offer"]);
  const offered = next(dave, "offer");
  const offering = await carol.offer("dave", [file("a")]);
  await offered;
  await new Promise((done) => setTimeout(done, 20));
  assert.equal(offering.isSettled, false, "the loop may still take it");
  await events.return();
  await offering.done;
  assert.equal(offering.declined, 1);
});

test("ends loops when the peer closes, and fails them by signal", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  const giveUp = new AbortController();
  const [open, aborted] = [carol.offers(), carol.events(undefined, { signal: giveUp.signal })];
  const waiting = [take(1, carol.incoming()), take(1, open)];
  const failing = assert.rejects(take(1, aborted), { name: "XcherError", code: "cancelled", cause: "enough" });
  giveUp.abort("enough");
  await failing;
  await assert.rejects(take(1, carol.offers({ signal: giveUp.signal })), { code: "cancelled" });
  await carol.close();
  assert.deepEqual(await Promise.all(waiting), [[], []]);
  assert.deepEqual(await take(1, carol.offers()), []);
});

test("fails a loop that is too slow for its events, after those that wait", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  const events = carol.events(["notice"]);
  for (let at = 0; at < 1100; at += 1) carol.dispatchEvent(Object.assign(new Event("notice"), { text: `${at}` }));
  const got = [];
  await assert.rejects(
    async () => {
      for await (const { text } of events) got.push(text);
    },
    { name: "XcherError", code: "local", message: /1024 events wait/ },
  );
  assert.deepEqual(got, Array.from({ length: 1024 }, (_, at) => String(at)));
});

test("keeps the order of those who wait, and refuses what nobody takes", async () => {
  const refused = [];
  const arrivals = new Arrivals(2, (item) => refused.push(item));
  const waiting = [arrivals.next(), arrivals.next()];
  for (let at = 0; at < 5; at += 1) arrivals.push(at);
  assert.deepEqual((await Promise.all(waiting)).map(({ value }) => value), [0, 1]);
  assert.deepEqual(refused, [4]);
  arrivals.end();
  assert.equal(arrivals.push(5), false);
  assert.deepEqual(refused, [4, 5]);
  assert.deepEqual([await arrivals.next(), await arrivals.next(), await arrivals.next()].map(({ value }) => value), [2, 3, undefined]);
  const left = new Arrivals(2, (item) => refused.push(item));
  const last = left.next();
  left.push("taken");
  left.push("waits");
  await left.return();
  assert.equal((await last).value, "taken");
  assert.deepEqual(refused, [4, 5, "waits"]);
});
