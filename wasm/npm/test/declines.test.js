import assert from "node:assert/strict";
import { test } from "node:test";
import { next, peer, relay, run } from "./system.js";

test("a caller learns at once that its call was rejected", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  const dave = await peer(t, bridge, "dave", { calls: "ask" });
  const called = next(dave, "call");
  const opened = carol.open("dave");
  opened.catch(() => {});
  (await called).call.reject();
  const before = performance.now();
  await assert.rejects(opened, { name: "XcherError", code: "refused", message: "the peer declined the call" });
  // It would otherwise wait for 30 s.
  assert.ok(performance.now() - before < 20_000);
  assert.equal(carol.sessions.size, 0);
  const again = next(dave, "call");
  const [session] = await Promise.all([carol.open("dave"), again.then(({ call }) => call.accept())]);
  assert.equal(session.nick, "dave");
});

test("a host that ignores calls rejects them", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  await peer(t, bridge, "dave", { calls: "ignore" });
  await assert.rejects(carol.open("dave"), { code: "refused" });
  await assert.rejects(carol.offer("dave", [{ text: "for dave" }]), { code: "refused" });
  const ls = await run(t, "ls", "dave", "--relay", bridge.address);
  assert.equal(ls.code, 1);
  assert.match(ls.errors, /dave declined the call/);
});
