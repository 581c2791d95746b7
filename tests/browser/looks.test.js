import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";
import { proxy } from "./harness/proxy.js";
import { excessWidth, smallTargets, ZOOMED } from "./harness/layout.js";
import { inEachBrowser } from "./harness/scenes.js";
import { BasePeer } from "./harness/base_peer.js";
import { visit } from "./harness/page_user.js";
import { folder, NAMES, NESTED, tree } from "./harness/tree.js";
import { relay } from "./harness/xcher.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** The folder for screenshots, if any. */
const SHOTS = process.env.XCHER_SCREENSHOTS;
const SIZES = { phone: [360, 740], tablet: [768, 1024], desktop: [1280, 800] };
/** The few looks that `run` takes: one phone and one desktop, in both themes. `tests/browser/looks` takes all. */
const FEW = process.env.XCHER_LOOKS === "all" ? undefined : ["phone light", "desktop dark", "phone"];

let files;

before(async () => {
  files = (await tree(folder(), { ...NAMES, ...NESTED, "big file.bin": 8 << 20 })).files;
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
});

inEachBrowser("the page is accessible", (stage) => {
  // Puppeteer cannot change the theme of Firefox.
  const themes = stage.name === "firefox" ? [undefined] : ["light", "dark"];

  for (const theme of themes) {
    for (const [title, size] of Object.entries(SIZES)) {
      if (FEW && !FEW.includes(`${title} ${theme ?? ""}`.trim())) continue;
      test(`${title} ${theme ?? ""}`.trim(), async (t) => {
        const at = stage.keep(t, await relay());
        const sven = stage.keep(t, await BasePeer.at(at.relay, "sven"));
        const carol = await stage.visit(t, `${at.url}`, undefined, { size });
        if (theme) {
          await carol.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
        }
        const look = (state) => examine(carol, [stage.name, title, theme, state].filter(Boolean).join("-"));
        await look("1-first");
        await carol.join("carol");
        await carol.online();
        await look("2-alone");
        await carol.share(files.slice(0, 4).map((file) => file.path));
        await carol.choose("sven");
        const session = await sven.called(files.map((file) => ({ ...file, hold: file.size > 2 << 20 ? 3 << 20 : undefined })));
        await carol.listed();
        await look("3-list");
        for (const file of [files.at(-1), files[0]]) await carol.get(file.name);
        await carol.moved(files.at(-1).name, 0.3);
        await look("4-transfers");
        await carol.home();
        await look("5-home");
        const dora = stage.keep(t, await BasePeer.at(at.relay, "dora"));
        const call = await dora.calling("carol");
        await carol.asked("dora");
        await look("6-call");
        await carol.page.keyboard.press("Escape");
        call.stop();
        session.die();
        await carol.transfer(files.at(-1).name, "waiting");
        await look("7-failed");
        carol.expect(/WebSocket|ERR_CONNECTION|can’t establish|was interrupted/);
        await at.stop();
        await carol.offline();
        await look("8-offline");
      });

      test(`${title} ${theme ?? ""}, for a first visitor`.replace(" ,", ","), async (t) => {
        const at = stage.keep(t, await relay());
        const through = stage.keep(t, await proxy(at.url));
        const carol = await stage.visit(t, at.url);
        const dora = await stage.visit(t, through.url, undefined, { size });
        if (theme) {
          await dora.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
        }
        const look = (state) => examine(dora, [stage.name, title, theme, state].filter(Boolean).join("-"));
        await dora.page.click("#safety summary");
        await look("20-safety");
        await dora.page.click("#safety summary");
        await dora.page.select("#language", "de");
        await look("21-german");
        await dora.page.select("#language", "en");
        await dora.page.click("#send-text");
        await dora.page.waitForSelector("#compose[open]");
        await look("28-text");
        await dora.page.keyboard.press("Escape");
        await dora.page.waitForSelector("#compose:not([open])");
        await dora.receive("4821");
        await dora.text("#code-why", "three words");
        await look("22-half-a-code");
        await dora.receive("4821 crossover clockwork universe");
        await dora.sees("#receipt", { phase: "failed" });
        await look("23-unknown-code");
        await dora.home();
        await dora.page.evaluate(() => (location.hash = "carol"));
        await dora.sees("body[data-view=join]");
        await look("24-link-to-a-nick");
        await dora.home();
        const { code } = await carol.send(files.map(({ path }) => path));
        await dora.receive(code);
        await dora.manifest();
        await look("25-choose");
        const stalled = through.stallAfter(4 << 20);
        await dora.accept();
        await stalled;
        await dora.transfer(files.at(-1).name, "active");
        await look("26-receiving");
        through.resume();
        await dora.received();
        await look("27-received");
      });

      test(`${title} ${theme ?? ""}, encrypted`.replace(" ,", ","), async (t) => {
        const at = stage.keep(t, await relay());
        const through = stage.keep(t, await proxy(at.url));
        const carol = await stage.visit(t, through.url, "carol", { size });
        if (theme) {
          await carol.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
        }
        const look = (state) => examine(carol, [stage.name, title, theme, state].filter(Boolean).join("-"));
        const dora = await visit(stage.browser, at.url, "dora");
        const big = files.at(-1);
        await dora.share([...files.slice(0, 4), big].map((file) => file.path));
        await carol.open("dora");
        await dora.answer("carol", true);
        await carol.listed();
        await carol.safetyWords();
        await carol.getAll();
        await carol.transfer("XCHER files.zip", "done");
        await look("9-private");
        const stalled = through.stallAfter(4 << 20);
        await carol.get(big.name);
        await stalled;
        // A narrow screen shows the sum of all transfers at first.
        if (title !== "desktop") await carol.page.click("[data-do=show-list]");
        await carol.pause(big.name);
        through.resume();
        await carol.left(big.name);
        await look("12-unfinished");
        await carol.discard(big.name);
        await dora.close();
        await carol.home();
        await carol.leftOnline("dora");
        await carol.clear();
        await carol.knownPeople();
        await carol.text("#known li", "dora");
        await look("10-known");
        const other = await stage.visit(t, at.url, "dora");
        await carol.open("dora");
        await other.answer("carol", true);
        await carol.sees("#secrecy", { is: "stopped" });
        await look("11-stopped");
      });

      test(`${title} ${theme ?? ""}, by codes and offers`.replace(" ,", ","), async (t) => {
        const at = stage.keep(t, await relay());
        const dora = await stage.visit(t, at.url, "dora", { size });
        const carol = await stage.visit(t, at.url, "carol", { size });
        if (theme) {
          await carol.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
        }
        const look = (state) => examine(carol, [stage.name, title, theme, state].filter(Boolean).join("-"));
        const paths = files.slice(0, 4).map((file) => file.path);
        await (await carol.page.$("#send-files")).uploadFile(...paths);
        await look("12-chosen");
        const { link } = await carol.send([]);
        await carol.sending("waiting");
        await look("13-code");
        await dora.page.goto(link);
        await dora.page.reload();
        await dora.manifest();
        await carol.sending("open");
        await dora.accept();
        await carol.sending("done");
        await dora.home();
        await dora.offer("carol", files.map((file) => file.path));
        await carol.answer("dora", true);
        await carol.manifest();
        await carol.page.waitForSelector("#manifest .words");
        await look("14-offered");
        await carol.decline();
        await look("15-declined");
      });
    }
  }
});

