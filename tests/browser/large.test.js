import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { mib, watchMemory } from "./harness/memory.js";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, same, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const MIB = 1 << 20;
/** 100 MiB, or XCHER_LARGE. */
const SIZE = Number(process.env.XCHER_LARGE ?? 100) * MIB;
/** The most memory that the processes of the page and its worker may need beyond the idle page. */
const MOST = 150 * MIB;

let root;
let file;

before(async () => {
  root = folder();
  [file] = (await tree(join(root, "shared"), { "large file.bin": SIZE })).files;
});

inEachBrowser(`${mib(SIZE)} in a tab that needs less than ${mib(MOST)}`, (stage) => {
  test("to the browser", async (t) => {
    const at = stage.keep(t, await relay());
    const share = stage.keep(t, xcher("share", file.path, "--nick", "bob", "--relay", at.relay));
    await share.out("online ");
    const carol = await stage.visit(t, at.url, "carol", { onDisk: true });
    await carol.open("bob");
    await carol.listed();
    await bounded(t, async () => {
      await carol.getAll();
      await carol.transfer(file.name, "done");
    });
    await same(await carol.saved(file), file);
  });

  test("from the browser", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol", { onDisk: true });
    await carol.share([file.path]);
    const out = join(root, stage.name);
    await bounded(t, async () => {
      const get = xcher("get", "carol", "--all", "-o", out, "--nick", "bob", "--relay", at.relay);
      stage.keep(t, get);
      await carol.answer("bob", true);
      await get.exits();
    });
    await same(join(out, file.name), file);
  });

  async function bounded(t, work) {
    const began = performance.now();
    const watch = watchMemory(stage.browser);
    let used;
    try {
      await work();
    } finally {
      used = watch.stop();
    }
    const seconds = (performance.now() - began) / 1000;
    const { idle, peak } = used;
    t.diagnostic(
      `${stage.name}: ${t.name}: ${(SIZE / MIB / seconds).toFixed(0)} MiB/s; ` +
        `tab ${mib(idle.tab)} idle, ${mib(peak.tab)} at most: ${mib(used.tab)} more; ` +
        `whole browser ${mib(idle.all)} idle, ${mib(peak.all)} at most`,
    );
    assert.ok(used.tab < MOST, `expected the tab to need less than ${mib(MOST)} more, got ${mib(used.tab)}`);
  }
});
