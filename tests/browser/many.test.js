import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const FILES = 100;
/** The most ended transfers that the page shows. */
const SHOWN = 60;

let root;
let some;

before(async () => {
  root = folder();
  // In folders, some with the same name.
  const name = (at) => `photos/${at % 3}/picture ${at >> 1}.jpg`;
  const sizes = Object.fromEntries(Array.from({ length: FILES }, (_, at) => [name(at), 100 + at]));
  some = await tree(root, sizes);
});

inEachBrowser("a hundred small files without a picker", (stage) => {
  test("are all saved once the page reports them done", async (t) => {
    const at = stage.keep(t, await relay());
    const share = stage.keep(t, xcher("share", join(root, "photos"), "--nick", "bob", "--relay", at.relay));
    await share.out("online ");
    const carol = await stage.visit(t, at.url, "carol");
    await carol.open("bob");
    assert.equal((await carol.listed()).length, FILES);
    await carol.getAll();
    await carol.text("#said", `${FILES} files done`, { hidden: true });
    await carol.savedAll(some.files);
    assert.equal((await carol.page.$$("#moving li[data-state=done]")).length, SHOWN);
  });
});
