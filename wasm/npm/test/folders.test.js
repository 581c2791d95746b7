import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import WebSocket from "ws";
import { Peer, saveToDisk, toZip } from "../index.js";
import { bytes, next, peer, Process, relay } from "./system.js";

const NAMES = ["empty", "top/empty too"];

test("empty folders are offered, accepted and stored, beside a file", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const offered = next(dave, "offer");
  const file = { file: new Blob(["a file"]), name: "top/a" };
  const offering = await carol.offer("dave", [...NAMES.map((folder) => ({ folder })), file]);
  const { offer } = await offered;
  const listed = offer.files.map(({ name, size, folder }) => [name, size, folder]);
  assert.deepEqual(listed.sort(), [["empty", 0, true], ["top/a", 6, false], ["top/empty too", 0, true]]);
  const into = await target(t);
  const saved = await saveToDisk(offer.accept(), into);
  assert.deepEqual(saved.map(({ path }) => path).sort(), ["empty", "top/a", "top/empty too"].map((name) => join(into, name)));
  assert.deepEqual((await readdir(into, { recursive: true })).sort(), ["empty", "top", "top/a", "top/empty too"]);
  await offering.done;
  assert.deepEqual([offering.stored, offering.failed], [3, 0]);
});

test("an empty folder that is shared is in a terminal's download, and one of a terminal's in an archive", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  const share = carol.share({ folder: "top/empty" });
  assert.deepEqual([share.name, share.size], ["top/empty", 0]);
  const into = await target(t);
  const get = new Process(t, ["get", "carol", "--all", "-o", into, "--nick", "tom", "--relay", bridge.address]);
  assert.equal(await get.exited, 0, get.errors);
  assert.ok((await stat(join(into, "top/empty"))).isDirectory());

  const from = await target(t);
  await mkdir(join(from, "shared/nothing"), { recursive: true });
  const host = new Process(t, ["share", join(from, "shared"), "--nick", "bob", "--relay", bridge.address]);
  await host.out("online ");
  const session = await carol.open("bob");
  const files = [];
  for await (const file of session.list()) files.push(file);
  assert.deepEqual(files.map(({ name, folder }) => [name, folder]), [["shared/nothing", true]]);
  const archive = Buffer.from(await bytes(await toZip(session.getAll(files))));
  assert.ok(archive.includes("shared/nothing/"), "a name that ends with a slash is a folder");
  await session.end();
});

test("an empty folder goes by a code", async (t) => {
  const bridge = await relay(t);
  const sending = await Peer.send(bridge.url, [{ folder: "empty" }], { WebSocket });
  t.after(() => sending.stop());
  const into = await target(t);
  const get = new Process(t, ["get", sending.code, "--yes", "-o", into, "--relay", bridge.address]);
  assert.equal(await get.exited, 0, get.errors);
  assert.deepEqual(await readdir(into), ["empty"]);
  assert.equal((await sending.done).files, 1);
});

test("a file that a peer could not store has a code for the reason", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const offered = next(dave, "offer");
  const offering = await carol.offer("dave", [{ file: new Blob(["1"]), name: "a" }]);
  const { offer } = await offered;
  const [download] = offer.accept(undefined, { confirm: true });
  download.done.catch(() => {});
  await bytes(download.readable);
  download.notStored("space", "no space");
  await offering.done;
  assert.deepEqual(offering.missing, [{ name: "a", reason: "no space left on the peer's disk", code: "space" }]);
});

test("names of folders are checked as those of files", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  assert.throws(() => carol.share({ folder: "../up" }), { code: "policy" });
  assert.throws(() => carol.share({ folder: "" }), { code: "misuse" });
});

/** Returns a new folder, removed when the test ends. */
async function target(t) {
  const made = await mkdtemp(join(tmpdir(), "xcher-npm-folders-"));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}
