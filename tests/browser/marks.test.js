import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { folder } from "./harness/tree.js";
import { relay } from "./harness/xcher.js";

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

  const mark = (user, text) => user.text("#people li[data-name=dora] .marks", text);
});
