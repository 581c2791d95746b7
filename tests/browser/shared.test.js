/** What other apps and websites give the page: files that are opened with it, and the Web Share Target. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { packedPage, servePacked } from "./harness/packed_page.js";
import { PageUser } from "./harness/page_user.js";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, tree } from "./harness/tree.js";
import { relay } from "./harness/xcher.js";

let files;

before(async () => {
  files = await tree(folder(), { "holiday.txt": 31, "big film.bin": 20_000_000 });
});

inEachBrowser("what other apps give", { skip: packedPage() ? false : "cargo pack made no page" }, (stage) => {
  /** Opens the page, and waits until its service worker can take what is shared. */
  async function opened(t) {
    const at = stage.keep(t, await relay());
    const front = stage.keep(t, await servePacked(at.url));
    const carol = await stage.visit(t, front.url);
    await carol.page.waitForFunction(() => navigator.serviceWorker.controller);
    return { carol, url: front.url };
  }

  const hasNoTarget = stage.name === "firefox" && "Firefox has no share target";

  test("waits for a click, and can be discarded", async (t) => {
    if (hasNoTarget) return t.skip(hasNoTarget);
    const { carol, url } = await opened(t);
    await share(carol, url, { files: files.paths, title: "See https://example.org/page", url: "https://example.org/page" });
    await carol.page.waitForSelector("#shared", { visible: true });
    const names = await carol.page.$$eval("#shared li", (rows) => rows.map((row) => row.textContent));
    assert.deepEqual(names, ["holiday.txt", "big film.bin", "See https://example.org/page"]);
    assert.equal(new URL(carol.page.url()).search, "");
    assert.deepEqual(await left(carol), [], "nothing is left in the browser");
    assert.equal(await carol.page.$("#sendings li"), null);
    assert.equal(await carol.page.$eval("#chosen", (chosen) => chosen.hidden), true);
    await carol.page.click("#shared [data-do=discard]");
    await carol.page.waitForSelector("#shared", { hidden: true });
    await carol.page.reload();
    await carol.page.waitForSelector("#home", { visible: true });
    assert.equal(await carol.page.$("#shared"), null);
  });

  test("is sent once its user creates a code, whole", async (t) => {
    if (hasNoTarget) return t.skip(hasNoTarget);
    const { carol, url } = await opened(t);
    await share(carol, url, { files: files.paths });
    await carol.page.waitForSelector("#shared", { visible: true });
    await carol.page.click("#shared [data-do=add]");
    const { code } = await carol.send([]);
    const dora = await stage.visit(t, url, undefined, { hash: `#${code}` });
    await dora.manifest();
    await dora.accept();
    assert.equal(await dora.received(), "2 files received ✓");
    await dora.savedEach(files.files);
    await carol.sending("done", "2 files delivered");
  });

  test("is refused where it is too much", async (t) => {
    if (hasNoTarget) return t.skip(hasNoTarget);
    const { carol, url } = await opened(t);
    for (const much of [{ count: 501 }, { title: "x".repeat(70_000) }]) {
      await share(carol, url, much);
      await carol.text("#notices", "Choose the files here instead");
      assert.equal(await carol.page.$("#shared"), null);
      assert.deepEqual(await left(carol), []);
    }
  });

  test("is a link to receive by, if it leads to this page", async (t) => {
    if (hasNoTarget) return t.skip(hasNoTarget);
    const { carol, url } = await opened(t);
    const link = `${url}/#4821-crossover-clockwork-universe`;
    await share(carol, url, { title: "Look", text: `For you: ${link}` });
    await carol.page.waitForFunction(() => document.getElementById("code").value);
    assert.equal(await carol.page.$eval("#code", (code) => code.value), link);
    assert.equal(await carol.page.$("#shared"), null);
    assert.equal(await carol.page.$eval("body", (body) => body.dataset.view), "home");
  });

  test("is deleted if nobody looks at it", async (t) => {
    if (hasNoTarget) return t.skip(hasNoTarget);
    const { carol } = await opened(t);
    const store = (age) => carol.page.evaluate(async (age) => {
      const cache = await caches.open(new URL("shared", location).href);
      await cache.put(new URL("shared", location), Response.json({ at: Date.now() - age, files: [], text: "x" }));
    }, age);
    await store(60_000);
    await carol.page.reload();
    await carol.page.waitForSelector("#home", { visible: true });
    assert.equal((await left(carol)).length, 1, "another tab may be about to ask");
    await store(3_600_000);
    await carol.page.reload();
    await carol.page.waitForFunction(async () => !(await caches.keys()).some((name) => name.endsWith("/shared")));
    assert.equal(await carol.page.$("#shared"), null);
  });

  test("is told not to be taken where the page has no service worker yet", async (t) => {
    const at = stage.keep(t, await relay());
    const other = stage.keep(t, await relay());
    const carol = await stage.visit(t, other.url);
    await share(carol, at.url, { files: files.paths, text: "words" });
    await carol.text("#notices", "could not take what another app shared");
    assert.equal(new URL(carol.page.url()).search, "");
  });

  test("is chosen, if the system opens files with the page", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url);
    await carol.page.evaluateOnNewDocument(() => {
      const file = (name) => ({ name, getFile: async () => new File(["text"], name) });
      const gone = { name: "gone.txt", getFile: () => Promise.reject(new DOMException("not there", "NotFoundError")) };
      const files = [file("one.txt"), gone, file("two.txt")];
      Object.defineProperty(globalThis, "launchQueue", { value: { setConsumer: (consumer) => consumer({ files }) } });
    });
    await carol.page.reload();
    await carol.text("#chosen-names", "one.txt, two.txt");
    await carol.text("#notices", "Could not read gone.txt");
    assert.equal(await carol.page.$("#sendings li"), null);
  });
});

/** Returns what is stored of what was shared. */
const left = ({ page }) =>
  page.evaluate(async () => (await caches.keys()).filter((name) => name.endsWith("/shared")));

/** In another tab's place: sends a form from a page of another origin, as any website can. */
async function share({ page }, url, { files = [], count = 0, ...words }) {
  await page.goto("about:blank");
  const fields = Object.keys(words).map((name) => `<textarea name="${name}"></textarea>`);
  await page.setContent(`<form method="post" enctype="multipart/form-data" action="${url}/share-target">
    <input type="file" name="files" multiple>${fields.join("")}</form>`);
  for (const [name, text] of Object.entries(words)) {
    await page.$eval(`[name=${name}]`, (field, text) => (field.value = text), text);
  }
  if (files.length) await (await page.$("input")).uploadFile(...files);
  await page.evaluate((count) => {
    if (!count) return;
    const data = new DataTransfer();
    for (let at = 0; at < count; at += 1) data.items.add(new File(["x"], `${at}.txt`));
    document.querySelector("input").files = data.files;
  }, count);
  const loaded = page.waitForNavigation();
  await page.evaluate(() => void document.querySelector("form").submit());
  await loaded;
}
