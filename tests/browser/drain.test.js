import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, same, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const MB = 1_000_000;

let big;

before(async () => {
  [big] = (await tree(folder(), { "big file.bin": 6 * MB })).files;
});

inEachBrowser("while its bridge drains", (stage) => {
  test("a page stays online, and its transfer ends", async (t) => {
    const keys = folder();
    // Slow enough that the transfer is under way when the next process takes over.
    const args = ["--data-dir", keys, "--drain", "120", "--tunnel-rate", "2mb"];
    const old = stage.keep(t, await relay({ args }));
    const share = stage.keep(t, xcher("share", big.path, "--nick", "bob", "--relay", old.relay));
    await share.out("online ");
    const carol = await stage.visit(t, old.url, "carol");
    // At the end of the test the page asks a bridge that is gone why there is no tunnel.
    carol.expect(/ERR_CONNECTION_REFUSED/);
    await carol.open("bob");
    await carol.listed();
    await states(carol);
    await carol.get(big.name);
    await carol.moved(big.name, 0.1);

    old.child.kill("SIGTERM");
    await old.err("draining for at most 120 s");
    const http = new URL(old.url).host;
    const next = stage.keep(t, await relay({ listen: old.relay, http, args: ["--data-dir", keys] }));
    await until(async () => {
      const online = await xcher("who", "--relay", next.relay).exits();
      return online.includes("carol") && online.includes("bob");
    });
    await carol.transfer(big.name, "active");
    await same(await carol.saved(big), big);
    await carol.transfer(big.name, "done");
    // A session lasts until somebody ends it; then the old process has nothing left to carry.
    await carol.home();
    await carol.hangUp("bob");
    await old.exits();
    await old.err("drained");
    assert.deepEqual(await states(carol), ["online"], "never offline");
    // Both find each other at the next process.
    await carol.page.reload();
    await carol.online();
    await carol.open("bob");
    assert.deepEqual(await carol.listed(), [big.name]);
  });
});

/** Returns the states of the page since the first call. */
function states(user) {
  return user.page.evaluate(() => {
    const look = () => globalThis.states.add(document.body.dataset.state);
    if (!globalThis.states) {
      globalThis.states = new Set();
      new MutationObserver(look).observe(document.body, { attributes: true });
    }
    look();
    return [...globalThis.states];
  });
}

/** Waits until `look` succeeds; each look takes its time. */
async function until(look) {
  for (let tries = 0; tries < 100; tries += 1) if (await look()) return;
  throw new Error("not everybody came to the next process");
}
