import assert from "node:assert/strict";
import { chmod, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { XcherError } from "../index.js";
import { Process, Synthetic, bytes, fill, folder, next, peer, relay, run, share } from "./system.js";

const MIB = 1 << 20;
const SIZE = 8 * MIB;
/** A position at which no record or read ends. */
const HERE = 3 * MIB + 77;

function made(from, to) {
  const its = new Uint8Array(to - from);
  fill(its, from);
  return its;
}

/** Returns two peers, of which the second shares a file of 8 MiB, and a session between them. */
async function pair(t, ours = {}) {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol", ours), await peer(t, bridge, "dave")];
  const file = new Synthetic(SIZE);
  const shared = dave.share(file, "x");
  const session = await carol.open("dave");
  return { bridge, carol, dave, file, shared, session };
}

const LISTED = { name: "x", size: SIZE, approximate: false };

/** Resumes a download. Returns the bytes from the position that `start` gives. */
async function goOn(session, partial, from) {
  const download = session.get(LISTED, { partial });
  assert.equal(await download.start(), from);
  const rest = await bytes(download.readable);
  await download.done;
  assert.ok(rest.equals(made(from, SIZE)));
  assert.deepEqual([download.received, download.verified], [SIZE - from, true]);
  return download;
}

test("resumes a file after the kept bytes, without sending them again", async (t) => {
  const { dave, file, session } = await pair(t);
  const breaking = next(dave, "upload");
  const broken = session.get("x");
  const reader = broken.readable.getReader();
  const pieces = [];
  for (let got = 0; got < HERE; got += pieces.at(-1).length) pieces.push((await reader.read()).value);
  await reader.cancel();
  await assert.rejects(broken.done, { code: "cancelled" });
  await assert.rejects((await breaking).upload.done, { code: "incomplete" });
  const uploading = next(dave, "upload");
  const partial = new Blob(pieces).slice(0, HERE);
  const before = file.read;
  await goOn(session, partial, HERE);
  const { upload } = await uploading;
  assert.deepEqual([upload.from, upload.sent, upload.size], [HERE, SIZE, SIZE]);
  assert.equal(file.read - before, SIZE, "once to compare, or once to send");
});

test("sends the complete file if the kept bytes differ from it", async (t) => {
  const { file, session } = await pair(t);
  const other = made(0, HERE);
  other[HERE - 1] ^= 1;
  await goOn(session, new Blob([other]), 0);
  await goOn(session, new Blob([made(0, SIZE), "x"]), 0);
  await goOn(session, new Blob([]), 0);
  class Gone extends Synthetic {
    slice() {
      throw new Error("the disk failed");
    }
  }
  await goOn(session, new Gone(HERE), 0);
  const before = file.read;
  await goOn(session, new Blob([made(0, SIZE)]), SIZE);
  assert.equal(file.read - before, SIZE, "to compare");
});

test("requires start() before a resumed download is read", async (t) => {
  const { session } = await pair(t);
  const download = session.get(LISTED, { partial: new Blob([made(0, HERE)]) });
  await assert.rejects(bytes(download.readable), { name: "XcherError", code: "misuse" });
  await assert.rejects(download.start(), { code: "misuse" });
  const cancelled = session.get(LISTED, { partial: new Blob([made(0, HERE)]) });
  const starting = cancelled.start();
  cancelled.cancel();
  await assert.rejects(starting, { code: "cancelled" });
  const none = session.get({ ...LISTED, name: "none" }, { partial: new Blob([made(0, HERE)]) });
  await assert.rejects(none.start(), { code: "refused" });
  const whole = session.get(LISTED);
  assert.equal(await whole.start(), 0, "without a beginning, too");
  assert.equal(whole.start(), whole.start());
  assert.ok((await bytes(whole.readable)).equals(made(0, SIZE)));
});

test("refuses a file that is no longer shared when it is compared", async (t) => {
  const { session, shared, file } = await pair(t);
  const slice = file.slice.bind(file);
  file.slice = (from, to) => {
    shared.stop();
    return slice(from, Math.min(to, 5));
  };
  const download = session.get(LISTED, { partial: new Blob([made(0, HERE)]) });
  await assert.rejects(download.start(), { code: "refused" });
});

test("stops reading kept bytes when the session ends", async (t) => {
  const { carol, session } = await pair(t);
  const read = [];
  const partial = new Synthetic(64 * MIB);
  const slice = partial.slice.bind(partial);
  partial.slice = (from, to) => {
    read.push(from);
    if (read.length === 2) session.reject();
    return slice(from, to);
  };
  const download = session.get({ ...LISTED, size: 64 * MIB }, { partial });
  await assert.rejects(download.start(), { code: "cancelled" });
  await session.closed;
  await carol.who();
  assert.equal(read.length, 2);
});

test("sends the complete file in an unencrypted session", async (t) => {
  const { session } = await pair(t, { privacy: "plain" });
  const download = session.get(LISTED, { partial: new Blob([made(0, HERE)]) });
  assert.equal(await download.start(), 0);
  assert.ok((await bytes(download.readable)).equals(made(0, SIZE)));
});

test("resumes a download from a terminal", async (t) => {
  const bridge = await relay(t);
  const path = join(await folder(t), "x");
  await writeFile(path, made(0, SIZE));
  const words = ["share", path, "--nick", "alice", "--relay", bridge.address, "--json"];
  const alice = new Process(t, words);
  await alice.out('{"event":"online"');
  const carol = await peer(t, bridge, "carol");
  await goOn(await carol.open("alice"), new Blob([made(0, HERE)]), HERE);
  const started = await alice.out('{"event":"transfer"');
  assert.ok(started.includes(`"bytes":${HERE},`), started);
});

test("a terminal that was killed resumes a download", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  const size = 256 * MIB;
  const file = new Synthetic(size);
  carol.share(file, "x");
  const out = await folder(t);
  const words = ["get", "carol", "x", "-o", out, "--relay", bridge.address, "--json"];
  const data = await folder(t);
  const first = new Process(t, words, { XCHER_DATA_DIR: data });
  const { upload } = await next(carol, "upload");
  // Some of it has arrived, and some has not.
  for await (const line of createInterface(first.child.stdout)) {
    if (JSON.parse(line).state === "progress") break;
  }
  await first.kill();
  await assert.rejects(upload.done, { code: "incomplete" });
  const read = file.read;
  const uploading = next(carol, "upload");
  const second = new Process(t, words, { XCHER_DATA_DIR: data });
  const again = (await uploading).upload;
  assert.equal(await second.exited, 0, second.errors);
  await again.done;
  const twice = read - again.from;
  t.diagnostic(`${again.from} bytes kept, at most ${twice} sent twice`);
  assert.ok(again.from > 0 && twice >= 0 && twice < 16 * MIB, `${again.from} of ${read}`);
  assert.ok((await readFile(join(out, "x"))).equals(made(0, size)));
});

