import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import WebSocket from "ws";
import { Peer } from "../index.js";
import { bytes, folder, next, peer, Process, relay } from "./system.js";

const TEXT = "https://example.org/?a=<b>&c\nträd \u{1f469}\u200d\u{1f4bb}";

test("a program sends a text to another, beside files", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const offered = next(dave, "offer");
  const file = { file: new Blob(["a file"]), name: "message.txt" };
  const offering = await carol.offer("dave", [{ text: TEXT }, file, { text: "2" }]);
  const { offer } = await offered;
  const listed = offer.files.map(({ name, text }) => [name, text]);
  assert.deepEqual(listed, [["message.txt", false], ["message (1).txt", true], ["message (2).txt", true]]);
  const [first, second, third] = offer.accept();
  assert.equal(String(await bytes(first.readable)), "a file");
  assert.deepEqual([await second.text(), await third.text()], [TEXT, "2"]);
  await offering.done;
  assert.deepEqual([offering.stored, offering.failed], [3, 0]);
});

test("a terminal reads the text of a program, and a program that of a terminal", async (t) => {
  const bridge = await relay(t);
  const sending = await Peer.send(bridge.url, [{ text: TEXT }], { WebSocket });
  t.after(() => sending.stop());
  const get = new Process(t, ["get", sending.code, "--yes", "--json", "--relay", bridge.address]);
  const event = await get.out('{"event":"text"');
  assert.ok(event.includes(JSON.stringify(TEXT)), event);
  assert.equal(await get.exited, 0, get.errors);
  assert.deepEqual(await sending.done, { files: 1, bytes: Buffer.byteLength(TEXT), here: 0, handedOver: 0 });

  const terminal = new Process(t, ["send", "--text", TEXT, "--relay", bridge.address]);
  const carol = await peer(t, bridge, "carol");
  const session = await carol.open(await terminal.out(""));
  for await (const file of session.list()) {
    assert.equal(file.text, true);
    assert.equal(await session.get(file).text(), TEXT);
  }
  await session.end();
  assert.equal(await terminal.exited, 0, terminal.errors);
  assert.match(terminal.errors, /the peer has received the text/);
});

test("bytes that are no text count as not stored", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const offered = next(dave, "offer");
  const files = [
    { file: new Blob([new Uint8Array([0xff, 0xfe, 0x41])]), name: "a" },
    { file: new Blob(["x".repeat(65537)]), name: "b" },
    { file: new Blob(["\ufeffx"]), name: "c" },
  ];
  const offering = await carol.offer("dave", files);
  const [latin, long, text] = (await offered).offer.accept();
  for (const download of [latin, long]) {
    download.done.catch(() => {});
    await assert.rejects(download.text(), { name: "XcherError", code: "local" });
  }
  assert.equal(await text.text(), "\ufeffx");
  await offering.done;
  assert.deepEqual([offering.stored, offering.failed], [1, 2]);
});

test("with `confirm` a text is stored once the application says so", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const offered = next(dave, "offer");
  const offering = await carol.offer("dave", [{ text: TEXT }]);
  const [download] = (await offered).offer.accept(undefined, { confirm: true });
  assert.equal(await download.text(), TEXT);
  assert.equal(offering.stored, 0);
  download.stored();
  await offering.done;
  assert.equal(offering.stored, 1);
});

test("what cannot be a text is refused at once", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  await peer(t, bridge, "dave");
  const session = await carol.open("dave");
  for (const text of ["", "ä".repeat(32769), 5, undefined]) {
    assert.throws(() => session.offer([{ text }]), { name: "XcherError", code: "misuse" });
  }
  await assert.rejects(Peer.send(bridge.url, [{ text: "" }], { WebSocket }), { code: "misuse" });
});

test("a receiver of a folder stores a text as a file", async (t) => {
  const bridge = await relay(t);
  const path = await folder(t);
  const sending = await Peer.send(bridge.url, [{ text: TEXT }], { WebSocket });
  t.after(() => sending.stop());
  const get = new Process(t, ["get", sending.code, "--yes", "-o", path, "--relay", bridge.address]);
  assert.equal(await get.exited, 0, get.errors);
  assert.equal(await readFile(join(path, "message.txt"), "utf8"), TEXT);
});
