import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { entries, expected } from "./harness/archive.js";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const FEW = 100;
const MANY = 20_000;
/** The most ended transfers that the page shows. */
const SHOWN = 60;

let root;
const some = {};

before(async () => {
  root = folder();
  // In folders, some with the same name.
  const name = (at) => `${at % 3}/picture ${at >> 1}.jpg`;
  for (const [title, number] of Object.entries({ few: FEW, many: MANY })) {
    const sizes = Object.fromEntries(Array.from({ length: number }, (_, at) => [`${title}/${name(at)}`, 100 + (at % 900)]));
    some[title] = await tree(root, sizes);
  }
});

inEachBrowser("many small files without a picker", (stage) => {
  test("are all in the archive once the page reports them done", async (t) => {
    const carol = await browsing(t, "few");
    assert.equal((await carol.listed()).length, FEW);
    await carol.getAll();
    await carol.text("#said", `${FEW} files done`, { hidden: true });
    assert.deepEqual(await saved(carol, "few"), expected(some.few.files));
    assert.ok((await carol.page.$$("#moving li")).length <= SHOWN);
  });

  test("20,000 of them are listed, filtered and fetched", async (t) => {
    const carol = await browsing(t, "many");
    await carol.listed();
    await carol.text("#peer-state", "20,000 files");
    const found = some.many.files.filter(({ name }) => name.includes("77.jpg"));
    await carol.page.type("#filter", "77.JPG");
    await carol.text("#get-many", `Get found: ${found.length} files`);
    await carol.page.$eval("#filter", (filter) => {
      filter.value = "";
      filter.oninput();
    });
    await carol.text("#get-many", "Get all: 20,000 files");
    const began = performance.now();
    await carol.getAll();
    await carol.text("#said", "20,000 files done", { hidden: true });
    t.diagnostic(`${stage.name}: ${MANY} files in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    assert.deepEqual(await saved(carol, "many"), expected(some.many.files));
    assert.ok((await carol.page.$$("#moving li")).length <= SHOWN);
  });

  async function browsing(t, title) {
    const at = stage.keep(t, await relay());
    const share = stage.keep(t, xcher("share", join(root, title), "--nick", "bob", "--relay", at.relay));
    await share.out("online ");
    const carol = await stage.visit(t, at.url, "carol");
    await carol.open("bob");
    return carol;
  }

  const saved = async (carol, title) => entries(await carol.user.savedArchive(`${title}.zip`));
});
