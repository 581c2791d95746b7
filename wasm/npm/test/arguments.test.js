import assert from "node:assert/strict";
import { test } from "node:test";
import WebSocket from "ws";
import { Peer, XcherError, isCode, isOneTimeNick, numbered, qr, saveToDisk, toZip } from "../index.js";
import { bytes, next, peer, relay } from "./system.js";

/** Checks that a call throws or rejects with `misuse`, and that the message says what to give. */
async function misused(call, message) {
  await assert.rejects(
    async () => call(),
    (error) => {
      assert.ok(error instanceof XcherError, String(error));
      assert.equal(error.code, "misuse", error.message);
      assert.match(error.message, message);
      return true;
    },
  );
}

test("takes no unknown value of an option for its default", async (t) => {
  const bridge = await relay(t);
  const connect = (options) => Peer.connect(bridge.url, { nick: "carol", WebSocket, ...options });
  for (const privacy of ["required", "Require", "", true, false, null, 1, ["require"]]) {
    await misused(() => connect({ privacy }), /`privacy` is .+: give "prefer", "require" or "plain"/);
    await misused(() => Peer.send(bridge.url, [new File(["x"], "x")], { WebSocket, privacy }), /`privacy`/);
  }
  for (const calls of ["no", "accept", false, null, 0]) {
    await misused(() => connect({ calls }), /`calls` is .+: give "take", "ask" or "ignore"/);
  }
  const carol = await peer(t, bridge, "carol");
  assert.deepEqual(await carol.who(), ["carol"], "no peer is left of those calls");
});

test("checks every option of a peer", async (t) => {
  const bridge = await relay(t);
  for (const [options, message] of [
    [undefined, /`nick` is undefined/],
    [null, /the options are null/],
    ["carol", /the options are "carol"/],
    [{}, /`nick` is undefined: give a string/],
    [{ nick: 5 }, /`nick` is 5/],
    [{ nick: "" }, /`nick` is ""/],
    [{ nick: [] }, /`nick` is an empty list/],
    [{ nick: ["carol", null] }, /`nick` is null/],
    [{ nick: Symbol("carol") }, /`nick` is a symbol/],
    [{ token: 5 }, /`token` is a number/],
    [{ token: "" }, /`token` is empty/],
    [{ WebSocket: "ws" }, /`WebSocket` is "ws": give a class/],
    [{ device: "" }, /`device` is "": give "phone", "tablet", "computer" or "terminal"/],
    [{ device: "Phone" }, /`device` is "Phone"/],
    [{ device: null }, /`device` is null/],
    [{ identity: "secret" }, /`identity` is not bytes: give a Uint8Array of 32 bytes/],
    [{ identity: new Uint8Array(31) }, /`identity` has 31 bytes/],
    [{ knownPeers: {} }, /`knownPeers` is an object: give an object with the functions/],
    [{ knownPeers: new Map() }, /`knownPeers`/],
    [{ signal: new AbortController() }, /`signal` is an object: give an AbortSignal/],
    [{ signal: null }, /`signal` is null/],
    [{ timeout: NaN }, /`timeout` is NaN: give milliseconds/],
    [{ timeout: -1 }, /`timeout` is -1/],
    [{ timeout: "5" }, /`timeout` is "5"/],
    [{ wasm: 5 }, /`wasm` is 5: give the URL of xcher_bg.wasm/],
    [{ wasm: {} }, /`wasm` is an object/],
  ]) {
    const isObject = typeof options === "object" && options !== null;
    const given = isObject && Object.keys(options).length ? { nick: "carol", WebSocket, ...options } : options;
    await misused(() => Peer.connect(bridge.url, given), message);
  }
  const secret = "s".repeat(60);
  await misused(() => Peer.connect(bridge.url, { nick: "carol", WebSocket, token: [secret] }), /^(?!.*sss)/);
  await misused(() => Peer.connect(bridge.url, { nick: "carol", WebSocket, identity: secret }), /^(?!.*sss)/);
});

