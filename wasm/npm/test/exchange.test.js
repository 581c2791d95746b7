import assert from "node:assert/strict";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { bytes, folder, next, peer, relay, run, share } from "./system.js";

const FILES = {
  "a b.txt": Buffer.from("hello"),
  "träd/日本.bin": Buffer.alloc(3_000_000, "0123456789abcdef"),
  empty: Buffer.alloc(0),
  "a YES": Buffer.alloc(70_000, "y"),
};

async function tree(path) {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const read = async (entry) => {
    const at = join(entry.parentPath ?? entry.path, entry.name);
    return [at.slice(path.length + 1), await readFile(at)];
  };
  return Object.fromEntries(await Promise.all(files.map(read)));
}

async function write(path) {
  await mkdir(join(path, "träd"), { recursive: true });
  for (const [name, content] of Object.entries(FILES)) await writeFile(join(path, name), content);
}

async function fetchAll(session) {
  const downloads = [];
  for await (const file of session.list()) downloads.push(session.get(file));
  const got = await Promise.all(
    downloads.map(async (download) => [download.name, await bytes(download.readable)]),
  );
  await Promise.all(downloads.map((download) => download.done));
  return Object.fromEntries(got);
}

test("fetches several files at once from a terminal, byte for byte", async (t) => {
  const bridge = await relay(t);
  const path = await folder(t);
  await write(join(path, "s"));
  await share(t, bridge, "alice", join(path, "s"));
  const carol = await peer(t, bridge, "carol");
  assert.deepEqual((await carol.who()).sort(), ["alice", "carol"]);
  const session = await carol.open("alice");
  assert.equal(session.nick, "alice");
  assert.equal(session.incoming, false);
  assert.match(session.peerAddress, /^127\.0\.0\.1:\d+$/);
  const expected = Object.entries(FILES).map(([name, content]) => [`s/${name}`, content]);
  assert.deepEqual(await fetchAll(session), Object.fromEntries(expected));
  assert.equal(await session.check("s/a YES"), true);
  assert.equal(await session.check("s/a"), false);
  assert.equal(carol.sessions.has(session), true);
  await session.end();
  assert.equal(await session.closed, undefined);
  assert.equal(carol.sessions.size, 0);
});

test("fetches piped input, whose size is unknown before its end", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  const content = Buffer.alloc(3_000_000, "0123456789abcdef");
  for (const by of ["name", "list", "parts"]) {
    const alice = await share(t, bridge, by, "-");
    const session = await carol.open(by);
    const files = [];
    for await (const file of session.list()) files.push(file);
    const [file] = files;
    const { name, size, approximate } = file;
    assert.deepEqual([name, size, approximate], ["stdin", 0, true]);
    const download = session.get(by === "name" ? name : by === "list" ? file : { ...file });
    const got = bytes(download.readable);
    alice.child.stdin.end(content);
    assert.deepEqual(await got, content);
    await download.done;
    assert.equal(await session.check("stdin"), false);
    await session.end();
  }
});

test("fetches a file by its name alone", async (t) => {
  const bridge = await relay(t);
  const path = await folder(t);
  await write(join(path, "s"));
  await share(t, bridge, "alice", join(path, "s"));
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open("alice");
  const names = Object.keys(FILES).map((name) => `s/${name}`);
  const downloads = names.map((name) => session.get(name));
  const got = await Promise.all(downloads.map(({ readable }) => bytes(readable)));
  assert.deepEqual(got, Object.values(FILES));
  assert.deepEqual(
    downloads.map(({ size, received }) => [size, received]),
    Object.values(FILES).map(({ length }) => [length, length]),
  );
  const none = session.get("s/none");
  await assert.rejects(none.done, { name: "XcherError", code: "refused" });
  await assert.rejects(bytes(none.readable), { code: "refused" });
});