test("exchanges modification times and whether a file is executable", async (t) => {
  const bridge = await relay(t);
  const path = await folder(t);
  for (const name of ["old", "run"]) await writeFile(join(path, name), name);
  await chmod(join(path, "run"), 0o755);
  await utimes(join(path, "old"), 1_000_000_000, 1_000_000_000.7);
  await share(t, bridge, "alice", path);
  const carol = await peer(t, bridge, "carol");
  const files = {};
  const session = await carol.open("alice");
  for await (const file of session.list()) files[file.name.split("/").pop()] = file;
  assert.deepEqual([files.old.modified, files.old.executable], [1_000_000_000_000, false]);
  assert.equal(files.run.executable, true);
  assert.ok(Math.abs(files.run.modified - Date.now()) < 60_000);
  // In the other direction.
  carol.share(new File(["x"], "dated", { lastModified: 1_234_567_890_987 }));
  carol.share(new File(["x"], "before", { lastModified: -1500 }));
  carol.share(new Blob(["x"]), "undated");
  const out = await folder(t);
  const got = await run(t, "get", "carol", "--all", "-o", out, "--relay", bridge.address);
  assert.equal(got.code, 0, got.errors);
  assert.equal((await stat(join(out, "dated"))).mtimeMs, 1_234_567_890_000);
  assert.equal((await stat(join(out, "before"))).mtimeMs, -2000);
  assert.ok(Math.abs((await stat(join(out, "undated"))).mtimeMs - Date.now()) < 60_000);
});

test("does not read kept bytes after the session has ended", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const size = 64 * MIB;
  // Like a disk, it yields between two pieces.
  class Slow extends Synthetic {
    slice(from, to) {
      const piece = super.slice(from, to);
      const read = piece.arrayBuffer.bind(piece);
      piece.arrayBuffer = () => new Promise((resolve) => setTimeout(() => resolve(read()), 5));
      return piece;
    }
  }
  const file = new Slow(size);
  dave.share(file, "x");
  const session = await carol.open("dave");
  const here = new Synthetic(size - 1);
  const download = session.get({ name: "x", size, approximate: false }, { partial: here });
  const failed = assert.rejects(download.start(), XcherError);
  while (file.read === 0) await new Promise((resolve) => setTimeout(resolve));
  const [there] = dave.sessions;
  session.reject();
  await there.closed;
  // One piece may already be under way.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const read = file.read;
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(file.read, read);
  assert.ok(read < size);
  await failed;
});