/** Checks accessibility and layout, and takes a screenshot. */
async function examine(user, name) {
  const { page } = user;
  // Animated elements count once they are in place.
  await page.evaluate(() => Promise.all(
    document.getAnimations()
      .filter((each) => each.effect.getComputedTiming().endTime < Infinity)
      .map((each) => each.finished.catch(() => {})),
  ));
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
  await page.evaluate(AXE);
  // Its preload reads style sheets by inline styles, which the policy forbids, for a rule that is not run.
  const { violations } = await page.evaluate(() => axe.run({ preload: false }));
  const bad = violations.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => node.html).join("\n  ")}`);
  assert.deepEqual(bad, [], name);
  assert.equal(await excessWidth(page), 0, `${name}: pixels wider than the screen`);
  const size = page.viewport();
  if (size.width === SIZES.phone[0]) assert.deepEqual(await smallTargets(page), [], name);
  if (size.width !== SIZES.desktop[0]) return;
  for (const [zoom, zoomed] of Object.entries(ZOOMED)) {
    await page.setViewport(zoomed);
    if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}-${zoom.replace(" %", "")}.png`), fullPage: true });
    assert.equal(await excessWidth(page), 0, `${name} at ${zoom}: pixels wider than the screen`);
  }
  await page.setViewport(size);
}
