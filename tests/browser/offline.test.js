/** The page without a network, and after a release: always one build. */
import assert from "node:assert/strict";
import { appendFileSync, cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import german from "../../www/texts/de.js";
import { makeEdition, packedPage, servePacked } from "./harness/packed_page.js";
import { proxy } from "./harness/proxy.js";
import { inEachBrowser } from "./harness/scenes.js";
import { below } from "./harness/sub_path.js";
import { folder, tree } from "./harness/tree.js";
import { relay } from "./harness/xcher.js";

const ROOT = new URL("../../", import.meta.url).pathname;
/** Messages that a browser logs when there is no server. */
const GONE = /WebSocket|ERR_CONNECTION|ERR_EMPTY|Failed to load resource|NetworkError|can’t establish|was interrupted|ServiceWorker/;

let files;

before(async () => {
  files = await tree(folder(), { "one.txt": 31, "two.bin": 300_001 });
});

inEachBrowser("the page without a network", { skip: packedPage() ? false : "cargo pack made no page" }, (stage) => {
  /** Serves an edition of the page, which the test may replace, at an address that can be unreachable. */
  async function site(t) {
    const at = stage.keep(t, await relay());
    const page = folder();
    makeEdition(page, "first");
    const front = stage.keep(t, await servePacked(at.url, page));
    const through = stage.keep(t, await proxy(front.url));
    return { at, page, front, through, url: through.url };
  }

  /** Opens the page, and waits until it is kept. */
  async function keeping(t, url) {
    const carol = await stage.visit(t, url);
    await carol.page.waitForSelector("#home", { visible: true });
    await kept(carol);
    return carol;
  }

  test("opens, says what does not work, and goes on by itself", async (t) => {
    const { through, url } = await site(t);
    const carol = await keeping(t, url);
    carol.expect(GONE);
    through.close();
    await carol.page.reload();
    await carol.text("#no-server", "cannot reach its server");
    await carol.page.select("#language", "de");
    await carol.text("#no-server", german["no-server"].split(":")[0]);
    await carol.page.select("#language", "en");
    await (await carol.page.$("#send-files")).uploadFile(...files.paths);
    await carol.page.waitForSelector("#chosen", { visible: true });
    through.open();
    await carol.page.waitForFunction(() => !document.getElementById("no-server"));
    const { code } = await carol.send([]);
    const dora = await stage.visit(t, url, undefined, { hash: `#${code}` });
    assert.deepEqual((await dora.manifest()).names, ["one.txt", "two.bin"]);
    await dora.decline();
  });

  test("opens the next build at the first visit after a release, whole", async (t) => {
    const { page, through, url } = await site(t);
    const carol = await keeping(t, url);
    carol.expect(GONE);
    assert.equal(await edition(carol), "first");
    // What the browser shows without the server is still the first one.
    through.close();
    await carol.page.reload();
    assert.equal(await edition(carol), "first");
    replace(page, "second");
    through.open();
    await carol.page.reload();
    assert.equal(await edition(carol), "second");
    const build = await carol.page.evaluate(() => document.documentElement.dataset.build);
    const loaded = await carol.page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname.split("/")[1]));
    const builds = new Set(loaded.filter((folder) => folder.startsWith("build-")));
    assert.deepEqual([...builds], [build]);
    await kept(carol);
    through.close();
    await carol.page.reload();
    assert.equal(await edition(carol), "second");
  });

  test("stores no build that is not whole", async (t) => {
    const { page, through, url } = await site(t);
    const carol = await keeping(t, url);
    carol.expect(GONE);
    const build = replace(page, "second");
    // As during an upgrade of several servers, or by a cache in between.
    appendFileSync(join(page, build, "worker/main.js"), "\n// Altered.");
    await carol.page.reload();
    assert.equal(await edition(carol), "second");
    assert.equal(await carol.page.evaluate(updated), "failed");
    assert.deepEqual(await cached(carol, build), []);
    through.close();
    await carol.page.reload();
    assert.equal(await edition(carol), "first");
  });

  test("keeps the files of a document that is older, and of no more than one", async (t) => {
    const { page, url } = await site(t);
    const carol = await keeping(t, url);
    replace(page, "second");
    const dora = await another(carol, url);
    await kept(dora);
    // The first build's German texts are no longer at the server.
    await carol.page.bringToFront();
    await carol.page.select("#language", "de");
    await carol.text("#send-title", german.send);
    replace(page, "third");
    await dora.page.bringToFront();
    await dora.page.reload();
    await kept(dora);
    await dora.page.waitForFunction(async () => (await caches.keys()).length === 2);
    await dora.page.close();
  });

  test("is gone once the server has the page as written", async (t) => {
    const { page, url } = await site(t);
    const carol = await keeping(t, url);
    rmSync(page, { recursive: true });
    cpSync(join(ROOT, "www"), page, { recursive: true });
    cpSync(join(ROOT, "wasm/npm"), join(page, "npm"), { recursive: true, filter: (from) => !/node_modules|page$/.test(from) });
    await carol.page.reload();
    await carol.page.waitForSelector("#home", { visible: true });
    await carol.page.waitForFunction(async () =>
      !(await caches.keys()).length && !(await navigator.serviceWorker.getRegistration()));
    await carol.page.reload();
    await carol.page.waitForSelector("#home", { visible: true });
    assert.equal(await carol.page.evaluate(() => navigator.serviceWorker.controller), null);
  });

  test("is its own below each path of an origin, and keeps no answer of the bridge", async (t) => {
    const { front } = await site(t);
    const one = stage.keep(t, await below("/one/", front.url));
    const carol = await keeping(t, one.url);
    const scopes = await carol.page.evaluate(async () =>
      (await navigator.serviceWorker.getRegistrations()).map(({ scope }) => new URL(scope).pathname));
    assert.deepEqual(scopes, ["/one/"]);
    const paths = await carol.page.evaluate(async () => {
      const [name, ...others] = await caches.keys();
      if (others.length) throw new Error(`expected one cache, got ${others}`);
      return (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname);
    });
    assert.ok(paths.every((path) => /^\/one\/(build-\w+\/.+|index\.html)$/.test(path)), paths.join("\n"));
  });
});

