/**
 * Combines a page with every kind of host, path, caller and requester. Checks the outcome, and what the page
 * shows about encryption. `tests/matrix.rs` has the pairs without a page.
 */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { BasePeer } from "./harness/base_peer.js";
import { folder, same, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const KINDS = ["seed", "plain", "whole", "page"];
const WAYS = ["direct", "bridge"];
const CALLERS = ["page", "other"];
/** Roles: the caller is A. */
const REQUESTERS = ["A", "B"];

const PLAIN = "’s program does not support encryption: anyone who can watch";
const PRIVATE = "you can read the names and the files. Their key is ";

let root;
let files;

before(async () => {
  root = folder();
  files = await tree(join(root, "files"), { "träd 日本.bin": 300_001, "a YES": 77 });
});

/** Yields every possible combination. */
function* cells() {
  let number = 0;
  for (const kind of KINDS) for (const way of WAYS) for (const caller of CALLERS) for (const by of REQUESTERS) {
    // The base protocol has no bridge, and only A requests; a page can be reached only through a bridge.
    const can = kind === "seed" ? way === "direct" && by === "A" : kind !== "page" || way === "bridge";
    if (can) yield { kind, way, caller, by, number: (number += 1) };
  }
}

inEachBrowser("the matrix", (stage) => {
  let at;
  let met = 0;

  before(async () => {
    at = await relay();
  });
  after(() => at.stop());

  for (const cell of cells()) {
    const { kind, way, caller, by } = cell;
    const who = caller === "page" ? `a page calls ${kind}` : `${kind} calls a page`;
    // B requests offered files; unencrypted sessions have no offers.
    const what = by === "A" ? "A requests" : kind === "plain" ? "A cannot offer" : "B requests";
    test(`${who}, ${way}, and ${what}`, async (t) => {
      await meet(t, cell);
      met += 1;
    });
  }

  test("every combination is tested", () => assert.deepEqual([met, [...cells()].length], [22, 22]));

  /** Runs one combination. */
  async function meet(t, { kind, way, caller, by, number }) {
    const nick = `${kind}-${number}`;
    const me = `carol-${number}`;
    const page = await stage.visit(t, at.url, me);
    const out = join(root, stage.name, nick);
    mkdirSync(out, { recursive: true });
    const play = { seed, plain: terminal, whole: terminal, page: other }[kind];
    await play({ t, kind, way, page, me, nick, out, calls: caller === "page", asks: by === "A" });
  }

  async function seed({ t, page, me, nick, calls }) {
    const sven = stage.keep(t, await BasePeer.at(at.relay, nick));
    let session;
    if (calls) {
      await page.open(nick);
      session = await sven.called(files.files);
      await fetched(page, false);
    } else {
      await page.share(files.paths);
      const call = await sven.calling(me);
      await page.answer(nick, true);
      session = await call.answered();
      const list = await session.list();
      assert.deepEqual(list.map(({ name }) => name).sort(), names());
      for (const file of files.files) {
        const got = await session.request(file);
        assert.deepEqual([got.size, got.hash, got.over], [file.size, file.hash, "closed"]);
        await page.transfer(file.name, "done");
      }
      await page.text(`#people li[data-name="${nick}"] .mark`, "Unencrypted");
      await page.open(nick);
      await page.listed();
    }
    await says(page, "plain", PLAIN);
    if (calls) await page.hangUp(nick);
    else session.end();
    await session.over();
    // It fails at anything beyond the base protocol. A host that it calls sends nothing before its first
    // packet, and then does not probe it.
    const { lines } = session;
    if (calls) assert.equal(lines.shift(), "X_CHK //xcher/2");
    for (const line of lines) assert.match(line, /^X_(FILELIST|REQUEST|CHK|END)\b(?!.*xcher)/);
    const requests = lines.filter((line) => line.startsWith("X_REQUEST "));
    assert.equal(requests.length, calls ? files.files.length : 0);
  }

  async function terminal({ t, kind, way, page, me, nick, out, calls, asks }) {
    const plain = kind === "plain";
    const by = way === "direct" ? [at.relay] : [`${at.url.replace("http", "ws")}/xcher`, "--via", "bridge"];
    const run = (...args) =>
      stage.keep(t, xcher(...args, "--nick", nick, ...(plain ? ["--plain"] : []), "--relay", ...by));
    const told = plain ? "the session is not encrypted: --plain" : "the session is encrypted: key ";
    const [is, why] = plain ? ["plain", PLAIN] : ["private", PRIVATE];
    let bob;
    if (calls && asks) {
      bob = run("share", ...files.paths);
      await bob.out("online ");
      await page.open(nick);
      await fetched(page, !plain);
      await says(page, is, why);
      if (!plain) await bob.err(await page.safetyWords());
    } else if (calls) {
      bob = run("receive", "--yes", "--once", "-o", out);
      await bob.out("online ");
      await page.offer(nick, files.paths);
      if (plain) await page.sending("failed", "does not support encryption");
      else await page.sending("done", "2 files delivered");
      await page.open(nick);
      await page.listed();
      await says(page, is, why);
      await page.hangUp(nick);
      await bob.exits(0);
      await arrived(out, plain ? [] : files.files);
    } else if (asks) {
      await page.share(files.paths);
      // The text is recorded, because the session may end before the test looks.
      await page.open(nick);
      await page.text("#peer-state.fault", nick);
      const seen = await page.remembers("#secrecy");
      bob = run("get", me, "--all", "-o", out);
      await page.answer(nick, true);
      await bob.exits();
      await arrived(out, files.files);
      await page.sees("#moving li", { way: "up", state: "done" });
      await seen(why);
    } else if (plain) {
      bob = run("send", me, ...files.paths);
      await bob.err("an offer needs an encrypted session; leave out --plain");
      await bob.exits(2);
      // That was before any call, so the next requester's is the first.
      assert.equal(await page.page.$("#call[open]"), null);
      await page.open(nick);
      await page.text("#peer-state.fault", nick);
      const seen = await page.remembers("#secrecy");
      bob = run("ls", me);
      await page.answer(nick, true);
      assert.deepEqual(await bob.exits(), []);
      await seen(why);
      assert.deepEqual(page.files(), []);
      assert.equal(await page.page.$("#manifest[open]"), null);
    } else {
      bob = run("send", me, ...files.paths);
      await page.answer(nick, true);
      assert.deepEqual((await page.manifest()).names.sort(), names());
      await page.text("#manifest .secrecy", why);
      await page.accept();
      await page.savedAll(files.files);
      await verified(page);
      await bob.exits();
    }
    await bob.err(told);
  }

  /** Opens another page in this browser as another user. */
  async function other({ t, page, me, nick, calls, asks }) {
    const dora = await stage.visit(t, at.url, nick);
    const [a, b] = calls ? [page, dora] : [dora, page];
    const [an, bn] = calls ? [me, nick] : [nick, me];
    if (asks) {
      await b.share(files.paths);
      await a.open(bn);
      await b.answer(an, true);
      await fetched(a, true);
    } else {
      await a.offer(bn, files.paths);
      await b.answer(an, true);
      assert.deepEqual((await b.manifest()).names.sort(), names());
      await b.text("#manifest .secrecy", PRIVATE);
      await b.accept();
      await b.savedAll(files.files);
      await verified(b);
      await a.sending("done", "2 files delivered");
      await a.open(bn);
    }
    await says(a, "private", `${PRIVATE}`);
    await b.open(an);
    await says(b, "private", "because they called you");
    assert.equal(await a.safetyWords(), await b.safetyWords());
  }
});

const names = () => files.files.map(({ name }) => name).sort();

/** Checks that all files are listed, received, and verified if possible. */
async function fetched(page, isPrivate) {
  assert.deepEqual(await page.listed(), names());
  await page.getAll();
  await page.savedAll(files.files);
  if (isPrivate) return verified(page);
  for (const name of names()) await page.transfer(name, "done");
  assert.equal(await page.page.$("#moving .mark"), null);
}

async function verified(page) {
  for (const name of names()) await page.text(`#moving li[data-name="${name}"] .mark`, "verified");
}

/** Checks what the page shows about encryption. */
async function says(page, is, why) {
  await page.sees("#secrecy", { is });
  await page.text("#secrecy", is === "plain" ? "Unencrypted" : "Encrypted");
  await page.text("#secrecy", why);
}

/** Checks that these files were received and no others. */
async function arrived(out, files) {
  assert.deepEqual(readdirSync(out).sort(), files.map(({ name }) => name).sort());
  for (const file of files) await same(join(out, file.name), file);
}
