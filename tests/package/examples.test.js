import assert from "node:assert/strict";
import { readFile, readdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { BROWSERS, launch } from "../browser/harness/browser.js";
import { serve } from "../browser/harness/serve.js";
import { folder } from "../browser/harness/tree.js";
import { Process, relay, xcher } from "../browser/harness/xcher.js";
import { installed } from "./installed.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
let package_;

before(async () => {
  package_ = await installed();
});

/** A file in a folder of its own. */
async function file(name, text) {
  const path = join(folder(), name);
  await writeFile(path, text);
  return path;
}

test("the bot stores offers and shares a folder, under the same key each time", async () => {
  const at = await relay();
  const [work, shared] = [folder(), dirname(await file("notes.txt", "shared by the bot"))];
  const script = join(package_.project, "node_modules/xcher/examples/bot/bot.js");
  const start = async () => {
    const bot = new Process("sh", ["-c", 'cd "$1" && exec "$2" "$3" "$4" inbox-bot inbox "$5"', "sh", work, process.execPath, script, `${at.url}/`, shared]);
    await bot.out("online as inbox-bot");
    return bot;
  };
  const bot = await start();
  const path = await file("<b> 走り.txt", "for the bot");
  for (const name of ["<b> 走り.txt", "<b> 走り (1).txt"]) {
    await xcher("send", path, "--to", "inbox-bot", "--relay", at.relay).exits();
    assert.equal(await readFile(join(work, "inbox", name), "utf8"), "for the bot");
  }
  assert.match(await bot.out("stored "), /^".+走り\.txt", 11 bytes from "/);
  const got = folder();
  await xcher("get", "inbox-bot", "notes.txt", "-o", got, "--relay", at.relay).exits();
  assert.equal(await readFile(join(got, "notes.txt"), "utf8"), "shared by the bot");
  await bot.out('sent "notes.txt"');
  const { identity } = JSON.parse(await readFile(join(work, "bot.json"), "utf8"));
  assert.equal((await stat(join(work, "bot.json"))).mode & 0o777, 0o600);
  bot.child.kill("SIGTERM");
  await bot.out("closed");
  await bot.exits();
  const again = await start();
  assert.equal(JSON.parse(await readFile(join(work, "bot.json"), "utf8")).identity, identity);
  await again.stop();
  await at.stop();
  assert.deepEqual((await readdir(join(work, "inbox"))).length, 2, "no temporary file is left");
});

for (const name of BROWSERS) {
  describe(`the app in ${name}`, () => {
    let browser;
    let server;
    let user;
    let at;

    before(async () => {
      browser = await launch(name);
      server = await serve({ "/": package_.project, "/node_modules/client-zip/": `${here("node_modules/client-zip")}/` });
      at = await relay({ args: ["--allow-origin", server.url] });
      user = await browser.user();
      const app = `${server.url}/node_modules/xcher/examples/app/index.html`;
      await user.page.goto(`${app}?${new URLSearchParams({ bridge: `${at.url}/` })}`);
    });
    after(async () => {
      await user?.close();
      await browser?.close();
      server?.stop();
      await at?.stop();
    });

    const shows = (text) => user.page.waitForFunction((text) => document.getElementById("state").textContent.includes(text), {}, text);

    test("sends files by a code", async () => {
      const input = await user.page.$("[name=files]");
      await input.uploadFile(await file("hello.txt", "from the page"));
      await user.page.click("#send button");
      await shows("Read the code");
      const code = await user.page.$eval("output", ({ value }) => value);
      const got = folder();
      await xcher("get", code, "--yes", "-o", got, "--relay", at.relay).exits();
      assert.equal(await readFile(join(got, "hello.txt"), "utf8"), "from the page");
      await shows("Delivered: 1 files.");
    });

    test("receives files by a code, and says when it is wrong", async () => {
      const path = await file("hello <b>.txt", "from the terminal");
      const sender = xcher("send", path, "--relay", at.relay);
      const code = (await sender.out(""));
      const wrong = code.replace(/[a-z]+$/, (word) => (word === "universe" ? "medusa" : "universe"));
      for (const [given, text] of [[wrong, "The code is wrong"], [code, "Received 1 files"]]) {
        await user.page.$eval("[name=code]", (input, given) => (input.value = given), given);
        await user.page.click("#receive button");
        await shows(text);
      }
      await sender.exits();
    });
  });
}
