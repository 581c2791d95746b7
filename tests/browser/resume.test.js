import assert from "node:assert/strict";
import { readdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { entries, expected } from "./harness/archive.js";
import { launch } from "./harness/browser.js";
import { proxy } from "./harness/proxy.js";
import { inEachBrowser } from "./harness/scenes.js";
import { visit } from "./harness/page_user.js";
import { folder, same, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const MIB = 1 << 20;
/**
 * The most bytes that are sent again after an interruption: the 16 MiB of credit that a page gives the
 * bridge, and the system's buffers of each connection.
 */
const TWICE = 24 * MIB;

let root;
let big;
let several;

before(async () => {
  root = folder();
  [big] = (await tree(root, { "big file.bin": 64 * MIB })).files;
  const sizes = { "several/one.bin": 9 * MIB, "several/two/small.txt": 10, "several/two/three.bin": 25 * MIB, "several/x.bin": MIB };
  several = await tree(root, sizes);
});

/** Messages that a browser logs when a connection is lost. */
const GONE = /WebSocket|ERR_CONNECTION|Failed to load resource|NetworkError|can’t establish|was interrupted/;

inEachBrowser("a download resumes", (stage) => {
  test("after the tab was reloaded, without a click", async (t) => {
    const { carol, share, through } = await receiving(t);
    const reloaded = carol.page.reload();
    through.resume();
    await reloaded;
    await carol.online();
    await same(await carol.saved(big), big);
    await carol.transfer(big.name, "done");
    await carol.text("#moving .mark", "verified");
    await carol.nothingLeft();
    await boundedly(t, share);
  });

  test("after the tunnel was cut, and after the provider was killed, without a click", async (t) => {
    const { carol, share, through } = await receiving(t);
    carol.expect(GONE);
    const stalled = through.stallAfter(8 * MIB);
    through.cut();
    through.resume();
    await stalled;
    await boundedly(t, share);
    await share.stop("SIGKILL");
    through.resume();
    await carol.transfer(big.name, "waiting");
    const again = stage.keep(t, share.anew());
    await again.event({ event: "online" });
    await same(await carol.saved(big), big);
    const { bytes } = await again.event({ event: "transfer", state: "started" });
    assert.ok(bytes > 8 * MIB, `from ${bytes}`);
    await carol.nothingLeft();
  });

  test("over a link that is cut five times, without a click", async (t) => {
    const { carol, share, through } = await receiving(t);
    carol.expect(GONE);
    for (let cuts = 1; cuts <= 5; cuts++) {
      const stalled = cuts < 5 && through.stallAfter(9 * MIB);
      through.cut();
      through.resume();
      await stalled;
    }
    await same(await carol.saved(big), big);
    await carol.transfer(big.name, "done");
    await carol.text("#moving .mark", "verified");
    await carol.nothingLeft();
    const starts = started(share);
    t.diagnostic(`${stage.name}: resumed from ${starts.map(({ bytes = 0 }) => `${Math.round(bytes / MIB)} MiB`).join(", ")}`);
    assert.ok(starts.length >= 6, `${starts.length} attempts`);
  });

  test("an archive after the tab was reloaded, without a click", async (t) => {
    const at = stage.keep(t, await relay());
    const through = stage.keep(t, await proxy(at.url));
    const share = stage.keep(t, bob(at, "share", join(root, "several"), "--json"));
    await share.event({ event: "online" });
    const carol = await stage.visit(t, through.url, "carol");
    await carol.open("bob");
    await carol.listed();
    const stalled = through.stallAfter(16 * MIB);
    await carol.getAll();
    await stalled;
    const reloaded = carol.page.reload();
    through.resume();
    await reloaded;
    await carol.transfer("several.zip", "done");
    assert.deepEqual(entries(await carol.user.savedArchive("several.zip")), expected(several.files));
    await carol.nothingLeft();
    assert.ok(started(share).some(({ bytes }) => bytes > MIB), "nothing was resumed");
  });

  test("not from a peer with another key, after the tab was reloaded", async (t) => {
    const { at, carol, share, through } = await receiving(t);
    await share.stop("SIGKILL");
    through.resume();
    const reloaded = carol.page.reload();
    const other = stage.keep(t, bob(at, "share", big.path, "--json"));
    await other.event({ event: "online" });
    await reloaded;
    await carol.online();
    await carol.text("#waiting-text", "Another key than before");
    assert.deepEqual(started(other), []);
    assert.deepEqual(carol.files(), []);
  });

  test("nothing that was paused, after the tab was reloaded", async (t) => {
    const { carol, share, through } = await receiving(t);
    await carol.pause(big.name);
    through.resume();
    await carol.transfer(big.name, "paused");
    await carol.page.reload();
    await carol.online();
    await carol.left(big.name);
    assert.equal(started(share).length, 1);
    assert.deepEqual(carol.files(), []);
  });

  test("after a pause, on its row", async (t) => {
    const { carol, through } = await receiving(t);
    await carol.pause(big.name);
    through.resume();
    await carol.transfer(big.name, "paused");
    await carol.resumeRow(big.name);
    await same(await carol.saved(big), big);
    await carol.transfer(big.name, "done");
    await carol.nothingLeft();
  });

  test("after the browser was killed", async (t) => {
    const { share, restarted } = await killed(t);
    const { carol } = await restarted();
    await carol.goOn(big.name);
    await same(await carol.saved(big), big);
    await boundedly(t, share);
  });

  test("until seven days after its last change", async (t) => {
    const { profile, restarted } = await killed(t);
    const minute = 60;
    age(profile, 7 * 24 * 60 * minute - 10 * minute);
    const { browser, carol: early } = await restarted((thing) => thing);
    await early.left(big.name);
    await browser.kill();
    age(profile, 20 * minute);
    const { carol: late } = await restarted();
    await late.page.waitForFunction(async () => {
      const root = await navigator.storage.getDirectory();
      for await (const folder of root.values()) for await (const _ of folder.keys()) return false;
      return true;
    });
    await late.nothingLeft();
  });

  test("after a pause, but not after it was cancelled or discarded", async (t) => {
    const { carol, share, through } = await receiving(t);
    await carol.pause(big.name);
    through.resume();
    await carol.transfer(big.name, "paused");
    await carol.left(big.name);
    const stalled = through.stallAfter(8 * MIB);
    await carol.goOn(big.name);
    await stalled;
    await boundedly(t, share);
    await carol.pause(big.name);
    through.resume();
    await carol.discard(big.name);
    await carol.nothingLeft();
    assert.deepEqual(await carol.stored(), []);
    const third = through.stallAfter(8 * MIB);
    await carol.get(big.name);
    await third;
    await carol.cancel(big.name);
    through.resume();
    await carol.transfer(big.name, "cancelled");
    await carol.nothingLeft();
    assert.deepEqual(await carol.stored(), []);
    // The session is still open.
    await carol.get(big.name);
    await same(await carol.saved(big), big);
  });

  test("from its beginning if the partial file was changed", async (t) => {
    const { carol, share, through } = await receiving(t);
    await carol.pause(big.name);
    through.resume();
    await carol.left(big.name);
    await carol.page.evaluate(async () => {
      const root = await navigator.storage.getDirectory();
      const folder = await root.getDirectoryHandle("xcher-partial");
      for await (const [name, handle] of folder) {
        if (!name.endsWith(".part")) continue;
        const at = 1_000_000;
        const [byte] = new Uint8Array(await (await handle.getFile()).slice(at, at + 1).arrayBuffer());
        const out = await handle.createWritable({ keepExistingData: true });
        await out.write({ type: "write", position: at, data: new Uint8Array([byte ^ 1]) });
        await out.close();
      }
    });
    await carol.goOn(big.name);
    await same(await carol.saved(big), big);
    const [, again] = started(share);
    assert.equal(again.bytes, undefined, "all of it");
  });

  test("in one tab at a time", async (t) => {
    const { carol, through } = await receiving(t);
    await carol.pause(big.name);
    through.resume();
    await carol.left(big.name);
    // The same browser under another nick.
    const other = await carol.page.browserContext().newPage();
    await other.goto(`${through.url}/#bob`);
    await other.bringToFront();
    await other.waitForSelector("#nick", { visible: true });
    await other.$eval("#nick", (nick) => nick.select());
    await other.type("#nick", "carol2");
    await other.click("#join-go");
    await other.waitForSelector("#list li");
    await other.waitForSelector("#unfinished li", { visible: true });
    const stalled = through.stallAfter(8 * MIB);
    await carol.goOn(big.name);
    await stalled;
    await other.bringToFront();
    await other.evaluate(() => delete globalThis.showSaveFilePicker);
    await other.click("#unfinished [data-do=resume]");
    const refused = await other.waitForSelector("#moving [data-state=failed]");
    assert.match(await refused.evaluate((row) => row.textContent), /Another transfer of this file is running/);
    await other.close();
    through.resume();
    await same(await carol.saved(big), big);
  });

  test("into the chosen folder, in browsers with File System Access", async (t) => {
    if (stage.name === "firefox") return t.skip("Firefox has no File System Access");
    const { carol, through } = await receiving(t, { picker: true });
    await carol.pause(big.name);
    through.resume();
    await carol.goOn(big.name);
    await carol.transfer(big.name, "done");
    assert.deepEqual(await carol.chosenFolder(), { [big.name]: big.hash });
    assert.deepEqual(await carol.stored(), [big.name]);
    assert.deepEqual(carol.files(), []);
  });

  test("at a terminal that was killed", async (t) => {
    const at = stage.keep(t, await relay());
    const through = stage.keep(t, await proxy(at.url));
    const carol = await stage.visit(t, through.url, "carol");
    await carol.share([big.path]);
    const out = join(root, stage.name);
    const stalled = through.stallAfter(16 * MIB);
    const get = stage.keep(t, bob(at, "get", "carol", big.name, "-o", out));
    await carol.answer("bob", true);
    await stalled;
    await get.stop("SIGKILL");
    through.resume();
    await carol.transfer(big.name, "failed");
    const again = stage.keep(t, bob(at, "get", "carol", big.name, "-o", out, "--json"));
    await carol.answer("bob", true);
    await again.exits();
    await same(join(out, big.name), big);
    const { bytes } = await again.event({ event: "transfer", state: "started" });
    t.diagnostic(`${stage.name}: from ${bytes}`);
    assert.ok(bytes > 8 * MIB, `from ${bytes}`);
  });

  /** Has the page fetch part of a terminal's file, and stalls the tunnel then. */
  async function receiving(t, { picker = false, visits = stage.visit.bind(stage, t) } = {}) {
    const at = stage.keep(t, await relay());
    const through = stage.keep(t, await proxy(at.url));
    const share = stage.keep(t, bob(at, "share", big.path, "--json"));
    await share.event({ event: "online" });
    const carol = await visits(through.url, "carol", { picker });
    if (picker) await carol.pickInStore();
    await carol.open("bob");
    await carol.listed();
    const stalled = through.stallAfter(16 * MIB);
    await carol.get(big.name);
    await stalled;
    return { at, carol, share, through };
  }

  /** Does the same, and kills the browser then. `restarted` is a new one, online again. */
  async function killed(t) {
    const profile = folder();
    const first = await launch(stage.name, profile);
    const { share, through } = await receiving(t, { visits: visit.bind(undefined, first) });
    await first.kill();
    through.resume();
    async function restarted(keep = (thing) => stage.keep(t, thing)) {
      const browser = keep(await launch(stage.name, profile));
      const carol = keep(await visit(browser, through.url));
      // Chromium writes localStorage to the disk some seconds later.
      if (await carol.needsNick()) await carol.join("carol");
      await carol.online();
      return { browser, carol };
    }
    return { profile, share, restarted };
  }

  /** Checks that it resumed after not much less than was sent. */
  async function boundedly(t, share) {
    const [first, second] = started(share);
    // There is also a report of the file's outcome, with its full size.
    const moves = events(share).filter(({ event, transfer }) => event === "transfer" && transfer === first.transfer);
    const sent = moves.findLast(({ bytes }) => bytes).bytes;
    t.diagnostic(`${stage.name}: at least ${sent} bytes sent, ${second.bytes} kept`);
    assert.ok(second.bytes > 4 * MIB && sent - second.bytes < TWICE, `${sent} sent, ${second.bytes} kept`);
  }
});

/**
 * Sets back the modification time of the large file in the storage of a stopped browser by so many seconds.
 */
function age(profile, seconds) {
  const stored = readdirSync(profile, { recursive: true })
    .filter((path) => /(^|\/)(File System|fs)\//.test(path))
    .map((path) => join(profile, path))
    .filter((path) => statSync(path).size > 4 * MIB);
  assert.equal(stored.length, 1, stored.join());
  const at = statSync(stored[0]).mtimeMs / 1000 - seconds;
  utimesSync(stored[0], at, at);
}

const events = (process) => process.out_.map((line) => JSON.parse(line));

const started = (process) =>
  events(process).filter(({ event, state }) => event === "transfer" && state === "started");

function bob(at, ...args) {
  return xcher(...args, "--nick", "bob", "--relay", at.relay);
}
