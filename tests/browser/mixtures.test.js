/**
 * Sends random folders by a code from a terminal to the page's downloads or a folder that it picks, and from
 * the page to a terminal, and compares them byte for byte.
 *
 * XCHER_MIXTURES=n runs n mixtures in each direction; XCHER_MIXTURE=seed repeats one.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { entries } from "./harness/archive.js";
import { folder } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";
import { random } from "../../wasm/npm/test/random.js";

const MIXTURES = Number(process.env.XCHER_MIXTURES ?? 3);
/** The most bytes of a file. */
const MOST = 4 << 20;
/** Names that a browser does not change, in a folder and as a download. */
const NAMES = [
  "plain.txt", "träd/sjö och skog", "日本/走り.mkv", "x NO", "X_CHK y YES", "it's", "deep/er/and/deeper", "🎉", "1",
  "می\u200cخواهم", "क\u094d\u200dष", "👩\u200d👩\u200d👧/👩🏽\u200d🚀", "EOF",
];

/** Returns random names and contents; rarely many, because each download takes a browser some time. */
function files(rng, most) {
  const count = [1 + rng(12), 1 + rng(12), 1 + rng(most)][rng(3)];
  const all = new Map();
  let left = MOST;
  for (let number = 0; number < count; number += 1) {
    const length = [0, 1 + rng(2000), rng(100_000), (256 << 10) - 1 + rng(3), 300_000 + rng(2 << 20)][rng(5)];
    const size = Math.min(length, left);
    left -= size;
    all.set(`${number % 4}/${number} ${NAMES[rng(NAMES.length)]}`, Buffer.alloc(size, `${number} ${rng(1 << 30)}`));
  }
  return all;
}

function write(root, all) {
  for (const [name, content] of all) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
}

/** Returns the files below a folder, except partial ones. */
function read(root) {
  const all = new Map();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const at = join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isFile()) all.set(relative(root, at), readFileSync(at));
  }
  return all;
}

function same(got, expected) {
  assert.deepEqual([...got.keys()].sort(), [...expected.keys()].sort());
  for (const [name, content] of got) assert.ok(content.equals(expected.get(name)), `other bytes in ${name}`);
}

inEachBrowser("random folders", (stage) => {
  const CHROMIUM = { folder: toFolder, share: toTerminal };
  const WAYS = { downloads: toDownloads, code: codeToTerminal, ...(stage.name === "chromium" ? CHROMIUM : {}) };
  const first = Number(process.env.XCHER_MIXTURE ?? Date.now() % 2 ** 31);
  // Firefox takes longer, and puppeteer cannot pick folders there.
  const count = process.env.XCHER_MIXTURE || stage.name === "firefox" ? 1 : MIXTURES;
  for (let seed = first; seed < first + count; seed += 1) {
    for (const to of Object.keys(WAYS)) {
      test(`XCHER_MIXTURE=${seed}: ${to}`, async (t) => {
        const rng = random(seed);
        const at = stage.keep(t, await relay());
        const root = folder();
        const all = files(rng, to === "downloads" ? 40 : 300);
        write(join(root, "s"), all);
        await WAYS[to](t, at, root, all);
      });
    }
  }

  /** Opens the link of a code by which a terminal sends the folder. */
  async function taking(t, at, root, options) {
    const sender = stage.keep(t, xcher("send", join(root, "s"), "--no-qr", "--relay", at.relay));
    const code = await sender.out("");
    const carol = await stage.visit(t, at.url, undefined, { hash: `#${code}`, ...options });
    await carol.manifest();
    if (options.picker) await carol.pickInStore();
    await carol.accept();
    try {
      await sender.exits();
    } catch (error) {
      throw new Error(`${error.message}\nthe page: ${await carol.story()}`);
    }
    return carol;
  }

  async function toDownloads(t, at, root, all) {
    const carol = await taking(t, at, root, {});
    if (all.size > 1) {
      const digests = [...all.values()].map((content) => createHash("sha256").update(content).digest("hex"));
      const found = entries(await carol.user.savedArchive("s.zip"));
      assert.deepEqual(found.map(({ hash }) => hash).sort(), digests.sort());
      // Others are made harmless.
      const plain = [...all.keys()].map((name) => `s/${name}`).filter((name) => /^[\p{L}\p{N}/_-]+(\.[\p{L}\p{N}]+)?$/u.test(name));
      const names = new Set(found.map(({ name }) => name));
      for (const name of plain) assert.ok(names.has(name) || /^s\/.*(con|nul|aux|prn)/i.test(name), `${name} is in the archive`);
      return;
    }
    await carol.user.savedCount(all.size);
    const expected = [...all].map(([name, content]) => [saved(carol, name), content]);
    same(read(carol.downloads), new Map(expected));
  }

  async function toFolder(t, at, root, all) {
    const carol = await taking(t, at, root, { picker: true });
    const digest = (content) => createHash("sha256").update(content).digest("hex");
    // A single file is saved under its own name.
    const name = (name) => (all.size > 1 ? `s/${name}` : name.split("/").pop());
    const expected = Object.fromEntries([...all].map(([called, content]) => [name(called), digest(content)]));
    assert.deepEqual(await carol.chosenFolder(), expected);
  }

  async function toTerminal(t, at, root, all) {
    const carol = await stage.visit(t, at.url, "carol");
    await carol.shareFolder(join(root, "s"));
    const out = join(root, "out");
    const get = stage.keep(t, xcher("get", "carol", "--all", "--hidden", "-o", out, "--relay", at.relay));
    await carol.answer(undefined, true);
    await get.exits();
    same(read(join(out, "s")), all);
  }

  /** Files that were chosen one by one have no folders. */
  async function codeToTerminal(t, at, root, all) {
    const flat = new Map([...all].slice(0, 60).map(([name, content]) => [name.replaceAll("/", " "), content]));
    write(join(root, "flat"), flat);
    const carol = await stage.visit(t, at.url, "carol");
    const { code } = await carol.send([...flat.keys()].map((name) => join(root, "flat", name)));
    const out = join(root, "out");
    await stage.keep(t, xcher("get", code, "--yes", "-o", out, "--relay", at.relay)).exits();
    await carol.sending("done", "delivered");
    same(read(out), flat);
  }

  /** A file among others has its folders in the name of its download. */
  const saved = (carol, name) => carol.user.savedAs(name.split("/").pop());
});
