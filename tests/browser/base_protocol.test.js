import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { entries, expected, text } from "./harness/archive.js";
import { inEachBrowser } from "./harness/scenes.js";
import { BasePeer } from "./harness/base_peer.js";
import { folder, NAMES, NESTED, same, tree } from "./harness/tree.js";
import { relay } from "./harness/xcher.js";

let files;

before(async () => {
  files = await tree(folder(), { ...NAMES, ...NESTED });
});

inEachBrowser("a base-protocol peer", (stage) => {
  test("is called and provides files", async (t) => {
    const { at, seed } = await world(t);
    const carol = await stage.visit(t, at.url, "carol");
    await carol.open("sven");
    const session = await seed.called(files.files);
    assert.deepEqual(await carol.listed(), files.files.map((file) => file.name).sort());
    await carol.getAll();
    await carol.savedAll(files.files);
    for (const file of files.files) assert.equal((await session.outcome(file.name)).how, "whole");
    await carol.hangUp("sven");
    await session.over();
  });

  test("calls, lists, checks and fetches", async (t) => {
    const { at, seed } = await world(t);
    const carol = await stage.visit(t, at.url, "carol");
    const flat = files.files.filter((file) => !file.name.includes("/"));
    await carol.share(flat.map((file) => file.path));
    const call = await seed.calling("carol");
    await carol.answer("sven", true);
    const session = await call.answered();
    const list = await session.list();
    const order = (a, b) => (a.name < b.name ? -1 : 1);
    assert.deepEqual(list.sort(order), flat.map(({ name, size }) => ({ name, size })).sort(order));
    for (const file of flat) {
      assert.equal(await session.check(file.name), true);
      const got = await session.request(file);
      assert.deepEqual([got.size, got.hash, got.over], [file.size, file.hash, "closed"], file.name);
    }
    assert.equal(await session.check("a"), false);
    assert.equal((await session.request({ name: "a", size: 77 })).refused, true);
    assert.equal((await session.request({ name: "a YES", size: 78 })).refused, true);
    session.end();
    assert.equal(await session.over(), "closed");
  });

  test("calls and answers requests", async (t) => {
    const { at, seed } = await world(t);
    const carol = await stage.visit(t, at.url, "carol");
    const call = await seed.calling("carol");
    await carol.answer("sven", true);
    const session = await call.answered(files.files);
    // The open session serves the other direction, too.
    await carol.connected("sven");
    await carol.open("sven");
    await carol.listed();
    await carol.getAll();
    await carol.savedAll(files.files);
    assert.ok(session.lines.includes("X_FILELIST"));
  });

  test("lists deceptive names", async (t) => {
    const { at, seed } = await world(t);
    const carol = await stage.visit(t, at.url, "carol");
    const shown = [
      "<img src=x onerror=alert(document.title=1)>.png",
      "</bdi><script>document.title='ran'</script>.js",
      "&lt;b&gt; \"quoted\" 'twice' `thrice` ${document.title='ran'}.txt",
      `${"very long ".repeat(25)}.bin`.slice(-255),
      Array(20).fill("deep folder").join("/"),
      "__proto__",
      "constructor/toString",
      "javascript:alert(1)",
    ];
    const left = [
      "../../etc/passwd", "/etc/passwd", "a//b", "exe.\u202egpj.txt", "zero\u200bwidth", ".", "tag\u{e0041}",
    ];
    const [known] = files.files;
    await carol.open("sven");
    const session = await seed.called([
      ...[...shown, ...left].map((name) => ({ name, ...known, name_: name, listed: `X_FILELIST ${name} ${known.size}` }))
        .map((file) => ({ ...file, name: file.name_ })),
      { name: "sized", size: "1kb", path: known.path, listed: "X_FILELIST sized 1kb" },
    ]);
    assert.deepEqual(await carol.listed(), [...shown, "sized"].sort());
    assert.notEqual(await carol.page.title(), "ran");
    await carol.noMarkup(["img", "script:not([src])"]);
    await carol.get(shown[0]);
    await carol.transfer(shown[0], "done");
    // The page is done before the browser has given the file its name.
    await carol.user.savedCount(1);
    const [saved, ...others] = carol.files();
    assert.deepEqual(others, []);
    await same(join(carol.downloads, saved), known);
    await carol.noMarkup(["img", "script:not([src])"]);
    await carol.hangUp("sven");
    await session.over();
  });

  test("is refused, ends early, and sends too much, and none of that is saved", async (t) => {
    const { at, seed } = await world(t);
    const carol = await stage.visit(t, at.url, "carol");
    const [whole, , short] = files.files;
    await carol.open("sven");
    const session = await seed.called([
      { ...whole, name: "gone", size: "31", listed: "X_FILELIST gone 32" },
      // Announces more than it has.
      { ...short, name: "short", size: short.size + 1 },
      { ...short, name: "long", size: short.size - 1, send: short.size },
      whole,
    ]);
    await carol.listed();
    await carol.getAll();
    for (const name of ["gone", "short", "long"]) await carol.transfer(name, "failed");
    const path = await carol.user.savedArchive("XCHER files (incomplete).zip");
    assert.deepEqual(entries(path).filter(({ name }) => name !== "Missing files.txt"), expected([whole]));
    for (const name of ["gone", "short", "long"]) assert.match(text(path, "Missing files.txt"), new RegExp(`\r\n${name}: `));
    assert.equal(session.ended, undefined);
  });

  async function world(t) {
    const at = stage.keep(t, await relay());
    return { at, seed: stage.keep(t, await BasePeer.at(at.relay, "sven")) };
  }
});
