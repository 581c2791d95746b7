import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { fakeRtc } from "./fake_rtc.js";
import { Synthetic, bytes, check, next, peer, relay } from "./system.js";

const CONTENT = "it takes a link ".repeat(20_000);
const SIZE = 24 << 20;

/** Two peers of which both share a file, and a session between them. */
async function pair(t, ours = { direct: "always" }, theirs = ours) {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol", ours), await peer(t, bridge, "dave", theirs)];
  for (const host of [carol, dave]) {
    host.share(new Blob([CONTENT]), "x");
    host.share(new Synthetic(SIZE), "large");
  }
  const called = next(dave, "session");
  const session = await carol.open("dave");
  return { carol, dave, session, theirs: (await called).session };
}

/** Two peers whose files take a link. */
async function linked(t, options) {
  const seen = fakeRtc(t, options);
  const both = await pair(t);
  while (both.session.way !== "direct" || both.theirs.way !== "direct") await once(both.carol, "way");
  return { seen, ...both };
}

async function fetch(session) {
  const download = session.get("x");
  assert.equal(String(await bytes(download.readable)), CONTENT);
  await download.done;
  assert.equal(download.verified, true);
}

test("files of both sides take a link", async (t) => {
  const { seen, session, theirs } = await linked(t);
  for (const one of [session, theirs]) {
    const before = seen.bytes;
    await fetch(one);
    assert.ok(seen.bytes - before > CONTENT.length, `${seen.bytes - before} bytes took the link`);
  }
  assert.deepEqual([seen.made, seen.open], [2, 1]);
  assert.deepEqual(seen.options, [{ iceServers: [] }, { iceServers: [] }]);
});

test("a large file keeps to the limits of a channel", async (t) => {
  const { seen, session } = await linked(t);
  const download = session.get("large");
  assert.equal(await check(download.readable), SIZE);
  await download.done;
  assert.ok(seen.bytes > SIZE);
  assert.ok(seen.longest <= 64 << 10, `a message of ${seen.longest} bytes`);
  assert.ok(seen.mostBuffered <= 1 << 20, `${seen.mostBuffered} bytes buffered`);
});

test("a cut link fails what moved on it, which resumes through the bridge", async (t) => {
  const { seen, session } = await linked(t, { cutAfter: 5 << 20 });
  const first = session.get("large");
  const parts = [];
  const reader = first.readable.getReader();
  await assert.rejects(async () => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      parts.push(value.slice());
    }
  }, { code: "incomplete" });
  await assert.rejects(first.done, { code: "incomplete" });
  assert.equal(session.way, "bridge");
  const partial = new Blob(parts);
  assert.ok(partial.size > 1 << 20 && partial.size < SIZE, `${partial.size} bytes arrived`);
  const before = seen.bytes;
  const rest = session.get("large", { partial });
  assert.equal(await rest.start(), partial.size);
  const all = new Blob([partial, await new Response(rest.readable).arrayBuffer()]);
  await rest.done;
  assert.equal(await check(all.stream()), SIZE);
  assert.equal(seen.bytes, before, "nothing takes a link that is down");
});

test("no connection is made unless both sides permit it and there is WebRTC", async (t) => {
  const seen = fakeRtc(t);
  for (const [ours, theirs] of [[{}, { direct: "always" }], [{ direct: "always" }, { direct: "never" }]]) {
    const { session, theirs: other } = await pair(t, ours, theirs);
    await fetch(session);
    await fetch(other);
    assert.equal(session.way, "bridge");
  }
  delete globalThis.RTCPeerConnection;
  await fetch((await pair(t)).session);
  assert.equal(seen.made, 0);
});

test("a quick bridge has no link made for it", async (t) => {
  const seen = fakeRtc(t);
  const { session } = await pair(t, { direct: "auto" });
  const download = session.get("large");
  assert.equal(await check(download.readable), SIZE);
  await download.done;
  assert.equal(seen.made, 0);
});

test("an unencrypted session has none", async (t) => {
  const seen = fakeRtc(t);
  const { session } = await pair(t, { direct: "always", privacy: "plain" });
  const download = session.get("x");
  assert.equal(String(await bytes(download.readable)), CONTENT);
  assert.equal(seen.made, 0);
});

test("a description that a browser refuses harms no session", async (t) => {
  const seen = fakeRtc(t, { garbage: "v=0\r\nnonsense\r\n" });
  const { carol, session, theirs } = await pair(t);
  const { text } = await next(carol, "notice");
  assert.match(text, /no direct link between the browsers/);
  await fetch(session);
  await fetch(theirs);
  assert.deepEqual([seen.open, session.way], [0, "bridge"]);
});

test("connections are closed with their session, and with their peer", async (t) => {
  const { seen, session, carol, dave } = await linked(t);
  await fetch(session);
  await carol.close();
  await dave.close();
  assert.equal(seen.closed, 2);
});

test("options that are not known are misuse", async (t) => {
  const bridge = await relay(t);
  for (const wrong of [{ direct: true }, { direct: "Auto" }, { direct: null }, { windowPort: 5 }, { iceServers: "stun:x" }]) {
    await assert.rejects(peer(t, bridge, "carol", wrong), { code: "misuse" }, JSON.stringify(wrong));
  }
});
