import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { folder } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

inEachBrowser("empty folders", (stage) => {
  test("that are dropped are shared with a terminal", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    await drop(carol, "#drop");
    await carol.text("#shares li[data-name=top]", "1 file");
    const out = folder();
    const get = stage.keep(t, xcher("get", "carol", "--all", "-o", out, "--nick", "bob", "--relay", at.relay));
    await carol.answer("bob", true);
    await get.exits();
    assert.deepEqual(readdirSync(out, { recursive: true }).sort(), ["top", "top/a.txt", "top/empty"]);
    assert.ok(statSync(join(out, "top/empty")).isDirectory());
  });

  test("that are offered are made in the folder of the other page", async (t) => {
    if (stage.name === "firefox") return t.skip("Firefox has no File System Access");
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const dora = await stage.visit(t, at.url, "dora", { picker: true });
    await dora.pickInStore();
    await carol.page.bringToFront();
    await carol.sees("#people li", { name: "dora" });
    await drop(carol, "#people li[data-name=dora] a");
    await dora.answer("carol", true);
    const { title, names } = await dora.manifest();
    assert.equal(title, "carol offers you 1 file, 1 empty folder");
    assert.deepEqual(names.sort(), ["top/a.txt", "top/empty"]);
    await dora.accept();
    await carol.sending("done");
    const kinds = await dora.page.evaluate(async () => {
      const root = await navigator.storage.getDirectory();
      const top = await (await root.getDirectoryHandle("chosen")).getDirectoryHandle("top");
      const all = [];
      for await (const { name, kind } of top.values()) all.push([name, kind]);
      return all.sort();
    });
    assert.deepEqual(kinds, [["a.txt", "file"], ["empty", "directory"]]);
  });

  test("of a terminal are in the list and in the archive", async (t) => {
    const at = stage.keep(t, await relay());
    const from = folder();
    mkdirSync(join(from, "top/empty"), { recursive: true });
    const share = stage.keep(t, xcher("share", join(from, "top"), "--nick", "bob", "--relay", at.relay));
    await share.out("online ");
    const carol = await stage.visit(t, at.url, "carol");
    await carol.open("bob");
    assert.deepEqual(await carol.listed(), ["top/empty"]);
    await carol.text("#peer-state", "1 empty folder");
    await carol.getAll();
    if (process.env.XCHER_PAGE === "sources") {
      // Without the packages of npm, such a page cannot write archives.
      await carol.transfer("top/empty", "failed");
      return carol.text("#moving", "An empty folder cannot be a download");
    }
    const archive = readFileSync(await carol.user.savedArchive("top.zip"));
    assert.ok(archive.includes("top/empty/"));
  });

  /** Drops a folder with a file and an empty folder. */
  const drop = (user, selector) =>
    user.page.$eval(selector, (element) => {
      const file = { name: "a.txt", isFile: true, fullPath: "/top/a.txt", file: (done) => done(new File(["a"], "a.txt")) };
      const reader = (...found) => () => ({ readEntries: (done) => done(found.splice(0)) });
      const empty = { name: "empty", fullPath: "/top/empty", createReader: reader() };
      const top = { name: "top", fullPath: "/top", createReader: reader(file, empty) };
      const event = new Event("drop", { bubbles: true, cancelable: true });
      Object.defineProperty(event, "dataTransfer", { value: { items: [{ webkitGetAsEntry: () => top }] } });
      element.dispatchEvent(event);
    });
});
