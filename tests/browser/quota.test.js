import assert from "node:assert/strict";
import { before, test } from "node:test";
import { launch } from "./harness/browser.js";
import { visit } from "./harness/page_user.js";
import { proxy } from "./harness/proxy.js";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, same, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const MIB = 1 << 20;
/** Space for the origin in Firefox, in KiB. */
const FIREFOX = { "dom.quotaManager.temporaryStorage.fixedLimit": 48 << 10 };
const REFUSED = /Not enough space: this needs 64 MiB, and this browser has ([\d.]+) MiB\. Free space/;

let big;

before(async () => {
  [big] = (await tree(folder(), { "big file.bin": 64 * MIB })).files;
});

inEachBrowser("a browser without enough space", (stage) => {
  test("is asked before anything is sent, and says in sizes what is missing", async (t) => {
    const { carol, share, grant } = await small(t, 24);
    await carol.get(big.name);
    await refused(carol);
    assert.deepEqual(await carol.stored(), []);
    await carol.nothingLeft();
    const moved = share.out_.map((line) => JSON.parse(line)).filter(({ state, bytes }) => state === "progress" && bytes > 24 * MIB);
    assert.deepEqual(moved, []);
    if (!grant) return;
    // There is space again: the same row starts once more.
    await grant(1024);
    await carol.retry(big.name);
    await same(await carol.saved(big), big);
    await carol.transfer(big.name, "done");
  });

  test("keeps the partial file where space runs out later, and resumes", async (t) => {
    if (stage.name === "firefox") return t.skip("the limit of Firefox cannot change while it runs");
    const { carol, through, grant } = await small(t, 1024);
    const stalled = through.stallAfter(16 * MIB);
    await carol.get(big.name);
    await stalled;
    // Chromium sets the space aside as long as the file is open.
    await carol.pause(big.name);
    through.resume();
    await carol.transfer(big.name, "paused");
    await grant(24);
    await carol.resumeRow(big.name);
    const has = await refused(carol);
    assert.ok(has > 8 && has <= 24, `${has} MiB`);
    await carol.left(big.name);
    await grant(1024);
    await carol.retry(big.name);
    await same(await carol.saved(big), big);
    await carol.nothingLeft();
  });

  test("says so before an offer is accepted", async (t) => {
    const { at, carol } = await small(t, 24);
    const dora = stage.keep(t, await visit(stage.browser, at.url, "dora"));
    await dora.offer("carol", [big.path]);
    await carol.answer("dora", true);
    await carol.manifest();
    await carol.text("#manifest-room", "Not enough space: this needs 64 MiB, and this browser has ");
    await carol.decline();
  });

  /** Opens the page in a browser with so many MiB for it. `grant` changes that, where it can be changed. */
  async function small(t, mib) {
    const at = stage.keep(t, await relay());
    const through = stage.keep(t, await proxy(at.url));
    const share = stage.keep(t, xcher("share", big.path, "--json", "--nick", "bob", "--relay", at.relay));
    await share.event({ event: "online" });
    const isFirefox = stage.name === "firefox";
    const browser = isFirefox ? stage.keep(t, await launch(stage.name, undefined, FIREFOX)) : stage.browser;
    // Chromium enforces no limit in private contexts.
    const carol = stage.keep(t, await visit(browser, through.url, "carol", { onDisk: true }));
    const client = isFirefox ? undefined : await carol.page.createCDPSession();
    const grant = client && ((mib) => client.send("Storage.overrideQuotaForOrigin", { origin: through.url, quotaSize: mib * MIB }));
    await grant?.(mib);
    await carol.open("bob");
    await carol.listed();
    return { at, carol, share, through, grant };
  }

  /** Waits until the row says what is missing. Returns the MiB that the browser has. */
  async function refused(carol) {
    const row = await carol.transfer(big.name, "failed");
    const text = await row.evaluate((row) => row.textContent);
    assert.match(text, REFUSED);
    return Number(REFUSED.exec(text)[1]);
  }
});
