/** Ways on which a user would be stuck: each leads somewhere. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { launch } from "./harness/browser.js";
import { BasePeer } from "./harness/base_peer.js";
import { PageUser, visit } from "./harness/page_user.js";
import { proxy } from "./harness/proxy.js";
import { inEachBrowser } from "./harness/scenes.js";
import { below } from "./harness/sub_path.js";
import { folder, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

let files;

before(async () => {
  files = await tree(folder(), { "one.txt": 31, "two.bin": 300_001 });
});

/** Messages that a browser logs when a connection is lost. */
const GONE = /WebSocket|ERR_CONNECTION|ERR_EMPTY|Failed to load resource|NetworkError|can’t establish|was interrupted/;

inEachBrowser("a user is not stuck", (stage) => {
  test("with the link to a code while another tab has the nick", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const code = await sent(t, at);
    const tab = await another(carol);
    await tab.page.goto(`${at.url}/#${code}`);
    await tab.manifest();
    await tab.decline();
    // At home, the first tab still has the nick.
    await tab.text("#join-why", "another tab");
    await tab.join("carol-2");
    await tab.online();
    await tab.page.reload();
    await tab.online();
    await tab.text("#me", "carol-2");
    await carol.text("#me", "carol");
    await tab.page.close();
  });

  test("after a refused nick, whatever the URL names next", async (t) => {
    const at = stage.keep(t, await relay());
    stage.keep(t, await BasePeer.at(at.relay, "sven"));
    const carol = await stage.visit(t, at.url, "sven", { online: false });
    await carol.text("#join-why", "sven");
    const code = await sent(t, at);
    const shows = async (hash, selector) => {
      await carol.page.evaluate((hash) => (location.hash = hash), hash);
      await carol.page.waitForSelector(selector, { visible: true });
    };
    await shows("sven", "#nick");
    await shows("", "#home");
    await shows(code, "#manifest");
    await carol.decline();
    await carol.sees("body[data-view=home]");
  });

  test("after leaving the page and coming back", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const dora = await stage.visit(t, at.url, "dora");
    await dora.sees("#people li", { name: "carol" });
    await carol.page.goto("about:blank");
    await dora.leftOnline("carol");
    await carol.page.goBack();
    await carol.online();
    await carol.text("#me", "carol");
    await dora.sees("#people li", { name: "carol" });
    await dora.offer("carol", [files.paths[0]]);
    await carol.answer("dora", true);
    await carol.manifest();
    await carol.decline();
  });

  test("with a code that was used before", async (t) => {
    const at = stage.keep(t, await relay());
    const dora = await stage.visit(t, at.url);
    const { code } = await dora.send(files.paths);
    const carol = await stage.visit(t, at.url, undefined, { hash: `#${code}` });
    await carol.manifest();
    await carol.accept();
    assert.equal(await carol.received(), "2 files received ✓");
    await dora.sending("done");
    await carol.page.reload();
    await carol.text("#receipt-state.fault", "ask for a new one");
    await carol.page.click("#receipt-more");
    await carol.page.waitForSelector("#code", { visible: true });
    const { code: next } = await dora.send([files.paths[0]]);
    await carol.receive(next);
    await carol.manifest();
    await carol.decline();
  });

  test("at a bridge that hangs", async (t) => {
    const at = stage.keep(t, await relay());
    const through = stage.keep(t, await proxy(at.url));
    const carol = await stage.visit(t, through.url);
    carol.expect(GONE);
    await carol.page.waitForSelector("#home", { visible: true });
    through.stall();
    await carol.join("carol");
    await carol.page.waitForSelector("#give-up", { visible: true });
    await carol.page.click("#give-up");
    await carol.page.waitForSelector("#nick", { visible: true });
    await carol.receive("4821-crossover-clockwork-universe");
    await carol.sees("#receipt", { phase: "connecting" });
    await carol.page.click("#receipt-cancel");
    await carol.page.waitForSelector("#home", { visible: true });
    through.resume();
    await carol.join("carol");
    await carol.online();
  });

  test("with a code or link in whatever spelling", async (t) => {
    const at = stage.keep(t, await relay());
    // A terminal that serves many, so that declining does not end it.
    const send = stage.keep(t, xcher("send", "--to-many", "0", ...files.paths, "--relay", at.url));
    const code = await send.out("");
    const words = code.split("-");
    const carol = await stage.visit(t, at.url);
    for (const text of [
      code, ` ${code.toUpperCase()}. `, words.join(" "), words.join(", "), `“${code}”,`, `(${code})`,
      `${at.url}/#${code}`, `${at.url}/#${code}.`, `<${at.url}/#${code}>`, `${at.url}/index.html#${code}/`,
    ]) {
      await carol.receive(text);
      await carol.manifest();
      await carol.decline();
      await carol.sees("body[data-view=home]");
    }
    for (const end of [".", ")", "/", "…", "”", "%20"]) {
      await carol.page.evaluate((hash) => (location.hash = hash), code + end);
      await carol.manifest();
      await carol.decline();
      await carol.sees("body[data-view=home]");
    }
    // A sentence tells what is missing.
    await carol.receive(words[0]);
    await carol.text("#code-why", "three words");
    await carol.receive("http://elsewhere.example/#4821-crossover-clockwork-universe");
    await carol.text("#code-why a", "elsewhere.example");
    await carol.receive(`${at.url}/`);
    await carol.text("#code-why", "no code");
    // The punctuation after a nick may be its own, so it is only a suggestion.
    await carol.join("carol");
    await carol.online();
    await carol.open("sven.");
    await carol.text("#peer-meant a", "sven");
  });

  test("where the browser stores nothing", async (t) => {
    const at = stage.keep(t, await relay());
    const profile = folder();
    const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
    mkdirSync(join(profile, "Default"));
    writeFileSync(join(profile, "Default", "Preferences"), JSON.stringify(settings));
    const browser = stage.keep(t, await launch(stage.name, profile, { "network.cookie.cookieBehavior": 2 }));
    const carol = stage.keep(t, await visit(browser, at.url));
    // Firefox says so in its console.
    carol.expect(/cookie|storage|insecure/i);
    const blocked = await carol.page.evaluate(() => {
      try {
        return localStorage.length < 0;
      } catch {
        return true;
      }
    });
    assert.equal(blocked, true);
    await carol.page.waitForSelector("#home", { visible: true });
    await carol.receive(await sent(t, at));
    await carol.manifest();
    await carol.accept();
    assert.equal(await carol.received(), "2 files received ✓");
    await carol.home();
    await carol.join("carol");
    await carol.online();
  });

  test("below a path of a proxy, with or without the page's file", async (t) => {
    const at = stage.keep(t, await relay());
    const site = stage.keep(t, await below("/some/path/", at.url));
    const dora = await stage.visit(t, site.url);
    const { code, link } = await dora.send(files.paths);
    assert.equal(link, `${site.url}/#${code}`);
    const carol = await stage.visit(t, site.url, undefined);
    await carol.page.goto(`${site.url}/index.html`);
    await carol.join("carol");
    await carol.online();
    await carol.receive(link);
    await carol.manifest();
    await carol.accept();
    assert.equal(await carol.received(), "2 files received ✓");
    await carol.home();
    await carol.text("#link", "/some/path/", { hidden: true });
  });

  /** Sends files by a code from a terminal. Returns the code. */
  function sent(t, at) {
    return stage.keep(t, xcher("send", ...files.paths, "--relay", at.url)).out("");
  }

  /** Opens a new tab of the same user. */
  async function another({ user, page }) {
    const tab = await page.browserContext().newPage();
    const other = Object.create(user, { page: { value: tab } });
    return new PageUser(other);
  }
});