test("a terminal fetches shared files", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  const called = next(carol, "session");
  const uploads = [];
  carol.addEventListener("upload", ({ upload }) => uploads.push(upload));
  for (const [name, content] of Object.entries(FILES)) carol.share(new Blob([content]), name);
  const path = await folder(t);
  const got = await run(t, "get", "carol", "--all", "-o", path, "--relay", bridge.address);
  assert.equal(got.code, 0, got.errors);
  assert.deepEqual(await tree(path), FILES);
  const { session } = await called;
  assert.equal(session.incoming, true);
  await Promise.all(uploads.map((upload) => upload.done));
  // The small ones are sent as a batch.
  assert.deepEqual(uploads.map(({ more }) => more).sort(), [0, 2]);
  const sum = (sizes) => sizes.reduce((sum, size) => sum + size, 0);
  assert.equal(sum(uploads.map(({ size }) => size)), sum(Object.values(FILES).map(({ length }) => length)));
  assert.ok(uploads.every(({ size, sent, session: its }) => size === sent && its === session));
  assert.equal(await session.closed, undefined);
});

test("two peers at one bridge exchange files both ways", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const called = next(dave, "session");
  for (const [name, content] of Object.entries(FILES)) {
    carol.share(new Blob([content]), name);
    dave.share(new Blob([content]), `of dave/${name}`);
  }
  const out = await carol.open("dave");
  const { session } = await called;
  assert.equal(session.nick, "carol");
  const [there, here] = await Promise.all([fetchAll(out), fetchAll(session)]);
  const prefixed = Object.entries(FILES).map(([name, content]) => [`of dave/${name}`, content]);
  assert.deepEqual(there, Object.fromEntries(prefixed));
  assert.deepEqual(here, FILES);
});

test("refuses a file that is no longer shared, and frees its name", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const shared = carol.share(new File(["one"], "x.txt"));
  assert.deepEqual([shared.name, shared.size], ["x.txt", 3]);
  assert.throws(() => carol.share(new Blob(["two"]), "x.txt"), { code: "misuse" });
  assert.throws(() => carol.share(new Blob(["two"]), "../x"), { code: "policy" });
  const session = await dave.open("carol");
  const [file] = await Array.fromAsync?.(session.list()) ?? [{ name: "x.txt", size: 3 }];
  shared.stop();
  shared.stop();
  assert.equal(await session.check("x.txt"), false);
  const late = session.get({ name: "x.txt", size: 3, approximate: false, ...file });
  await assert.rejects(bytes(late.readable), { code: "refused" });
  await assert.rejects(late.done, { code: "refused" });
  carol.share(new Blob(["twoo"]), "x.txt");
  assert.equal(String(await bytes(session.get("x.txt").readable)), "twoo");
});

test("requests a long listing as it is read, and can leave it early", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const name = (at) => `${"a long name of a file ".repeat(8)}${at}`;
  const files = 20_000;
  for (let at = 0; at < files; at += 1) carol.share(new Blob(["x"]), name(at));
  const session = await dave.open("carol");
  for await (const file of session.list()) {
    assert.equal(file.size, 1);
    break;
  }
  const names = new Set();
  for await (const file of session.list()) names.add(file.name);
  assert.equal(names.size, files);
  assert.ok(names.has(name(files - 1)));
});

test("asks about, rejects or ignores a call", async (t) => {
  const bridge = await relay(t);
  const asks = await peer(t, bridge, "asks", { calls: "ask" });
  const dave = await peer(t, bridge, "dave");
  asks.share(new Blob(["x"]), "x");
  const asked = next(asks, "call");
  const opening = dave.open("asks");
  const { call } = await asked;
  assert.equal(call.nick, "dave");
  assert.match(call.peerAddress, /^127\.0\.0\.1:\d+$/);
  const [accepted, opened] = await Promise.all([call.accept(), opening]);
  assert.equal(accepted.incoming, true);
  assert.equal(await opened.check("x"), true);
  const again = next(asks, "call");
  const failing = dave.open("asks");
  failing.catch(() => {});
  (await again).call.reject();
  await assert.rejects(failing, { code: "refused" });
});
