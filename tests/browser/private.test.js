import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { BasePeer } from "./harness/base_peer.js";
import { visit } from "./harness/page_user.js";
import { folder, NAMES, same, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

let root;
let files;

before(async () => {
  root = folder();
  files = await tree(join(root, "files"), NAMES);
});

inEachBrowser("the page shows whether a session is encrypted", (stage) => {
  test("encrypted between two pages, with the same words on both and verified files", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const dora = await stage.visit(t, at.url, "dora");
    await dora.share(files.paths);
    await carol.open("dora");
    await dora.answer("carol", true);
    await carol.listed();
    const words = await carol.safetyWords();
    await carol.text("#secrecy", "seen for the first time");
    await carol.text("#people li[data-name=dora] .mark", "Encrypted");
    await dora.open("carol");
    assert.equal(await dora.safetyWords(), words);
    await dora.text("#secrecy", "because they called you");
    await carol.getAll();
    await carol.savedAll(files.files);
    for (const { name } of files.files) {
      await carol.transfer(name, "packed");
      await carol.text(`#moving li[data-name="${name}"] .mark`, "verified");
    }
    await carol.hangUp("dora");
    // After a reload, their keys are pinned.
    await carol.home();
    await carol.open("dora");
    await dora.answer("carol", true);
    await carol.text("#secrecy", "the same as before");
  });

  test("encrypted with the code in the link", async (t) => {
    const at = stage.keep(t, await relay());
    const send = stage.keep(t, xcher("send", ...files.paths, "--relay", at.url));
    const code = await send.out("");
    const carol = await stage.visit(t, at.url, "carol");
    await carol.open(code);
    await carol.text("#manifest .secrecy", "confirmed by the code");
    await carol.text("#receipt-secrecy", "confirmed by the code");
    await carol.accept();
    await carol.savedAll(files.files);
    await send.exits();
  });

  test("encrypted between a page and a terminal", async (t) => {
    const at = stage.keep(t, await relay());
    const share = stage.keep(t, xcher("share", ...files.paths, "--nick", "bob", "--relay", at.relay));
    await share.out("online ");
    const carol = await stage.visit(t, at.url, "carol");
    await carol.open("bob");
    await carol.listed();
    await share.err(await carol.safetyWords());
    const [file] = files.files;
    await carol.get(file.name);
    await same(await carol.saved(file), file);
    await carol.text("#moving .mark", "verified");
  });

  test("unencrypted with a base-protocol peer", async (t) => {
    const at = stage.keep(t, await relay());
    const sven = stage.keep(t, await BasePeer.at(at.relay, "sven"));
    const carol = await stage.visit(t, at.url, "carol");
    await carol.open("sven");
    const session = await sven.called(files.files);
    await carol.listed();
    await carol.sees("#secrecy", { is: "plain" });
    await carol.text("#secrecy", "Unencrypted");
    await carol.text("#people li[data-name=sven] .mark", "Unencrypted");
    const [file] = files.files;
    await carol.get(file.name);
    await carol.transfer(file.name, "done");
    assert.equal(await carol.page.$("#moving .mark"), null);
    assert.deepEqual(session.lines.filter((line) => line.startsWith("X_CHK")), ["X_CHK //xcher/2"]);
    await carol.hangUp("sven");
    await session.over();
    await carol.page.waitForSelector("#secrecy", { hidden: true });
  });

  test("refuses a changed key until the old one is forgotten", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const dora = await visit(stage.browser, at.url, "dora");
    await carol.open("dora");
    await dora.answer("carol", true);
    await carol.listed();
    await carol.text("#known li", "dora", { hidden: true });
    await dora.close();
    await carol.home();
    await carol.leftOnline("dora");
    // Another browser has another key.
    const other = await stage.visit(t, at.url, "dora");
    await other.share(files.paths);
    await carol.open("dora");
    await other.answer("carol", true);
    await carol.sees("#secrecy", { is: "stopped" });
    await carol.text("#secrecy", "has another key than before");
    assert.deepEqual(await carol.page.$$("#list li"), []);
    await other.open("carol");
    await carol.answer("dora", true);
    await carol.text("#notices", "A call from dora was refused");
    await carol.forget("#secrecy");
    await other.answer("carol", true);
    await carol.listed();
    await carol.sees("#secrecy", { is: "private" });
    await carol.getAll();
    await carol.savedAll(files.files);
  });

  test("two tabs that open at the same time share a key", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url);
    const tabs = [carol.page, await carol.page.browserContext().newPage()];
    await tabs[1].goto(at.url);
    // From the sources, because the page has it bundled in the worker.
    const kept = await readFile(new URL("../../wasm/npm/key_store.js", import.meta.url), "utf8");
    const ask = `(async () => {
      ${kept.replaceAll(/^export /gm, "")}
      return (await identity()).join();
    })()`;
    const secrets = await Promise.all(tabs.map((tab) => tab.evaluate(ask)));
    assert.equal(secrets[0], secrets[1]);
    assert.equal(secrets[0].split(",").length, 32);
    await tabs[1].close();
    await carol.page.bringToFront();
    await carol.join("carol");
    await carol.online();
    const key = await carol.ownKey();
    await carol.page.reload();
    await carol.online();
    assert.equal(await carol.ownKey(), key);
  });

  test("a page of another origin has another key and no pinned ones", async (t) => {
    const [at, elsewhere] = [stage.keep(t, await relay()), stage.keep(t, await relay())];
    const carol = await stage.visit(t, at.url, "carol");
    const dora = await stage.visit(t, at.url, "dora");
    await carol.open("dora");
    await dora.answer("carol", true);
    await carol.listed();
    // Imitates a page served from there.
    const kept = await readFile(new URL("../../wasm/npm/key_store.js", import.meta.url), "utf8");
    const ask = `(async () => {
      ${kept.replaceAll(/^export /gm, "")}
      return { secret: (await identity()).join(), known: (await keptPeers.list()).map(({ nick }) => nick) };
    })()`;
    const tab = await carol.page.browserContext().newPage();
    await tab.goto(elsewhere.url);
    const there = await tab.evaluate(ask);
    await tab.goto(at.url);
    const here = await tab.evaluate(ask);
    await tab.close();
    assert.equal(here.secret.split(",").length, 32);
    assert.notEqual(there.secret, here.secret);
    assert.deepEqual([there.known, here.known], [[], ["dora"]]);
  });

  test("lists pinned keys after a reload, and forgets them", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const key = await carol.ownKey();
    assert.match(key, /^[A-Za-z0-9+/]{43}=$/);
    const dora = await stage.visit(t, at.url, "dora");
    await carol.open("dora");
    await dora.answer("carol", true);
    await carol.listed();
    await carol.home();
    await carol.page.reload();
    await carol.online();
    await carol.knownPeople();
    await carol.text("#known li", "dora");
    assert.equal(await carol.ownKey(), key);
    await carol.forget("#known li[data-name=dora]");
    await carol.text("#none-known", "None");
  });
});
