/** Links between two pages by WebRTC, past the bridge (PROTOCOL.md, section 24). */
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { BROWSERS, launch } from "./harness/browser.js";
import { cut, isLinked, isUnlinked, made, received, visitWith } from "./harness/connections.js";
import { visit } from "./harness/page_user.js";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, tree } from "./harness/tree.js";
import { relay } from "./harness/xcher.js";

const MIB = 1 << 20;
/** MiB a second below which a bridge counts as slow. */
const SLOW = 4;
/** What the page says about the way of its files. */
const DIRECT = "directly between both browsers";
const BRIDGE = "through the server";

let large;
let huge;
let three;

before(async () => {
  const root = folder();
  three = await tree(join(root, "three"), { "a.bin": 12 * MIB, "b.bin": 12 * MIB, "c.bin": 12 * MIB });
  huge = await tree(join(root, "huge"), { "huge.bin": 128 * MIB });
  large = await tree(join(root, "large"), { "many.bin": 48 * MIB });
});

/** Has the first user open the files of the second. */
async function meet([carol, dave], files) {
  await dave.share(files.paths);
  const opened = carol.open("dave");
  await dave.answer("carol", true);
  await opened;
  await carol.listed();
  return { carol, dave };
}

inEachBrowser("links between browsers", (stage) => {
  /** Two pages that are online with this policy, of which the second shares files. */
  async function pair(t, policy, files, ...args) {
    const at = stage.keep(t, await relay({ args }));
    const users = [];
    for (const nick of ["carol", "dave"]) users.push(await visitWith(policy, () => stage.visit(t, at.url), nick));
    return meet(users, files);
  }

  test("files take a link, and the page says so", async (t) => {
    const { carol, dave } = await pair(t, "always", large);
    await Promise.all([carol, dave].map(isLinked));
    const says = await carol.remembers("#total");
    await carol.getAll();
    await carol.transfer("many.bin", "done");
    await carol.savedAll(large.files);
    await says(DIRECT);
    const bytes = await received(carol);
    assert.ok(bytes > 48 * MIB, `${bytes} bytes took the link`);
    assert.deepEqual([await made(carol), await made(dave)], [1, 1]);
  });

  test("a file on a link that is cut goes on through the bridge", async (t) => {
    const { carol, dave } = await pair(t, "always", large);
    await Promise.all([carol, dave].map(isLinked));
    const says = await carol.remembers("#total");
    await carol.getAll();
    await carol.moved("many.bin", 0.1);
    await cut(dave);
    await carol.transfer("many.bin", "done");
    await carol.savedAll(large.files);
    await says(DIRECT);
    await says(BRIDGE);
    assert.equal(await made(carol), 1, "a session has one link");
  });

  test("no connection is made where the user permits none", async (t) => {
    const { carol, dave } = await pair(t, "never", large);
    const says = await carol.remembers("#total");
    await carol.getAll();
    await carol.transfer("many.bin", "done");
    await says(BRIDGE);
    assert.deepEqual([await made(carol), await made(dave)], [0, 0]);
  });

  test("a user who changes the choice ends the link at once", async (t) => {
    const { carol, dave } = await pair(t, "always", large);
    await Promise.all([carol, dave].map(isLinked));
    await carol.page.select("#direct", "never");
    await isUnlinked(dave);
    const says = await carol.remembers("#total");
    await carol.getAll();
    await carol.transfer("many.bin", "done");
    await says(BRIDGE);
    assert.equal(await received(carol), 0);
  });

  test("no connection is made for a bridge that is quick", async (t) => {
    const { carol, dave } = await pair(t, "auto", huge);
    const began = performance.now();
    await carol.getAll();
    await carol.transfer("huge.bin", "done");
    const rate = 128_000 / (performance.now() - began);
    // Then the bridge was not quick, whatever kept it.
    if (rate < 2 * SLOW) return t.skip(`this machine moved ${rate.toFixed(1)} MiB/s`);
    assert.deepEqual([await made(carol), await made(dave)], [0, 0]);
  });

  test("a bridge that is slow has a link made, which is faster", async (t) => {
    // The first file takes the bridge, which carries so many bytes a second for each tunnel.
    const { carol, dave } = await pair(t, "auto", three, "--tunnel-rate", "1mb");
    const says = await carol.remembers("#total");
    const times = [];
    for (const { name } of three.files) {
      const began = performance.now();
      await carol.get(name);
      await carol.transfer(name, "done");
      times.push(performance.now() - began);
    }
    await says(BRIDGE);
    await says(DIRECT);
    assert.deepEqual([await made(carol), await made(dave)], [1, 1]);
    assert.ok((await received(carol)) > 2 * 12 * MIB);
    const ratio = times[0] / Math.min(times[1], times[2]);
    t.diagnostic(`bridge ${times[0].toFixed(0)} ms, link ${times[1].toFixed(0)} and ${times[2].toFixed(0)} ms: ratio ${ratio.toFixed(1)}`);
    assert.ok(ratio > 1, `${times}`);
  });
});

test("a link between two kinds of browser", { skip: BROWSERS.length < 2 && "needs both" }, async (t) => {
  const browsers = await Promise.all(BROWSERS.map((name) => launch(name)));
  t.after(() => Promise.all(browsers.map((browser) => browser.close())));
  const at = await relay();
  t.after(() => at.stop());
  for (const order of [browsers, browsers.toReversed()]) {
    const users = [];
    for (const [number, browser] of order.entries()) {
      users.push(await visitWith("always", () => visit(browser, at.url), ["carol", "dave"][number]));
    }
    const { carol, dave } = await meet(users, large);
    await Promise.all(users.map(isLinked));
    await carol.getAll();
    await carol.transfer("many.bin", "done");
    await carol.savedAll(large.files);
    assert.ok((await received(carol)) > 48 * MIB);
    for (const user of [carol, dave]) await user.user.close();
  }
});
