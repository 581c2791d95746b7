import assert from "node:assert/strict";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import english from "../../www/texts/en.js";
import german from "../../www/texts/de.js";
import { inEachBrowser } from "./harness/scenes.js";
import { serveSources } from "./harness/page_sources.js";
import { folder, tree } from "./harness/tree.js";
import { relay } from "./harness/xcher.js";

let files;

before(async () => {
  files = (await tree(folder(), { "holiday 2.jpg": 2_000, "holiday 10.jpg": 3_000 })).files;
});

/** A language from right to left, half as long again as English, with every value. */
const pseudo = {
  ...Object.fromEntries(Object.entries(english).map(([id, text]) => [id, lengthened(text)])),
  direction: "rtl",
};

function lengthened(text) {
  if (typeof text === "string") return `${text} ${"אבגדה ".repeat(Math.ceil(text.length / 12))}`.trim();
  return Object.fromEntries(Object.entries(text).map(([form, each]) => [form, lengthened(each)]));
}

inEachBrowser("in other languages", (stage) => {
  test("the page speaks what its user chooses, and keeps to it", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    assert.equal(await language(carol), "en");
    await carol.share([files[0].path]);
    await carol.page.select("#language", "de");
    await carol.text("#shares [data-do=stop]", german.stop);
    await carol.text("#status", german["online-as"]);
    assert.equal(await language(carol), "de");
    await carol.page.reload();
    await carol.online();
    await carol.text("#status", german["online-as"]);
    // An error has the original message as detail.
    await carol.open("nobody");
    await carol.text("#peer-state.fault", german["error-unreachable"].split(" (")[0]);
    await carol.text("#peer-state.fault", "nobody");
    await carol.page.select("#language", "en");
    await carol.text("#peer-state.fault", english["error-unreachable"].split(":")[0]);
  });

  test("nothing overflows from right to left", async (t) => {
    const at = stage.keep(t, await relay());
    const texts = folder();
    cpSync(new URL("../../www/texts", import.meta.url), texts, { recursive: true });
    writeFileSync(join(texts, "de.js"), `export default ${JSON.stringify(pseudo)};`);
    const front = stage.keep(t, await serveSources(at.url, { "/texts/": texts }));
    const carol = await stage.visit(t, front.url, undefined, { size: [360, 740] });
    const { page } = carol;
    await page.select("#language", "de");
    await page.waitForSelector("html[dir=rtl]");
    const fits = (state) => fitsOn(page, state);
    await fits("first");
    await carol.join("carol");
    await carol.online();
    await fits("online");
    await carol.share(files.map(({ path }) => path));
    await fits("sharing");
    await carol.send(files.map(({ path }) => path));
    await carol.sending("waiting");
    await fits("sending");
    await carol.open("nobody");
    await page.waitForSelector("#peer-state.fault");
    await fits("failed");
  });
});

const language = (user) => user.page.evaluate(() => document.documentElement.lang);

/** Checks that nothing is wider than the screen, and that no text is cut off. */
async function fitsOn(page, state) {
  const wide = await page.evaluate(() => {
    const { clientWidth } = document.documentElement;
    return [...document.querySelectorAll("body *")]
      .filter((each) => each.checkVisibility() && !each.closest("#said, [type=file]"))
      .map((each) => [each, each.getBoundingClientRect()])
      .filter(([, { left, right, width }]) => width && (left < -1 || right > clientWidth + 1))
      .map(([each, { left, right }]) => `${each.tagName} ${each.id} ${each.className} from ${left} to ${right} of ${clientWidth}`);
  });
  assert.deepEqual(wide, [], state);
}