test("takes an identity in any form of bytes", async (t) => {
  const bridge = await relay(t);
  const identity = new Uint8Array(32).fill(7);
  const keys = new Set();
  for (const [at, one] of [identity, Buffer.from(identity), identity.buffer, new DataView(identity.buffer)].entries()) {
    keys.add((await peer(t, bridge, `carol${at}`, { identity: one })).key);
  }
  assert.equal(keys.size, 1);
});

test("takes bytes where it takes a Blob", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  const contents = Buffer.from("some bytes");
  const forms = { buffer: contents, array: new Uint8Array(contents), view: new DataView(new Uint8Array(contents).buffer), all: new Uint8Array(contents).buffer };
  for (const [name, form] of Object.entries(forms)) carol.share(form, name);
  contents.fill(0);
  const session = await dave.open("carol");
  for (const name of Object.keys(forms)) assert.equal(String(await bytes(session.get(name).readable)), "some bytes", name);
  const offered = next(dave, "offer");
  const offering = await carol.offer("dave", [{ file: Buffer.from("offered"), name: "x" }]);
  const { offer } = await offered;
  assert.equal(String(await bytes(offer.accept()[0].readable)), "offered");
  await offering.done;
  const sending = await Peer.send(bridge.url, [{ file: Buffer.from("sent"), name: "y" }], { WebSocket });
  t.after(() => sending.stop());
  assert.deepEqual(sending.files, [{ name: "y", size: 4 }]);
});

test("checks the files to send", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  const file = new File(["x"], "x");
  for (const [files, message] of [
    [undefined, /the files are undefined: give a list/],
    ["notes.txt", /the files are "notes.txt": give a list/],
    [file, /the files are an object: give a list of files, such as \[file\]/],
    [Buffer.from("x"), /the files are an object: give a list/],
    [[], /there are no files/],
    [["notes.txt"], /a file is "notes.txt": give a Blob, a File or bytes, such as `await openAsBlob\(path\)`/],
    [[null], /a file is null/],
    [[{}], /a file is an object/],
    [[{ name: "x" }], /a file is an object/],
    [[{ file: "notes.txt", name: "x" }], /`file` is "notes.txt"/],
    [[{ file, name: 5 }], /the name of a file is 5/],
    [[{ file: new Blob([]) }], /a file has no name/],
    [[new Blob(["x"])], /a file has no name/],
    [[Buffer.from("x")], /a file has no name/],
    [[file, file], /two files have the name x/],
  ]) {
    await misused(() => Peer.send(bridge.url, files, { WebSocket }), message);
    await misused(() => carol.offer("dave", files), message);
  }
  await misused(() => carol.share("notes.txt"), /the file is "notes.txt"/);
  await misused(() => carol.share(new Blob(["x"])), /a file has no name/);
  for (const name of [null, 5, 5n, {}, Symbol("odd"), ""]) await misused(() => carol.share(file, name), /name/);
  await assert.rejects(async () => carol.share(file, "../x"), { name: "XcherError", code: "policy" });
});

