import assert from "node:assert/strict";
import { before, test } from "node:test";
import { BasePeer } from "./harness/base_peer.js";
import { proxy } from "./harness/proxy.js";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, same, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const MIB = 1 << 20;

let big;

before(async () => {
  [big] = (await tree(folder(), { "big file.bin": 32 * MIB })).files;
});

inEachBrowser("attention", (stage) => {
  test("is called for in the background, only while it is switched on", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const { page } = carol;
    await page.evaluate(record);
    const shown = () => page.evaluate(() => globalThis.shown);
    const call = async (nick) => {
      const caller = stage.keep(t, await BasePeer.at(at.relay, nick));
      const called = await caller.calling("carol");
      await carol.answer(nick, false);
      await page.waitForSelector("#call:not([open])");
      called.stop();
    };
    await call("dora");
    assert.deepEqual(await shown(), { asked: 0, texts: [], badges: [] });
    await page.$eval("#attention", (box) => box.click());
    await page.waitForFunction(() => document.getElementById("attention").checked);
    await call("sven");
    assert.deepEqual(await shown(), { asked: 1, texts: ["sven wants to connect"], badges: [1] });
    // Nothing is shown to a user who looks.
    await page.evaluate(() => globalThis.hide(false));
    await call("erin");
    await page.evaluate(() => globalThis.hide(true));
    await page.$eval("#attention", (box) => box.click());
    await call("finn");
    assert.deepEqual(await shown(), { asked: 1, texts: ["sven wants to connect"], badges: [1, 0] });
  });

  test("is not needed: title, icon and one line show the progress, and the screen stays on", async (t) => {
    const at = stage.keep(t, await relay());
    const through = stage.keep(t, await proxy(at.url));
    const share = stage.keep(t, xcher("share", big.path, "--json", "--nick", "bob", "--relay", at.relay));
    await share.event({ event: "online" });
    const carol = await stage.visit(t, through.url, "carol");
    const { page } = carol;
    await page.evaluate(record);
    await page.evaluate(() => globalThis.hide(false));
    await carol.open("bob");
    await carol.listed();
    const [title, icon] = await page.evaluate(() => [document.title, document.querySelector("[rel=icon]").href]);
    const stalled = through.stallAfter(16 * MIB);
    await carol.get(big.name);
    await stalled;
    await page.waitForFunction(() => /^[1-9]\d? % · bob/.test(document.title));
    await page.waitForFunction(() => document.querySelector("[rel=icon]").href.startsWith("data:image/svg+xml,"));
    await carol.text("#total", "through the server");
    assert.equal(await page.evaluate(() => globalThis.awake), 1);
    through.resume();
    await same(await carol.saved(big), big);
    await carol.transfer(big.name, "done");
    await page.waitForFunction((title, icon) => document.title === title && document.querySelector("[rel=icon]").href === icon, {}, title, icon);
    await page.waitForFunction(() => globalThis.awake === 0);
  });
});

/** In the page: records what it shows in the background, and how many locks keep the screen on. */
function record() {
  globalThis.shown = { asked: 0, texts: [], badges: [] };
  globalThis.awake = 0;
  let hidden = true;
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  globalThis.hide = (yes) => {
    hidden = yes;
    document.dispatchEvent(new Event("visibilitychange"));
  };
  globalThis.Notification = class {
    static permission = "default";
    static async requestPermission() {
      globalThis.shown.asked += 1;
      return (Notification.permission = "granted");
    }
    constructor(_, { body }) {
      globalThis.shown.texts.push(body);
    }
  };
  navigator.setAppBadge = async (number) => void globalThis.shown.badges.push(number);
  navigator.clearAppBadge = async () => void globalThis.shown.badges.push(0);
  const request = async () => {
    globalThis.awake += 1;
    const lock = { released: false, release: async () => (lock.released ||= Boolean((globalThis.awake -= 1) + 1)) };
    return lock;
  };
  Object.defineProperty(navigator, "wakeLock", { configurable: true, value: { request } });
}
