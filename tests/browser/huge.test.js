import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { closeSync, openSync, statfsSync, truncateSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { memoryOfTabs, mib, watchMemory } from "./harness/memory.js";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, hash, same } from "./harness/tree.js";
import { eventually } from "./harness/waiting.js";
import { relay, xcher } from "./harness/xcher.js";

const GIB = 2 ** 30;
const SIZE = Number(process.env.XCHER_HUGE ?? 12) * GIB;
/** Space on the disk for the browser's file and for the download. */
const NEEDS = 2 * SIZE + 4 * GIB;
/** The most memory that the page and its worker may have beyond the idle page once they are idle again. */
const MOST_LEFT = 50 << 20;
/** The same while the file comes: nearly all of it is garbage, which browsers collect late, the later the busier they are. */
const MOST = 1 << 30;

/** Why it does not run, if it does not: it is part of `tests/browser/run --large`. */
function skipped(name) {
  if (!process.env.XCHER_LARGE) return "only with --large";
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bavail * bsize < NEEDS) return `${tmpdir()} has less than ${mib(NEEDS)}`;
  if (name === "firefox") return "Firefox gives a page 10 GiB unless its user allows more, which needs a click";
}

inEachBrowser(`a file of ${mib(SIZE)} without a picker`, (stage) => {
  test("is saved", { skip: skipped(stage.name) }, async (t) => {
    const path = join(folder(), "huge file.img");
    sparse(path);
    const file = { name: "huge file.img", path, size: SIZE, hash: await hash(path) };
    const at = stage.keep(t, await relay());
    const share = stage.keep(t, xcher("share", path, "--nick", "bob", "--relay", at.relay));
    await share.out("online ");
    const carol = await stage.visit(t, at.url, "carol", { onDisk: true });
    await carol.open("bob");
    await carol.listed();
    const began = performance.now();
    const watch = watchMemory(stage.browser);
    await carol.getAll();
    await carol.transfer(file.name, "done");
    const used = watch.stop();
    const seconds = (performance.now() - began) / 1000;
    await eventually("the garbage to be collected", () => memoryOfTabs(stage.browser) - used.idle.tab <= MOST_LEFT, 200);
    t.diagnostic(`${stage.name}: ${(SIZE / 2 ** 20 / seconds).toFixed(0)} MiB/s; tab needs at most ${mib(used.tab)} more`);
    await same(await carol.saved(file), file);
    assert.ok(used.tab < MOST, `expected the tab to need less than ${mib(MOST)} more, got ${mib(used.tab)}`);
  });
});

/** Writes a file that needs hardly any space, with bytes that show where they belong. */
function sparse(path) {
  closeSync(openSync(path, "w"));
  truncateSync(path, SIZE);
  const file = openSync(path, "r+");
  const last = SIZE - (1 << 20);
  for (const at of [0, SIZE / 2 + 1, 2 ** 32 - 7, last].filter((at) => at <= last)) writeSync(file, randomBytes(1 << 20), 0, 1 << 20, at);
  closeSync(file);
}
