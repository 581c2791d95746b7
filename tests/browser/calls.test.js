import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { BasePeer } from "./harness/base_peer.js";
import { folder, same, tree } from "./harness/tree.js";
import { PATIENCE } from "./harness/waiting.js";
import { relay, xcher } from "./harness/xcher.js";

let root;
let file;

before(async () => {
  root = folder();
  [file] = (await tree(join(root, "shared"), { "a file.txt": 1_234 })).files;
});

inEachBrowser("the page", (stage) => {
  test("connects to the nick in the link", async (t) => {
    const at = stage.keep(t, await relay());
    const nick = "Ærlig-走り";
    const share = stage.keep(t, xcher("share", file.path, "--nick", nick, "--relay", at.relay));
    await share.out("online ");
    const carol = await stage.visit(t, at.url, "carol", { hash: `#${encodeURIComponent(nick)}` });
    assert.deepEqual(await carol.listed(), [file.name]);
    await carol.text("#peer-title", nick);
    await carol.getAll();
    await carol.savedAll([file]);
    // A returning user does not enter the nick again.
    await carol.page.reload();
    assert.deepEqual(await carol.listed(), [file.name]);
  });

  test("reports that the nick in the link is not online", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol", { hash: "#nobody" });
    await carol.text("#peer-state.fault", "nobody");
    await carol.text("#again", "Reload");
    await carol.page.evaluate(() => (location.hash = "%E0%A4%A"));
    await carol.sees("body[data-view=home]");
  });

  test("declines a call and accepts the next", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    await carol.share([file.path]);
    const declined = stage.keep(t, get(at, "bob"));
    await carol.answer("bob", false);
    await declined.err("carol declined the call");
    await declined.exits(1);
    const taken = stage.keep(t, get(at, "bob"));
    await carol.answer("bob", true);
    await taken.exits();
    await same(join(root, stage.name, "bob", file.name), file);
  });

  test("asks about two simultaneous calls one after the other", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    await carol.share([file.path]);
    const sven = stage.keep(t, await BasePeer.at(at.relay, "sven"));
    const first = await sven.calling("carol");
    await carol.asked("sven");
    const bob = stage.keep(t, get(at, "bob-2"));
    await carol.answer("sven", true);
    const session = await first.answered();
    await carol.answer("bob-2", true);
    await bob.exits();
    assert.equal((await session.request(file)).hash, file.hash);
  });

  test("asks about a call that comes while another is answered, and tells both answers", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    await carol.share([file.path]);
    for (const yes of [true, false]) {
      const [first, second] = yes ? ["sven", "erin"] : ["dora", "finn"];
      const [one, two] = await Promise.all([first, second].map((nick) => BasePeer.at(at.relay, nick)));
      [one, two].forEach((peer) => stage.keep(t, peer));
      const answered = await one.calling("carol");
      await carol.asked(first);
      // The page is busy until the call is there, and then closes the dialog before it handles anything else.
      const busy = carol.page.evaluate((value) => {
        const end = performance.now() + 1500;
        while (performance.now() < end);
        document.querySelector(`#call [value=${value}]`).click();
      }, yes ? "yes" : "no");
      const next = await two.calling("carol");
      await busy;
      await carol.answer(second, true);
      assert.equal(await (await next.answered()).check(file.name), true);
      if (yes) assert.equal(await (await answered.answered()).check(file.name), true);
      else answered.stop();
    }
  });

  test("stops asking about a call when the caller gives up", async (t) => {
    if (stage.name === "firefox") return t.skip("it takes 30 s and does not depend on the browser");
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    const sven = stage.keep(t, await BasePeer.at(at.relay, "sven"));
    const call = await sven.calling("carol");
    t.after(() => call.stop());
    await carol.asked("sven");
    await carol.page.waitForSelector("#call:not([open])", { timeout: 2 * PATIENCE });
    await carol.share([file.path]);
    const bob = stage.keep(t, get(at, "bob-5"));
    await carol.answer("bob-5", true);
    await bob.exits();
  });

  test("accepts every call when set not to ask", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    await carol.share([file.path]);
    await carol.page.click("#ask");
    await get(at, "bob-3").exits();
    await same(join(root, stage.name, "bob-3", file.name), file);
  });

  test("stops sharing a file", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await stage.visit(t, at.url, "carol");
    await carol.share([file.path]);
    const sven = stage.keep(t, await BasePeer.at(at.relay, "sven"));
    const call = await sven.calling("carol");
    await carol.answer("sven", true);
    const session = await call.answered();
    assert.equal(await session.check(file.name), true);
    await carol.stopSharing(file.name);
    await carol.page.waitForFunction(() => !document.querySelector("#shares li"));
    assert.equal(await session.check(file.name), false);
    assert.equal((await session.request(file)).refused, true);
    assert.deepEqual(await session.list(), []);
  });

  test("reports a taken nick and accepts another", async (t) => {
    const at = stage.keep(t, await relay());
    stage.keep(t, await BasePeer.at(at.relay, "carol"));
    const dora = await stage.visit(t, at.url, "carol", { online: false });
    await dora.text("#join-why", "carol");
    await dora.join("dora");
    await dora.online();
    await dora.choose("carol");
  });

  test("requires the bridge's token", async (t) => {
    const tokens = join(root, `${stage.name}.token`);
    writeFileSync(tokens, "open sesame/ü".replaceAll(/[^!-~]/g, "-"));
    const at = stage.keep(t, await relay({ args: ["--token-file", tokens] }));
    const carol = await stage.visit(t, at.url);
    // Browsers log it.
    carol.expect(/status of 401/);
    await carol.enterToken("open-says-me");
    await carol.text("#token-why", "token");
    await carol.join("carol", "open-sesame/-");
    await carol.online();
    await carol.share([file.path]);
    const bob = stage.keep(t, get(at, "bob-4"));
    await carol.answer("bob-4", true);
    await bob.exits();
  });

  /** Starts a terminal that fetches all of carol's files into a folder named by its nick. */
  function get(at, nick, ...args) {
    const out = join(root, stage.name, nick);
    return xcher("get", "carol", "--all", "-o", out, "--nick", nick, "--relay", at.relay, ...args);
  }
});
