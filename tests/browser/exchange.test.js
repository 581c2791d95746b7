import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, NAMES, NESTED, same, tree } from "./harness/tree.js";
import { bridge, relay, xcher } from "./harness/xcher.js";

let root;
let flat;
let nested;

before(async () => {
  root = folder();
  flat = await tree(join(root, "flat"), NAMES);
  nested = await tree(join(root, "nested"), NESTED);
});

inEachBrowser("files are sent", (stage) => {
  test("from a browser to a terminal", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    await carol.share(flat.paths);
    const get = stage.keep(t, terminal(at, "get", "carol", "--all", "-o", join(root, stage.name)));
    await carol.answer("bob", true);
    await get.exits();
    for (const file of flat.files) await same(join(root, stage.name, file.name), file);
    // They were sent as a batch.
    await carol.sees("#moving li", { way: "up", state: "done" });
    const small = flat.files.filter(({ size }) => size <= 1 << 18).length;
    await carol.text("#moving li", `and ${small - 1} more files`);
  });

  test("a whole folder from a browser to a terminal", async (t) => {
    if (stage.name === "firefox") return t.skip("puppeteer cannot choose a folder in Firefox");
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    await carol.shareFolder(join(nested.root, "photos"));
    const out = join(root, `${stage.name}-folder`);
    const get = stage.keep(t, terminal(at, "get", "carol", "--all", "-o", out));
    await carol.answer("bob", true);
    await get.exits();
    for (const file of nested.files) await same(join(out, file.name), file);
  });

  test("from a terminal to a browser", async (t) => {
    const at = stage.keep(t, await relay());
    const paths = [...flat.paths, join(nested.root, "photos")];
    const share = stage.keep(t, terminal(at, "share", ...paths));
    await share.out("online ");
    const carol = await stage.visit(t, at.url, "carol");
    await carol.choose("bob");
    const files = [...flat.files, ...nested.files];
    assert.deepEqual(await carol.listed(), files.map((file) => file.name).sort());
    await carol.getAll();
    await carol.savedAll(files);
  });

  test("one file alone, twice", async (t) => {
    const at = stage.keep(t, await relay());
    const share = stage.keep(t, terminal(at, "share", ...flat.paths));
    await share.out("online ");
    const carol = await stage.visit(t, at.url, "carol");
    await carol.open("bob");
    const file = flat.files.find(({ name }) => name.startsWith("sjö"));
    await carol.get(file.name);
    await same(await carol.saved(file), file);
    assert.deepEqual(carol.files().length, 1);
    const other = flat.files[0];
    await carol.get(other.name);
    await same(await carol.saved(other), other);
    assert.deepEqual(carol.files().length, 2);
  });

  test("from a browser to a browser at the same bridge, both ways at once", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const dora = await stage.visit(t, at.url, "dora");
    const theirs = await tree(join(root, `${stage.name}-theirs`), {
      "走り (dora's).bin": 200_000,
      "second one.bin": 5,
    });
    await carol.share(flat.paths);
    await dora.share(theirs.paths);
    await carol.open("dora");
    await dora.answer("carol", true);
    await carol.listed();
    await dora.open("carol");
    await dora.listed();
    await carol.getAll();
    await dora.getAll();
    await Promise.all([carol.savedAll(theirs.files), dora.savedAll(flat.files)]);
  });

  // The other direction fails on loopback: a bridge with a remote relay does not dial addresses of its own
  // host (PROTOCOL 10.3).
  test("from a browser to a browser at another bridge", async (t) => {
    const here = stage.keep(t, await relay());
    const there = stage.keep(t, await bridge(here.relay));
    const carol = await stage.visit(t, there.url, "carol");
    const dora = await stage.visit(t, here.url, "dora");
    await dora.share(flat.paths);
    await carol.open("dora");
    await dora.answer("carol", true);
    await carol.listed();
    await carol.getAll();
    await carol.savedAll(flat.files);
  });

  test("from a terminal behind the bridge to a browser", async (t) => {
    const at = stage.keep(t, await relay());
    const through = `${at.url.replace("http", "ws")}/xcher`;
    const args = ["--nick", "bob", "--relay", through, "--via", "bridge"];
    const share = stage.keep(t, xcher("share", ...flat.paths, ...args));
    await share.out("online ");
    const carol = await stage.visit(t, at.url, "carol");
    await carol.open("bob");
    await carol.listed();
    await carol.getAll();
    await carol.savedAll(flat.files);
  });

  test("into a chosen folder, in browsers with File System Access", async (t) => {
    if (stage.name === "firefox") return t.skip("Firefox has no File System Access");
    const at = stage.keep(t, await relay());
    const share = stage.keep(t, terminal(at, "share", ...flat.paths, join(nested.root, "photos")));
    await share.out("online ");
    const carol = await stage.visit(t, at.url, "carol", { picker: true });
    await carol.pickInStore();
    await carol.open("bob");
    await carol.listed();
    await carol.getAll();
    const files = [...flat.files, ...nested.files];
    for (const file of files) await carol.transfer(file.name, "done");
    assert.deepEqual(
      await carol.chosenFolder(),
      Object.fromEntries(files.map(({ name, hash }) => [name, hash])),
    );
    assert.deepEqual(carol.files(), []);
  });
});

function terminal(at, ...args) {
  return xcher(...args, "--nick", "bob", "--relay", at.relay);
}
