import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, same, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** The folder for screenshots, if any. */
const SHOTS = process.env.XCHER_SCREENSHOTS;
/** Entries that the page shows of a folder at first. */
const STEP = 200;
const MANY = 20_000;

let root;
const some = {};

before(async () => {
  root = folder();
  const pictures = (at, number) => Array.from({ length: number }, (_, one) => [`trip/${at}/picture ${one + 1}.jpg`, 100 + one]);
  some.trip = await tree(root, Object.fromEntries([
    ...pictures("day 10 – Ταξίδι to the mountains and back again", 12), ...pictures("day 2", 260), ["trip/day 2/raw/1.dng", 3_000], ["trip/notes.txt", 31],
  ]));
  some.many = await tree(root, Object.fromEntries(Array.from({ length: MANY }, (_, at) => [`many/${at % 4}/${at}.txt`, 5])));
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
});

inEachBrowser("folders of a peer", (stage) => {
  test("are closed where they are long, in the order of people, and chosen as a whole", async (t) => {
    const carol = await browsing(t, "trip");
    assert.deepEqual(await visible(carol), [
      "trip/", "trip/day 2/", "trip/day 10 – Ταξίδι to the mountains and back again/", ...Array.from({ length: 12 }, (_, at) => `picture ${at + 1}.jpg`), "notes.txt",
    ]);
    await carol.text("#list li[data-folder='trip/day 2'] .size", "261 files");
    await press(carol, "#list li[data-folder='trip/day 2'] > .row input");
    await carol.text("#get-many", "Get chosen: 261 files");
    assert.deepEqual(await boxes(carol), { trip: "some", "trip/day 2": "all" });
    await carol.fold("trip/day 2");
    // The folder in it, and as many rows as are added at a time.
    assert.ok((await visible(carol)).length < 2 * STEP + 20);
    await carol.fold("trip/day 2/raw");
    await press(carol, "#list li[data-name='trip/day 2/raw/1.dng'] input");
    await carol.text("#get-many", "Get chosen: 260 files");
    assert.deepEqual(await boxes(carol), { trip: "some", "trip/day 2": "some" });
    await press(carol, "#list li[data-name='trip/notes.txt'] input");
    await carol.text("#get-many", "Get chosen: 261 files");
    await press(carol, "#list li[data-folder='trip/day 2'] > .row input");
    await carol.text("#get-many", "Get chosen: 262 files");
    await press(carol, "#list li[data-folder='trip/day 2'] > .row input");
    await carol.text("#get-many", "Get chosen: 1 file");
    await press(carol, "#list li[data-folder$='raw'] [data-do=get]");
    const [raw] = some.trip.files.filter(({ name }) => name.includes("raw"));
    await same(await carol.saved({ ...raw, name: "1.dng" }), raw);
  });

  test("are filtered by names, and what was chosen stays chosen", async (t) => {
    const carol = await browsing(t, "trip");
    await press(carol, "#list li[data-name='trip/notes.txt'] input");
    await filter(carol, "picture 12");
    await carol.text("#list", "picture 120.jpg");
    const found = some.trip.files.filter(({ name }) => name.includes("picture") && name.includes("12"));
    assert.deepEqual((await visible(carol)).filter((name) => !name.endsWith("/")).length, found.length);
    await press(carol, "#list li[data-folder='trip'] > .row input");
    await carol.text("#get-many", `Get chosen: ${found.length + 1} files`);
    await filter(carol, "");
    await carol.text("#list", "notes.txt");
    assert.deepEqual(await boxes(carol), { trip: "some", "trip/day 2": "some", [`trip/day 10 – Ταξίδι to the mountains and back again`]: "some" });
  });

  test("are used by the keyboard alone", async (t) => {
    const carol = await browsing(t, "trip");
    const { page } = carol;
    const here = () => page.evaluate(() => {
      const row = document.activeElement.closest("#list li");
      return row && (row.dataset.name ?? `${row.dataset.folder}/`);
    });
    await page.focus("#list .fold");
    const moves = [
      ["ArrowDown", "trip/day 2/"], ["ArrowRight", "trip/day 2/"], ["ArrowRight", "trip/day 2/raw/"], ["ArrowLeft", "trip/day 2/"],
      ["ArrowLeft", "trip/day 2/"], ["ArrowUp", "trip/"], ["End", "trip/notes.txt"], ["ArrowDown", "trip/notes.txt"], ["Home", "trip/"],
    ];
    for (const [key, expected] of moves) {
      await page.keyboard.press(key);
      assert.equal(await here(), expected, key);
    }
    assert.equal(await page.$eval("[data-folder='trip/day 2'] .fold", (fold) => fold.ariaExpanded), "false");
    // Tab reaches every control in turn: the next of the folder, its checkbox after that.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press(" ");
    await carol.text("#get-many", "Get chosen: 261 files");
  });

  for (const [title, size] of Object.entries({ phone: [360, 740], desktop: [1280, 800] })) {
    test(`are accessible on a ${title}`, async (t) => {
      const carol = await browsing(t, "trip", size);
      await press(carol, "#list li[data-folder='trip/day 2'] > .row input");
      await carol.fold("trip/day 2");
      if (SHOTS) await carol.page.screenshot({ path: join(SHOTS, `${stage.name}-${title}-folders.png`) });
      await carol.page.evaluate(AXE);
      const { violations } = await carol.page.evaluate(() => axe.run({ preload: false }));
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), []);
      const wide = await carol.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} pixels wider than the screen`);
      const small = await carol.page.$$eval("#list :is(button, label)", (all) => all.filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44).length);
      assert.equal(small, 0, "targets for a finger");
    });
  }

  test(`of ${MANY} files show only what is open`, async (t) => {
    const carol = await browsing(t, "many");
    assert.deepEqual(await visible(carol), ["many/", "many/0/", "many/1/", "many/2/", "many/3/"]);
    const took = await carol.page.evaluate(() => {
      const began = performance.now();
      document.querySelector("[data-folder='many/1'] .fold").click();
      return performance.now() - began;
    });
    t.diagnostic(`${stage.name}: a folder of ${MANY / 4} files opened in ${took.toFixed(0)} ms`);
    assert.equal((await visible(carol)).length, 5 + STEP);
    assert.equal((await visible(carol))[2 + 1], "1.txt", "the first of its files in the order of people");
    const chose = await carol.page.evaluate(() => {
      const began = performance.now();
      document.querySelector("[data-folder='many'] > .row input").click();
      return performance.now() - began;
    });
    t.diagnostic(`${stage.name}: ${MANY} files chosen in ${chose.toFixed(0)} ms`);
    await carol.text("#get-many", "Get chosen: 20,000 files");
    await carol.page.evaluate(() => document.querySelector("#list .more").scrollIntoView());
    await carol.page.waitForFunction((more) => document.querySelectorAll("#list li[data-name]").length > more, {}, STEP);
  });

  async function browsing(t, title, size) {
    const at = stage.keep(t, await relay());
    const share = stage.keep(t, xcher("share", join(root, title), "--nick", "bob", "--relay", at.relay));
    await share.out("online ");
    const carol = await stage.visit(t, at.url, "carol", { size });
    await carol.open("bob");
    await carol.listed();
    return carol;
  }

  /** Returns the names of all rows: of folders their paths. */
  const visible = (user) =>
    user.page.$$eval("#list li:not(.more)", (rows) =>
      rows.map((row) => (row.dataset.folder ? `${row.dataset.folder}/` : row.querySelector(".name").textContent)));

  /** Returns the folders of which all or some files are chosen. */
  const boxes = (user) =>
    user.page.$$eval("#list li[data-folder]", (rows) =>
      Object.fromEntries(rows.flatMap((row) => {
        const { checked, indeterminate } = row.querySelector("input");
        return checked || indeterminate ? [[row.dataset.folder, checked ? "all" : "some"]] : [];
      })));

  /** Clicks an element wherever it is: entries that open move others. */
  const press = (user, selector) => user.page.$eval(selector, (control) => control.click());

  const filter = (user, words) =>
    user.page.$eval("#filter", (field, words) => {
      field.value = words;
      field.oninput();
    }, words);
});
