/** Forced colours, as of the contrast themes of a system: borders tell states apart where colours no longer do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { relay } from "./harness/xcher.js";

inEachBrowser("in forced colours", (stage) => {
  test("states differ by more than their colours", async (t) => {
    if (stage.name === "firefox") return t.skip("puppeteer cannot force colours in Firefox");
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const dora = await stage.visit(t, at.url, "dora");
    await stage.visit(t, at.url, "eve");
    const { page } = carol;
    await page.bringToFront();
    const browser = await page.createCDPSession();
    await browser.send("Emulation.setEmulatedMedia", { features: [{ name: "forced-colors", value: "active" }] });
    assert.equal(await page.evaluate(() => matchMedia("(forced-colors: active)").matches), true);
    await carol.open("dora");
    await dora.answer("carol", true);
    await page.bringToFront();
    await carol.connected("dora");
    await carol.sees("#people li", { name: "eve" });
    const style = (selector, property, pseudo) =>
      page.$eval(selector, (found, property, pseudo) => getComputedStyle(found, pseudo)[property], property, pseudo);
    const dot = (nick) => style(`#people li[data-name=${nick}] a`, "borderTopWidth", "::before");
    assert.notEqual(await dot("dora"), await dot("eve"), "connected or not");
    assert.equal(await style("#people li[data-name=dora] a", "outlineStyle"), "solid", "the open person");
    assert.equal(await style("#people li[data-name=eve] a", "outlineStyle"), "none");
    await carol.home();
    const border = (selector) => style(selector, "borderTopWidth");
    assert.notEqual(await border("#give .button.main"), await border("#give .button:not(.main)"), "the main button");
    await carol.receive("4821");
    await carol.text("#code-why", "three words");
    assert.equal(await style("#code-why", "borderInlineStartStyle"), "double", "a fault");
  });
});