/** Waits until the browser keeps the build that the document names, and only then. */
async function kept({ page }) {
  await page.waitForFunction(async () => {
    const { build } = document.documentElement.dataset;
    const has = (await caches.keys()).some((name) => name.endsWith(`/${build}`));
    const { active, installing, waiting } = (await navigator.serviceWorker.getRegistration()) ?? {};
    return has && active?.state === "activated" && !installing && !waiting && navigator.serviceWorker.controller;
  });
}

/** In the page: looks for a new build, and tells what became of it. */
async function updated() {
  const registration = await navigator.serviceWorker.getRegistration();
  return registration.update().then(
    ({ installing }) =>
      installing
        ? new Promise((resolve) => (installing.onstatechange = () => resolve(installing.state === "redundant" ? "failed" : installing.state)))
        : "the same",
    () => "failed",
  );
}

const edition = async (user) => {
  await user.page.waitForSelector("#home", { visible: true });
  return user.page.evaluate(() => globalThis.edition);
};

/** Replaces the page by another edition. Returns the name of its build. */
function replace(page, name) {
  rmSync(page, { recursive: true });
  return makeEdition(page, name);
}

/** Returns the files that the browser keeps of a build. */
const cached = ({ page }, build) =>
  page.evaluate(async (build) => {
    const name = (await caches.keys()).find((name) => name.endsWith(`/${build}`));
    return name ? (await (await caches.open(name)).keys()).map(({ url }) => url) : [];
  }, build);

/** Opens a new tab of the same user. */
async function another({ user, page }, url) {
  const tab = await page.browserContext().newPage();
  await tab.goto(url);
  const { PageUser } = await import("./harness/page_user.js");
  return new PageUser(Object.create(user, { page: { value: tab } }));
}
