import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { folder } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

/** One pixel. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:9/"/></svg>';

let root;

before(() => {
  root = folder();
  writeFileSync(join(root, "pixel.png"), Buffer.from(PNG, "base64"));
  writeFileSync(join(root, "broken.png"), "no picture");
  writeFileSync(join(root, "drawing.svg"), SVG);
});

inEachBrowser("beside a name", (stage) => {
  test("stands whether its key is new, seen before, the same, or another", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    let dora = await stage.visit(t, at.url, "dora");
    await carol.page.bringToFront();
    await mark(carol, "New");
    await carol.choose("dora");
    await carol.text("#peer-mark", "New");
    await dora.text("#call-mark", "New");
    await dora.answer("carol", true);
    await carol.listed();
    await mark(carol, "New");
    await dora.page.bringToFront();
    await dora.text("#people li[data-name=carol] .marks", "New");
    await carol.page.bringToFront();
    await carol.hangUp("dora");
    await mark(carol, "Seen before");
    await carol.home();
    await carol.choose("dora");
    await dora.answer("carol", true);
    await carol.listed();
    await mark(carol, "Same key as before");
    await carol.text("#peer-mark", "Same key as before");
    await carol.home();
    await carol.page.bringToFront();
    await dora.page.goto("about:blank");
    await carol.leftOnline("dora");
    dora = await stage.visit(t, at.url, "dora");
    await carol.open("dora");
    await dora.answer("carol", true);
    await carol.page.bringToFront();
    await carol.sees("#secrecy", { is: "stopped" });
    await mark(carol, "Another key");
    await carol.forget("#secrecy");
    await dora.answer("carol", true);
    await carol.listed();
    await mark(carol, "New");
  });

  test("stands the device that an open session's peer says it is", async (t) => {
    const at = stage.keep(t, await relay());
    const dora = stage.keep(t, xcher("share", join(root, "pixel.png"), "--nick", "dora", "--relay", at.relay));
    await dora.out("online dora");
    const carol = await stage.visit(t, at.url, "carol");
    await carol.choose("dora");
    await carol.listed();
    await carol.text("#peer-mark", "Says it is a terminal");
    await mark(carol, "Says it is a terminal");
    const eve = await stage.visit(t, at.url, "eve");
    if (stage.name === "chromium") await touch(eve, 360, 740);
    await eve.choose("carol");
    await carol.answer("eve", true);
    await eve.text("#peer-mark", "Says it is a computer");
    // Puppeteer gives Firefox no finger.
    const own = stage.name === "chromium" ? "phone" : "computer";
    await carol.page.bringToFront();
    await carol.text("#people li[data-name=eve] .marks", `Says it is a ${own}`);
    const drawn = await carol.page.$eval("#people li[data-name=eve] .device", (sign) => {
      const { width, borderTopStyle } = getComputedStyle(sign, "::before");
      return [sign.checkVisibility() && sign.getBoundingClientRect().width >= parseFloat(width), borderTopStyle];
    });
    if (String(drawn) !== "true,solid") throw new Error(`expected a sign, got ${drawn}`);
    await carol.hangUp("eve");
    await carol.page.waitForFunction(() => !document.querySelector("#people li[data-name=eve] .device"));
    if (stage.name !== "chromium") return;
    await touch(eve, 1024, 768);
    await eve.choose("carol");
    await carol.answer("eve", true);
    await carol.text("#people li[data-name=eve] .marks", "Says it is a tablet");
  });

  test("of a shared picture of pixels stands a preview, as long as it is shared", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    await carol.share(["pixel.png", "broken.png", "drawing.svg"].map((name) => join(root, name)));
    await carol.page.waitForSelector("#shares li[data-name='pixel.png'] canvas[data-drawn]");
    const drawn = await carol.page.$eval("#shares canvas", (canvas) => [...canvas.getContext("2d").getImageData(40, 40, 1, 1).data][3]);
    if (!drawn) throw new Error(`expected pixels, got ${drawn}`);
    await carol.page.waitForFunction(() => document.querySelectorAll("#shares canvas").length === 1);
    await carol.page.waitForFunction(() => !document.querySelector("#shares li[data-name='drawing.svg'] .preview"));
    await carol.stopSharing("pixel.png");
    await carol.page.waitForFunction(() => !document.querySelector("#shares canvas"));
  });

  /** Gives the page a screen of this size under a finger, and loads it again. */
  async function touch(user, width, height) {
    await user.page.setViewport({ width, height, isMobile: true, hasTouch: true });
    await user.page.reload();
    await user.online();
  }

  const mark = (user, text) => user.text("#people li[data-name=dora] .marks", text);
});
