import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import jsqr from "jsqr";
import { PNG } from "pngjs";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, same, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

let root;
let files;

before(async () => {
  root = folder();
  files = await tree(join(root, "files"), { "one.txt": 31, "two.bin": 300_001 });
});

inEachBrowser("by a code", (stage) => {
  test("a page sends to a terminal", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const { code, link } = await carol.send(files.paths);
    assert.match(code, /^\d{4}-[a-z]+-[a-z]+-[a-z]+$/);
    assert.equal(link, `${at.url}/#${code}`);
    assert.equal(await scanned(carol), link);
    await carol.sending("waiting", "Waiting for the receiver to use the code");
    const out = join(root, stage.name, "terminal");
    await xcher("get", code, "--yes", "-o", out, "--relay", at.relay).exits();
    for (const file of files.files) await same(join(out, file.name), file);
    await carol.sending("done", "2 files delivered");
    for (const file of files.files) await carol.transfer(file.name, "done");
  });

  test("a page counts each of the small files that it sends together", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url);
    const small = await tree(folder(), { "one.txt": 1, "two.txt": 2, "three.txt": 3 });
    const { code } = await carol.send(small.paths);
    await xcher("get", code, "--yes", "-o", folder(), "--relay", at.relay).exits();
    await carol.sending("done", "3 files delivered");
    await carol.text("#total", "3 files done");
  });

  test("a terminal sends to a page opened by the link, which needs no nick", async (t) => {
    const at = stage.keep(t, await relay());
    const send = stage.keep(t, xcher("send", ...files.paths, "--relay", at.url));
    const code = await send.out("");
    const carol = await stage.visit(t, at.url, undefined, { hash: `#${code}` });
    const { names } = await carol.manifest();
    assert.deepEqual(names.sort(), ["one.txt", "two.bin"]);
    await carol.text("#manifest .secrecy", "confirmed by the code");
    assert.deepEqual(carol.files(), [], "nothing comes before it is wanted");
    await carol.accept("two.bin");
    assert.equal(await carol.received(), "1 file received ✓");
    await carol.text("#receipt-state", "downloads");
    await carol.savedAll([files.files[0]]);
    await carol.text("#moving .mark", "verified");
    await send.exits();
    assert.equal(await carol.page.evaluate(() => localStorage.nick), undefined);
  });

  test("a page sends to a page", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const { link } = await carol.send(files.paths);
    const dora = await stage.visit(t, at.url, undefined, { hash: new URL(link).hash });
    await dora.manifest();
    await carol.sending("open", "has used the code");
    await dora.accept();
    assert.equal(await dora.received(), "2 files received ✓");
    await dora.savedAll(files.files);
    await carol.sending("done", "2 files delivered");
    // What is on the screen then works: there is no list of a sender who has gone.
    assert.equal(await dora.page.$eval("#peer", (peer) => peer.checkVisibility()), false);
    await dora.page.click("#receipt-back");
    await dora.sees("body[data-view=home]");
    const back = await dora.send([files.paths[0]]);
    await carol.receive(back.link);
    await carol.manifest();
    await carol.accept();
    assert.equal(await carol.received(), "1 file received ✓");
  });

  test("a declining page receives nothing, and the sender reports it", async (t) => {
    const at = stage.keep(t, await relay());
    const send = stage.keep(t, xcher("send", ...files.paths, "--relay", at.url));
    const carol = await stage.visit(t, at.url, undefined, { hash: `#${await send.out("")}` });
    await carol.manifest();
    await carol.decline();
    await carol.sees("body[data-view=home]");
    await send.err("fetched nothing");
    await send.exits(1);
  });

  test("a code expires after ten wrong attempts", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const { code } = await carol.send(files.paths);
    const wrong = code.replace(/[a-z]+$/, (word) => (word === "universe" ? "medusa" : "universe"));
    const dora = await stage.visit(t, at.url, undefined, { hash: `#${wrong}` });
    await dora.text("#receipt-state.fault", "wrong code");
    await carol.sending("waiting", "A wrong code was entered");
    for (const tries of [2, 3, 4, 5, 6, 7, 8, 9, 10]) {
      const get = xcher("get", wrong, "--yes", "-o", join(root, `${tries}`), "--relay", at.relay);
      await get.exits(5);
    }
    await carol.sending("failed", "expired after 10 wrong attempts");
    assert.equal(await carol.page.$("#sendings code"), null);
  });

  test("a stopped code is invalid", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const { code } = await carol.send(files.paths);
    await carol.page.click("#sendings [data-do=stop]");
    await carol.sending("failed", "Stopped");
    await xcher("get", code, "--yes", "-o", join(root, "none"), "--relay", at.relay).exits(3);
  });
});

/** Returns the text that a camera reads from the screen. */
async function scanned(user) {
  const picture = await user.page.waitForSelector(".qr");
  const { data, width, height } = PNG.sync.read(Buffer.from(await picture.screenshot()));
  return jsqr.default(new Uint8ClampedArray(data), width, height)?.data;
}
