import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import { mkdir, readFile, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { promisify } from "node:util";
import WebSocket from "ws";
import { Peer, XcherError, saveToDisk, toZip } from "../index.js";
import { place } from "../folder_sink.js";
import { Synthetic, bytes, check, fill, folder, next, peer, relay } from "./system.js";

const run = promisify(execFile);

/** Returns a session with a peer that shares files, the peer, and a folder. */
async function sharing(t, files) {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  for (const [name, file] of Object.entries(files)) carol.share(file, name);
  const session = await dave.open("carol");
  return { bridge, carol, dave, session, target: join(await folder(t), "inbox") };
}

async function listing(session) {
  const files = [];
  for await (const file of session.list()) files.push(file);
  return files;
}

/** Returns every path below a folder, hidden ones too. */
const paths = async (at) => (await readdir(at, { recursive: true })).sort();

test("saves a file with its folders, time and bytes", async (t) => {
  const modified = Date.UTC(2020, 1, 2, 3, 4, 5);
  const size = 5 << 20;
  const file = new File([await new Synthetic(size).arrayBuffer()], "large", { lastModified: modified });
  const { session, target } = await sharing(t, { "a/b/large": file, empty: new Blob([]) });
  const saved = await saveToDisk(session.get("a/b/large"), target);
  const expected = join(target, "a/b/large");
  assert.deepEqual(saved, { name: "a/b/large", path: expected, bytes: size, verified: true });
  const same = new Uint8Array(size);
  fill(same, 0);
  assert.equal(Buffer.compare(await readFile(expected), same), 0);
  assert.equal((await stat(expected)).mtimeMs, modified);
  const second = await saveToDisk(session.get("empty"), pathToFileURL(target));
  assert.equal((await readFile(second.path)).length, 0);
  assert.deepEqual(await paths(target), ["a", "a/b", "a/b/large", "empty"], "no temporary file is left");
});

test("replaces no file, and numbers those whose name is taken", async (t) => {
  const { session, target } = await sharing(t, { "notes.txt": new Blob(["new"]) });
  await mkdir(target);
  await writeFile(join(target, "notes.txt"), "old");
  await mkdir(join(target, "notes (1).txt"));
  for (const name of ["notes (2).txt", "notes (3).txt"]) {
    const { path } = await saveToDisk(session.get("notes.txt"), target);
    assert.equal(path, join(target, name));
    assert.equal(await readFile(path, "utf8"), "new");
  }
  assert.equal(await readFile(join(target, "notes.txt"), "utf8"), "old");
});

test("saves many files at once, and several of one name", async (t) => {
  const names = Array.from({ length: 100 }, (_, at) => `folder ${at % 7}/file ${at}`);
  const { session, target } = await sharing(t, Object.fromEntries(names.map((name) => [name, new Blob([name])])));
  const files = await listing(session);
  const saved = await saveToDisk(session.getAll(files), target);
  assert.deepEqual(saved.map(({ name }) => name), files.map(({ name }) => name));
  for (const { name, path } of saved) assert.equal(await readFile(path, "utf8"), name);
  const same = await saveToDisk(Array.from({ length: 8 }, () => session.get(files[0])), target);
  assert.equal(new Set(same.map(({ path }) => path)).size, 8);
});

test("writes nothing outside the folder", async (t) => {
  const { session, target } = await sharing(t, { "link/x": new Blob(["x"]), "inner/x": new Blob(["x"]) });
  const outside = await folder(t);
  await mkdir(join(target, "real"), { recursive: true });
  await symlink(outside, join(target, "link"));
  await symlink(join(target, "real"), join(target, "inner"));
  await assert.rejects(saveToDisk(session.get("link/x"), target), { name: "XcherError", code: "policy", message: /is a link to another folder/ });
  assert.deepEqual(await readdir(outside), []);
  assert.equal((await saveToDisk(session.get("inner/x"), target)).path, join(target, "real/x"));
  for (const name of ["../x", "/x", "a/../../x", "a\0b", "."]) {
    const wanted = session.get({ name, size: 1, approximate: false });
    await assert.rejects(saveToDisk(wanted, target), { name: "XcherError", code: "policy" }, name);
  }
  assert.deepEqual(await paths(target), ["inner", "inner/x", "link", "real", "real/x"]);
});

test("tells the sender what is stored, and why not", async (t) => {
  const { bridge, carol, dave, target } = await sharing(t, {});
  const offered = next(dave, "offer").then(({ offer }) => offer);
  const names = ["a/x", "b", "c"];
  const offering = await carol.offer("dave", names.map((name) => ({ file: Buffer.from(name), name })));
  const offer = await offered;
  await mkdir(target);
  await writeFile(join(target, "a"), "a file where a folder should be");
  const failed = await saveToDisk(offer.accept(), target).catch((error) => error);
  assert.ok(failed instanceof XcherError);
  assert.match(failed.message, /^1 of 3 files were not saved: a\/x: /);
  assert.ok(failed.cause instanceof AggregateError && failed.cause.errors.length === 1);
  await offering.done;
  assert.deepEqual([offering.stored, offering.failed], [2, 1]);
  assert.deepEqual(offering.missing.map(({ name }) => name), ["a/x"]);
  assert.deepEqual(await paths(target), ["a", "b", "c"]);
  const sending = await Peer.send(bridge.url, [new File(["sent"], "d")], { WebSocket });
  const session = await dave.open(sending.code);
  await saveToDisk(session.getAll(await listing(session)), target);
  await session.end();
  assert.deepEqual(await sending.done, { files: 1, bytes: 4, here: 0, handedOver: 0 });
});

test("leaves nothing of a file that fails or is cancelled", async (t) => {
  const { carol, session, target } = await sharing(t, { large: new Synthetic(1 << 30) });
  const uploading = next(carol, "upload");
  const giveUp = new AbortController();
  const saving = saveToDisk(session.get("large"), target, { signal: giveUp.signal });
  const failing = assert.rejects(saving, { name: "XcherError", code: "cancelled", cause: "enough" });
  await uploading;
  while ((await readdir(target).catch(() => [])).length === 0) await new Promise(setImmediate);
  assert.match((await readdir(target))[0], /^\.xcher-.+\.part$/);
  giveUp.abort("enough");
  await failing;
  assert.deepEqual(await readdir(target), []);
  const again = next(carol, "upload");
  const cut = saveToDisk(session.get("large"), target);
  const cutting = assert.rejects(cut, { name: "XcherError" });
  (await again).upload.cancel();
  await cutting;
  assert.deepEqual(await readdir(target), []);
});

test("replaces no file where the file system has no hard links", async (t) => {
  const target = await folder(t);
  const linkless = { ...fs, link: () => Promise.reject(Object.assign(new Error("no links"), { code: "EPERM" })) };
  await writeFile(join(target, "x"), "old");
  await writeFile(join(target, ".part"), "new");
  assert.equal(await place(linkless, join, target, join(target, ".part"), "a/x"), join(target, "x (1)"));
  assert.deepEqual(await paths(target), ["x", "x (1)"]);
  assert.equal(await readFile(join(target, "x (1)"), "utf8"), "new");
  assert.equal(await readFile(join(target, "x"), "utf8"), "old");
});

test("refuses downloads that something reads, and those that resume", async (t) => {
  const { session, target } = await sharing(t, { x: new Blob(["x"]) });
  const read = session.get("x");
  read.readable.getReader();
  await assert.rejects(saveToDisk(read, target), { code: "misuse", message: /stream of x is in use/ });
  await assert.rejects(saveToDisk(session.get("x", { partial: Buffer.from("x") }), target), { code: "misuse" });
});

test("packs downloads into an archive that keeps their folders", async (t) => {
  const files = { "a/b.txt": new Blob(["b"]), "走り 1.txt": new Blob(["run"]), large: new Synthetic(3 << 20), empty: new Blob([]) };
  const { carol, session, target } = await sharing(t, files);
  const uploads = [];
  carol.addEventListener("upload", ({ upload }) => uploads.push(upload.done));
  const all = session.getAll(await listing(session));
  const archive = await bytes(await toZip([...all, session.get("a/b.txt")]));
  await Promise.all(all.map(({ done }) => done));
  await mkdir(target);
  const path = join(target, "all.zip");
  await writeFile(path, archive);
  await run("python3", ["-m", "zipfile", "-e", path, target]);
  assert.equal(await readFile(join(target, "a/b.txt"), "utf8"), "b");
  assert.equal(await readFile(join(target, "a/b (1).txt"), "utf8"), "b");
  assert.equal(await readFile(join(target, "走り 1.txt"), "utf8"), "run");
  assert.equal((await readFile(join(target, "empty"))).length, 0);
  assert.equal(await check(new Blob([await readFile(join(target, "large"))]).stream()), 3 << 20);
});

test("the files of an archive count as stored once all of it was read, also where the application reports that", async (t) => {
  const { carol, dave } = await sharing(t, {});
  for (const confirm of [false, true]) {
    const offered = next(dave, "offer");
    // More than wait in memory at a time.
    const files = Array.from({ length: 24 }, (_, at) => ({ name: `${at}`, file: new Blob([new Uint8Array(1 << 20)]) }));
    const offering = await carol.offer("dave", files);
    const downloads = (await offered).offer.accept(undefined, { confirm });
    const reader = (await toZip(downloads)).getReader();
    for (let total = 0; total < 23 << 20; ) total += (await reader.read()).value.length;
    assert.equal(offering.stored, 0, "nothing is stored while the archive is incomplete");
    while (!(await reader.read()).done);
    if (confirm) for (const download of downloads) download.stored();
    await Promise.all(downloads.map(({ done }) => done));
    await offering.done;
    assert.deepEqual([offering.stored, offering.failed], [24, 0]);
    await offering.session.end();
  }
});

test("an archive fails with its downloads, and cancels them with itself", async (t) => {
  const { carol, session } = await sharing(t, { large: new Synthetic(1 << 30), small: new Blob(["x"]) });
  const first = next(carol, "upload");
  const [large, small] = [session.get("large"), session.get("small")];
  const reader = (await toZip([large, small])).getReader();
  for (let total = 0; total < 1 << 20; ) total += (await reader.read()).value.length;
  (await first).upload.cancel();
  await assert.rejects(
    async () => {
      while (!(await reader.read()).done);
    },
    { name: "XcherError", code: "incomplete" },
  );
  await assert.rejects(small.done, { code: "cancelled" });
  const again = [session.get("large"), session.get("small")];
  const second = (await toZip(again)).getReader();
  await second.read();
  await second.cancel();
  for (const { done } of again) await assert.rejects(done, { code: "cancelled" });
});
