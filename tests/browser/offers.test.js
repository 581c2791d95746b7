import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { proxy } from "./harness/proxy.js";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, same, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

/** Names that would be markup if they were not escaped. */
const HOSTILE = { "<img src=x onerror=alert(1)>": 7, "<script>alert(2)</script>.js": 9, "a&lt;b\"'.txt": 3 };

let root;
let files;
let hostile;
let big;

before(async () => {
  root = folder();
  files = await tree(join(root, "files"), { "one.txt": 31, "two.bin": 300_001 });
  big = (await tree(join(root, "big"), { "big.bin": 8 << 20 })).files[0];
  hostile = await tree(join(root, "hostile"), Object.fromEntries(
    Object.entries(HOSTILE).map(([name, size]) => [name.replace("</", "<"), size]),
  ));
});

inEachBrowser("offers", (stage) => {
  test("from a page to a terminal", async (t) => {
    const at = stage.keep(t, await relay());
    const out = join(root, stage.name, "terminal");
    const bob = stage.keep(t, terminal(at, "receive", "--yes", "--once", "-o", out));
    await bob.out("online ");
    const carol = await stage.visit(t, at.url, "carol");
    await carol.offer("bob", files.paths);
    await carol.sending("done", "2 files delivered");
    for (const file of files.files) {
      await carol.transfer(file.name, "done");
      // The offer reports files stored there, a transfer its bytes sent.
      await carol.text(`#moving li[data-name="${file.name}"]`, "sent");
      await same(join(out, file.name), file);
    }
    await carol.hangUp("bob");
    await bob.exits();
  });

  test("of a folder from a page to a terminal", async (t) => {
    // Puppeteer cannot choose a folder for an input of Firefox, which has no picker either.
    if (stage.name === "firefox") return t.skip();
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const out = join(root, stage.name, "folders");
    const bob = stage.keep(t, terminal(at, "receive", "--yes", "-o", out));
    await bob.out("online ");
    await carol.choose("bob");
    await carol.page.click("#folder-them");
    await (await carol.page.$("#offer-folder")).uploadFile(join(root, "files"));
    await carol.sending("done", "2 files delivered");
    await carol.pickHere("album", { "one.txt": "1", "raw/two.txt": "22", "none/": "" });
    await carol.page.click("#folder-them");
    await carol.sending("done", "3 files delivered");
    const all = ["album", "album/none", "album/one.txt", "album/raw", "album/raw/two.txt", "files", "files/one.txt", "files/two.bin"];
    const found = readdirSync(out, { recursive: true }).filter((name) => !name.startsWith("."));
    assert.deepEqual(found.sort(), all);
  });

  test("from a terminal to a page that accepts one of two files", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const send = stage.keep(t, terminal(at, "send", "carol", ...files.paths));
    await carol.answer("bob", true);
    const { title, names } = await carol.manifest();
    assert.deepEqual(names.sort(), ["one.txt", "two.bin"]);
    assert.equal(title, "bob offers you 2 files");
    await carol.text("#manifest-sum", "All 2 files, 293 KiB");
    await carol.text("#manifest .secrecy", "Encrypted");
    await send.err(await words(carol));
    await carol.text("#manifest-room", "There is space for them");
    assert.deepEqual(carol.files(), [], "nothing comes before it is wanted");
    await carol.accept("one.txt");
    await carol.savedAll([files.files[1]]);
    await send.err("carol declined 1 of 2 files");
    await send.exits(1);
  });

  test("a text of a terminal is read in the page, and not saved", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const text = "<b>https://example.org/</b>";
    const send = stage.keep(t, terminal(at, "send", "--to", "carol", "--text", text));
    await carol.answer("bob", true);
    assert.deepEqual((await carol.manifest()).names, ["message.txt"]);
    await carol.accept();
    await carol.text("#messages .message p", "bob has sent a message");
    await carol.text("#messages .message [data-is=text]", text);
    await send.err("the peer has received the text");
    await send.exits(0);
    assert.deepEqual(carol.files(), []);
  });

  test("from a terminal to a page that declines", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    for (const how of ["the button", "Escape"]) {
      const send = stage.keep(t, terminal(at, "send", "carol", ...files.paths));
      await carol.answer("bob", true);
      await carol.manifest();
      if (how === "Escape") await carol.page.keyboard.press("Escape");
      else await carol.decline();
      await send.err("carol declined 2 of 2 files");
      await send.exits(1);
    }
    assert.deepEqual(carol.files(), []);
    assert.equal(await carol.page.$("#moving li"), null);
  });

  test("from page to page, and back in the same session", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const dora = await stage.visit(t, at.url, "dora");
    await carol.offer("dora", files.paths);
    await dora.answer("carol", true);
    await dora.manifest();
    await carol.sending("open", "Waiting for dora to accept");
    await dora.accept();
    await dora.savedAll(files.files);
    await carol.sending("done", "2 files delivered");
    await dora.offer("carol", [files.paths[0]]);
    assert.equal((await carol.manifest()).title, "dora offers you 1 file");
    await carol.decline();
    await dora.sending("failed", "1 file declined");
  });

  test("words the reason of a missing file in the language of the page", async (t) => {
    const at = stage.keep(t, await relay());
    const through = stage.keep(t, await proxy(at.url));
    const carol = await stage.visit(t, at.url, "carol");
    const dora = await stage.visit(t, through.url, "dora");
    await carol.page.select("#language", "de");
    await carol.offer("dora", [big.path]);
    await dora.answer("carol", true);
    await dora.manifest();
    const stalled = through.stallAfter(1 << 20);
    await dora.accept();
    await stalled;
    await dora.cancel("big.bin");
    through.resume();
    await carol.sending("failed", "Es fehlt: big.bin: dort abgebrochen.");
    await dora.home();
    await carol.choose("dora");
    await carol.hangUp("dora");
    await carol.home();
    await carol.choose("dora");
    await dora.answer("carol", false);
    await carol.text("#peer-state", "Der Anruf wurde abgelehnt.");
  });

  test("shows names as text, never as markup", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const send = stage.keep(t, terminal(at, "send", "carol", ...hostile.paths));
    await carol.answer("bob", true);
    const { names } = await carol.manifest();
    assert.deepEqual(names.sort(), hostile.files.map(({ name }) => name).sort());
    for (const name of names) await carol.text("#manifest-list", name);
    await carol.noMarkup(["#manifest img", "#manifest script"]);
    await carol.decline();
    await send.exits(1);
  });

  test("marks names that the folder has already", async (t) => {
    if (stage.name === "firefox") return t.skip("Firefox has no File System Access");
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol", { picker: true });
    await carol.pickInStore();
    for (const round of [1, 2]) {
      const send = stage.keep(t, terminal(at, "send", "carol", ...files.paths));
      await carol.answer("bob", true);
      await carol.manifest();
      if (round === 1) {
        await carol.page.click("#manifest-folder");
        await carol.text("#manifest-place", "Into your folder");
        await carol.accept("two.bin");
        await send.exits(1);
        await carol.transfer("one.txt", "done");
      } else {
        await carol.text("#manifest-taken", "1 name taken there");
        await carol.text("#manifest-list li[data-name='one.txt'] .mark", "name taken");
        await carol.accept();
        await send.exits();
      }
    }
    // The terminal is done once the last byte is sent.
    await carol.page.waitForFunction(() => document.querySelectorAll("#moving [data-state=done]").length === 3);
    const digests = await carol.chosenFolder();
    const [one, two] = files.files;
    assert.deepEqual(digests, { "one.txt": one.hash, "one (1).txt": one.hash, "two.bin": two.hash });
  });

  test("withdraws an offer when its session ends", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const send = stage.keep(t, terminal(at, "send", "carol", ...files.paths));
    await carol.answer("bob", true);
    await carol.manifest();
    await send.stop();
    await carol.text("#notices", "bob has disconnected: the offer is withdrawn");
    await carol.page.waitForSelector("#manifest:not([open])");
  });

  function terminal(at, command, ...args) {
    return xcher(command, ...args, "--nick", "bob", "--relay", at.relay);
  }

  async function words(user) {
    await user.page.waitForSelector("#manifest .words");
    return user.page.$eval("#manifest .words", (words) => words.textContent);
  }
});
