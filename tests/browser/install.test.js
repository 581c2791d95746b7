/** The page as an installed app. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PNG } from "pngjs";
import english from "../../www/texts/en.js";
import german from "../../www/texts/de.js";
import { drawn, ICONS } from "./harness/icons.js";
import { inEachBrowser } from "./harness/scenes.js";
import { below } from "./harness/sub_path.js";
import { relay } from "./harness/xcher.js";

const PAGE = new URL("../../www/", import.meta.url);

const source = (name) => readFileSync(new URL(name, PAGE));

/** The most that a colour of an icon may differ from the drawing, of 255: browsers draw edges differently. */
const MAX_DIFFERENCE = 24;

inEachBrowser("the page as an app", (stage) => {
  test("can be installed, below a path of its own, too", async (t) => {
    if (stage.name === "firefox") return t.skip("Firefox tells nothing about the manifest");
    const at = stage.keep(t, await relay());
    const site = stage.keep(t, await below("/some/path/", at.url));
    for (const { url: page } of [at, site]) {
      const carol = await stage.visit(t, page, undefined, { onDisk: true });
      await carol.page.waitForSelector("#home", { visible: true });
      const browser = await carol.page.createCDPSession();
      const { errors, url, manifest } = await browser.send("Page.getAppManifest");
      assert.deepEqual(errors, []);
      assert.equal(url, `${page}/manifest.webmanifest`);
      const { startUrl, scope, id } = manifest;
      // Without an id of its own, so that the pages of two paths are two apps.
      for (const each of [startUrl, scope, id]) assert.equal(each, `${page}/`);
      const { installabilityErrors } = await browser.send("Page.getInstallabilityErrors");
      assert.deepEqual(installabilityErrors, []);
    }
  });

  test("is offered where the browser can install it", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url);
    await carol.page.waitForSelector("#home", { visible: true });
    assert.equal(await carol.page.$eval("#install", (button) => button.hidden), true);
    const isHandled = await carol.page.evaluate(() => {
      const event = new Event("beforeinstallprompt", { cancelable: true });
      event.prompt = () => (globalThis.prompted = true);
      return !dispatchEvent(event);
    });
    assert.equal(isHandled, true, "no banner of the browser's");
    await carol.page.waitForSelector("#install", { visible: true });
    await carol.page.click("#install");
    assert.equal(await carol.page.evaluate(() => globalThis.prompted), true);
    await carol.page.waitForSelector("#install", { hidden: true });
  });

  test("has icons as its drawing is", async (t) => {
    if (stage.name === "firefox") return t.skip("drawn by Chromium");
    const { page } = stage.keep(t, await stage.browser.user());
    const icons = JSON.parse(source("manifest.webmanifest")).icons.map(({ src }) => src);
    assert.deepEqual(icons, Object.keys(ICONS).map((name) => `icons/${name}`));
    for (const [name, icon] of Object.entries(ICONS)) {
      const expected = PNG.sync.read(Buffer.from(await drawn(page, icon)));
      const got = PNG.sync.read(source(`icons/${name}`));
      assert.deepEqual([got.width, got.height], [icon.size, icon.size], name);
      const different = got.data.findIndex((value, at) => Math.abs(value - expected.data[at]) > MAX_DIFFERENCE);
      assert.equal(different, -1, `${name}: run tests/browser/icons`);
      const isOpaque = got.data.every((value, at) => at % 4 < 3 || value === 255);
      assert.equal(isOpaque, Boolean(icon.isMaskable), name);
    }
  });

  test("has the colours and the words of the page", () => {
    const { background_color: background, description, description_localized: others } = JSON.parse(source("manifest.webmanifest"));
    const [, light, dark] = /--ground: light-dark\((#\w+), (#\w+)\)/.exec(source("style.css"));
    assert.equal(background, light);
    const themes = [...source("index.html").toString().matchAll(/name="theme-color" content="(#\w+)" media="\(prefers-color-scheme: (\w+)\)"/g)];
    assert.deepEqual(themes.map(([, color, theme]) => [theme, color]), [["light", light], ["dark", dark]]);
    assert.equal(description, english["what-this-is"]);
    assert.deepEqual(others, { de: german["what-this-is"] });
  });
});
