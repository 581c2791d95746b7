import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const TEXT = "<b>https://example.org/?a=1&b=2</b> grüß";

let root;
let files;

before(async () => {
  root = folder();
  files = await tree(join(root, "files"), { "one.txt": 31 });
});

inEachBrowser("texts", (stage) => {
  test("from page to page, each asked once and nothing saved", async (t) => {
    const { carol, dora } = await two(t);
    await carol.write("dora", TEXT);
    await carol.text("#sendings li", "1 text");
    await dora.answer("carol", true);
    assert.equal((await dora.manifest()).title, "carol offers you 1 text");
    await dora.accept();
    await dora.reads("carol", TEXT);
    await dora.noMarkup(["#messages b"]);
    await carol.sending("done", "1 text delivered");
    await dora.page.bringToFront();
    await dora.choose("carol");
    await dora.page.click("#text-them");
    await dora.compose("and back");
    await carol.manifest();
    await carol.decline();
    await dora.sending("failed", "1 text declined");
    assert.deepEqual([carol.files(), dora.files()], [[], []]);
  });

  test("a pasted text is shown, then sent to the person whose view is open", async (t) => {
    const { carol, dora } = await two(t);
    await paste(carol, "body", TEXT);
    assert.equal(await carol.page.$eval("#code", (field) => field.value), TEXT, "the first screen takes a code");
    await carol.choose("dora");
    await dora.answer("carol", true);
    await carol.listed();
    await paste(carol, "body", TEXT);
    await carol.page.waitForSelector("#compose[open]");
    assert.equal(await carol.page.$eval("#compose-text", (field) => field.value), TEXT);
    assert.equal(await carol.page.$("#sendings li"), null, "nothing is sent before it is seen");
    await carol.page.keyboard.press("Enter");
    await dora.manifest();
    await dora.accept();
    await dora.reads("carol", TEXT);
    await carol.sending("done", "1 text delivered");
  });

  test("a text that is too long is not sent, and one that is closed neither", async (t) => {
    const { carol } = await two(t);
    await carol.choose("dora");
    await paste(carol, "body", "ä".repeat((1 << 15) + 1));
    await carol.page.waitForSelector("#compose[open]");
    await carol.page.keyboard.press("Enter");
    await carol.text("#compose-why", "longer than 64 KiB");
    await carol.page.keyboard.press("Escape");
    await carol.page.waitForSelector("#compose:not([open])");
    assert.equal(await carol.page.$("#sendings li"), null);
  });

  test("by a code, to a page and to a terminal", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url);
    const dora = await stage.visit(t, at.url);
    const link = await coded(carol, "first line\nsecond line");
    await dora.page.goto(link);
    await dora.page.reload();
    assert.equal((await dora.manifest()).title, "You can receive 1 text");
    await dora.accept();
    assert.equal(await dora.received(), "1 text received ✓");
    await dora.text("#receipt-state", "At the top of this page");
    await dora.text("#messages .message [data-is=text]", "second line");
    await carol.sending("done", "1 text delivered");
    const get = stage.keep(t, xcher("get", await coded(carol, "third"), "--yes"));
    assert.ok((await get.exits()).includes("third"));
    assert.deepEqual(dora.files(), []);
  });

  test("a text and a file go by one code", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url);
    const dora = await stage.visit(t, at.url);
    await (await carol.page.$("#send-files")).uploadFile(...files.paths);
    const link = await coded(carol, TEXT);
    await carol.text("#sendings li", "1 file, 1 text");
    await dora.page.goto(link);
    await dora.page.reload();
    assert.equal((await dora.manifest()).title, "You can receive 1 file, 1 text");
    await dora.accept();
    assert.equal(await dora.received(), "1 file, 1 text received ✓");
    await dora.text("#messages .message [data-is=text]", TEXT);
    await dora.savedAll(files.files);
  });

  test("from a terminal's code to a page", async (t) => {
    const at = stage.keep(t, await relay());
    const send = stage.keep(t, xcher("send", "--text", TEXT, "--relay", `${at.url}/`));
    const code = (await send.out("")).trim();
    const dora = await stage.visit(t, at.url);
    await dora.receive(code);
    assert.equal((await dora.manifest()).title, "You can receive 1 text");
    assert.equal(await dora.page.$eval("#manifest-place", (place) => place.textContent), "", "a text has no place");
    await dora.accept();
    await dora.text("#messages .message [data-is=text]", TEXT);
    assert.equal(await dora.received(), "1 text received ✓");
    await send.exits();
    assert.deepEqual(dora.files(), []);
  });

  async function two(t) {
    const at = stage.keep(t, await relay());
    const [carol, dora] = [await stage.visit(t, at.url, "carol"), await stage.visit(t, at.url, "dora")];
    // A hidden tab does not update its list.
    await carol.page.bringToFront();
    await carol.sees("#people li", { name: "dora" });
    return { carol, dora };
  }

  /** Creates a code for a text and what is chosen already. Returns its link. */
  async function coded(user, text) {
    await user.page.click("#send-text");
    await user.compose(text);
    await user.page.waitForSelector("#compose:not([open])");
    return (await user.send([])).link;
  }

  /** Pastes a text, as browsers do for their users: Firefox hides that of an event by a script. */
  const paste = (user, selector, text) =>
    user.page.$eval(selector, (target, text) => {
      const event = new Event("paste", { bubbles: true, cancelable: true });
      Object.defineProperty(event, "clipboardData", { value: { files: [], getData: () => text } });
      target.dispatchEvent(event);
    }, text);
});
