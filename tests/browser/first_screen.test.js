/** What a visitor does who knows none of the page's words, by whatever means they have. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { excessWidth, smallTargets, ZOOMED } from "./harness/layout.js";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

let files;

before(async () => {
  files = await tree(folder(), { "holiday 10.jpg": 3_000, "holiday 2.jpg": 2_000 });
});

inEachBrowser("a first visitor", (stage) => {
  test("sends and receives by the keyboard alone", async (t) => {
    const at = stage.keep(t, await relay());
    const send = stage.keep(t, xcher("send", ...files.paths, "--relay", at.url));
    const code = await send.out("");
    const carol = await stage.visit(t, at.url);
    const { keyboard } = carol.page;
    await carol.page.waitForSelector("#code", { visible: true });
    await tabTo(carol, "#send-files");
    await tabTo(carol, "#code");
    await keyboard.type(code.replaceAll("-", " "));
    await keyboard.press("Enter");
    const { title, names } = await carol.manifest();
    assert.equal(title, "You can receive 2 files");
    // As people sort, not as bytes do.
    assert.deepEqual(names, ["holiday 2.jpg", "holiday 10.jpg"]);
    await tabTo(carol, "#manifest-yes");
    await keyboard.press("Enter");
    assert.equal(await carol.received(), "2 files received ✓");
    await tabTo(carol, "#receipt-back");
    await keyboard.press("Enter");
    await carol.sees("body[data-view=home]");
    await send.exits();
  });

  test("reads the code of another screen by the camera", async (t) => {
    const at = stage.keep(t, await relay());
    const send = stage.keep(t, xcher("send", ...files.paths, "--relay", at.url));
    const code = await send.out("");
    const carol = await stage.visit(t, at.url);
    // Where the browser cannot read codes, nothing is offered.
    await carol.page.waitForSelector("#code", { visible: true });
    const canRead = await carol.page.evaluate(() => "BarcodeDetector" in globalThis);
    if (!canRead) assert.equal(await carol.page.$eval("#scan", (scan) => scan.hidden), true);
    await carol.page.evaluateOnNewDocument((link) => {
      const canvas = document.createElement("canvas");
      const draw = canvas.getContext("2d");
      setInterval(() => draw.fillRect(0, 0, 10, 10), 50);
      const devices = { getUserMedia: async () => (globalThis.stream = canvas.captureStream(5)) };
      Object.defineProperty(navigator, "mediaDevices", { value: devices });
      let looks = 0;
      globalThis.BarcodeDetector = class {
        static getSupportedFormats = async () => ["qr_code"];
        detect = async () => (++looks < 3 ? [] : [{ rawValue: link }]);
      };
    }, `${at.url}/#${code}`);
    await carol.page.reload();
    await carol.page.waitForSelector("#scan", { visible: true });
    await carol.page.click("#scan");
    await carol.manifest();
    const tracks = await carol.page.evaluate(() => globalThis.stream.getTracks().map(({ readyState }) => readyState));
    assert.deepEqual(tracks, ["ended"], "the camera is off");
    await carol.decline();
  });

  test("is told why the camera does not work", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url);
    await carol.page.evaluateOnNewDocument(() => {
      const devices = { getUserMedia: () => Promise.reject(new DOMException("no", "NotAllowedError")) };
      Object.defineProperty(navigator, "mediaDevices", { value: devices });
      globalThis.BarcodeDetector = class {
        static getSupportedFormats = async () => ["qr_code"];
      };
    });
    await carol.page.reload();
    await carol.page.waitForSelector("#scan", { visible: true });
    await carol.page.click("#scan");
    await carol.text("#camera-state", "Allow it in the browser");
    await carol.page.click("#camera-close");
    await carol.page.waitForSelector("#camera:not([open])");
  });

  test("finds targets large enough for a finger, and nothing cut off when zoomed", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, undefined, { size: [360, 740] });
    await carol.page.waitForSelector("#home", { visible: true });
    const fits = async (state) => {
      assert.deepEqual(await smallTargets(carol.page), [], state);
      assert.equal(await excessWidth(carol.page), 0, `${state}: wider than the screen`);
    };
    await fits("first");
    for (const [zoom, size] of Object.entries(ZOOMED)) {
      await carol.page.setViewport(size);
      await fits(zoom);
    }
    await carol.page.setViewport({ width: 360, height: 740 });
    await carol.join("carol");
    await carol.online();
    await carol.share(files.paths);
    await fits("online");
    await carol.send(files.paths);
    await fits("sending");
  });

  test("offers what is dropped or pasted to the person whose view is open", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const dora = await stage.visit(t, at.url, "dora");
    await carol.page.bringToFront();
    await carol.sees("#people li", { name: "dora" });
    await give(carol, "paste", "body", "picture.png");
    assert.equal(await carol.page.$eval("#chosen-names", (names) => names.textContent), "picture.png");
    await carol.open("dora");
    await dora.answer("carol", true);
    await carol.listed();
    await give(carol, "paste", "#peer", "picture.png");
    assert.deepEqual((await dora.manifest()).names, ["picture.png"]);
    await dora.decline();
    await carol.sending("failed", "1 file declined");
    await carol.home();
    await give(carol, "drop", "#people li[data-name=dora] a", "drawing.png");
    assert.deepEqual((await dora.manifest()).names, ["drawing.png"]);
    await dora.decline();
  });

  test("sees both keys where a session stops because of them", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const key = async (nick) => {
      const one = await stage.visit(t, at.url, nick);
      const key = await one.ownKey();
      await carol.open(nick);
      await one.answer("carol", true);
      return { one, key };
    };
    const before = await key("dora");
    await carol.listed();
    await before.one.page.goto("about:blank");
    await carol.home();
    await carol.leftOnline("dora");
    const now = await key("dora");
    await carol.sees("#secrecy", { is: "stopped" });
    await carol.text("#secrecy", `before: ${before.key}`);
    await carol.text("#secrecy", `now: ${now.key}`);
  });

  test("passes a link on by the browser's share sheet", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url);
    await carol.page.evaluateOnNewDocument(() => (navigator.share = async (what) => void (globalThis.shared = what)));
    await carol.page.reload();
    const { link } = await carol.send(files.paths);
    await carol.page.click("#sendings [data-do=share-link]");
    assert.deepEqual(await carol.page.evaluate(() => globalThis.shared), { url: link });
  });
});

/** Presses Tab until this element has the focus. */
async function tabTo(user, selector) {
  await user.page.bringToFront();
  for (let presses = 0; presses < 60; presses += 1) {
    if (await user.page.$eval(selector, (element) => element === document.activeElement)) return;
    await user.page.keyboard.press("Tab");
  }
  throw new Error(`expected Tab to lead to ${selector}`);
}

/** Drops or pastes a file of this name on an element. */
const give = (user, type, selector, name) =>
  user.page.$eval(selector, (element, type, name) => {
    const data = new DataTransfer();
    data.items.add(new File(["picture"], name, { type: "image/png" }));
    const event = new Event(type, { bubbles: true, cancelable: true });
    const entry = { name, isFile: true, fullPath: `/${name}`, file: (done) => done(data.files[0]) };
    const items = [{ webkitGetAsEntry: () => entry }];
    Object.defineProperty(event, "clipboardData", { value: data });
    Object.defineProperty(event, "dataTransfer", { value: { items } });
    element.dispatchEvent(event);
  }, type, name);