test("checks the arguments of a session's calls", async (t) => {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  carol.share(new Blob(["x"]), "x");
  const session = await dave.open("carol");
  const listed = { name: "x", size: 1, approximate: false };
  for (const [call, message] of [
    [() => dave.open(5), /the nick or code is 5/],
    [() => dave.open(undefined), /the nick or code is undefined/],
    [() => dave.open("carol", { timeout: NaN }), /`timeout` is NaN/],
    [() => dave.who({ timeout: -1 }), /`timeout` is -1/],
    [() => session.list({ signal: 5 }), /`signal` is 5/],
    [() => session.check(5), /the name is 5/],
    [() => session.check("x", { timeout: "1" }), /`timeout` is "1"/],
    [() => session.get(5), /the file is 5/],
    [() => session.get(null), /the file is null/],
    [() => session.get(""), /the name of the file is ""/],
    [() => session.get({ size: 1 }), /the name of the file is undefined/],
    [() => session.get({ name: "x", size: NaN }), /`size` is NaN/],
    [() => session.get({ name: "x", size: -1 }), /`size` is -1/],
    [() => session.get(listed, { confirm: "yes" }), /`confirm` is "yes"/],
    [() => session.get(listed, { partial: "x" }), /`partial` is "x"/],
    [() => session.get(listed, null), /the options are null/],
    [() => session.getAll("x"), /the files are "x"/],
    [() => session.getAll(["x"]), /the file is "x"/],
    [() => session.want({ files: -1 }), /`files` is -1/],
    [() => session.want({ bytes: 0.5 }), /`bytes` is 0.5/],
    [() => session.offer([new File(["x"], "x")], { timeout: NaN }), /`timeout` is NaN/],
    [() => session.end({ timeout: NaN }), /`timeout` is NaN/],
    [() => dave.events("offer"), /the types are "offer"/],
    [() => dave.events(["offers"]), /there is no event "offers"/],
    [() => dave.offers({ signal: 1 }), /`signal` is 1/],
    [() => saveToDisk("x", "/tmp"), /the downloads are "x"/],
    [() => saveToDisk([{}], "/tmp"), /the downloads are an array/],
    [() => saveToDisk(session.get(listed)), /the target is undefined/],
    [() => saveToDisk(session.get(listed), ""), /the target is ""/],
    [() => saveToDisk(session.get(listed), new URL("https://relay.example/")), /the target is an object/],
    [() => toZip([]), /the downloads are an array/],
    [() => toZip("x"), /the downloads are "x"/],
    [() => qr(5), /the text is 5/],
    [() => isCode(5), /the text is 5/],
    [() => isOneTimeNick(undefined), /the nick is undefined/],
    [() => numbered(5, 1), /the name is 5/],
    [() => numbered("x", NaN), /`number` is NaN/],
  ]) {
    await misused(call, message);
  }
  assert.equal(String(await bytes(session.get("x").readable)), "x", "the session still works");
});

test("checks the page of a link, which is the bridge's own by default", async (t) => {
  const bridge = await relay(t);
  const sending = await Peer.send(bridge.url, [new File(["x"], "x")], { WebSocket });
  t.after(() => sending.stop());
  assert.equal(sending.link(), `${new URL("./", bridge.url)}#${sending.code}`);
  await misused(() => sending.link("somewhere"), /the page is "somewhere": give the URL/);
});

test("says what led to an error", async (t) => {
  const refused = await Peer.connect("ws://127.0.0.1:1/xcher", { nick: "carol", WebSocket }).catch((error) => error);
  assert.equal(refused.code, "unreachable");
  assert.equal(refused.cause.code, "ECONNREFUSED");
  const bridge = await relay(t);
  const broken = new Error("the store is broken");
  const knownPeers = {
    get() {
      throw broken;
    },
    pin() {},
  };
  const dave = await peer(t, bridge, "dave", { knownPeers });
  const carol = await peer(t, bridge, "carol");
  const opened = await dave.open("carol").catch((error) => error);
  assert.deepEqual([opened.name, opened.code, opened.cause], ["XcherError", "local", broken]);
  assert.match(opened.message, /the pinned key of carol cannot be read: the store is broken/);
  const gone = new Error("the disk is gone");
  const unreadable = new (class extends Blob {
    slice(from, to) {
      if (from > 0) throw gone;
      return super.slice(from, to);
    }
  })([new Uint8Array(1 << 20)]);
  carol.share(unreadable, "x");
  const upload = next(carol, "upload");
  const erin = await peer(t, bridge, "erin");
  const session = await erin.open("carol");
  await assert.rejects(bytes(session.get("x").readable), { code: "incomplete" });
  const failed = await (await upload).upload.done.catch((error) => error);
  assert.deepEqual([failed.code, failed.cause], ["incomplete", gone]);
});
