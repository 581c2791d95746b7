import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { bytes, folder, next, peer, Process, relay, run, Synthetic } from "./system.js";

const NAMES = ["a.txt", "folder/b <b>.txt", "c"];
const content = (name) => `the content of ${name}`;
const files = (names = NAMES) => names.map((name) => ({ file: new Blob([content(name)]), name }));

/** Returns two peers, of which the second listens for offers. */
async function pair(t) {
  const bridge = await relay(t);
  const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
  return { bridge, carol, dave, offered: next(dave, "offer").then(({ offer }) => offer) };
}

async function take(downloads) {
  const got = {};
  for (const { name, readable } of downloads) got[name] = String(await bytes(readable));
  return got;
}

test("shows a complete offer, of which some files are accepted", async (t) => {
  const { carol, offered } = await pair(t);
  const offering = await carol.offer("dave", files());
  assert.equal(offering.session.secure, true);
  const offer = await offered;
  assert.deepEqual(offer.files.map(({ name }) => name), NAMES);
  assert.equal(offer.size, offering.files.reduce((sum, { size }) => sum + size, 0));
  assert.equal(offer.session.nick, "carol");
  assert.equal(offer.files[0].approximate, false);
  assert.throws(() => offer.accept(["a.txt", "d"]), { code: "misuse", message: /no file d$/ });
  const downloads = offer.accept([NAMES[1]]);
  assert.deepEqual(downloads.map(({ name }) => name), [NAMES[1]]);
  assert.throws(() => offer.accept(), { code: "misuse" });
  offer.decline();
  assert.deepEqual(await take(downloads), { [NAMES[1]]: content(NAMES[1]) });
  await offering.done;
  assert.deepEqual([offering.sent, offering.declined, offering.failed], [1, 2, 0]);
});

test("accepts all files of an offer, which are shared with no one else", async (t) => {
  const { bridge, carol, dave, offered } = await pair(t);
  carol.share(new Blob(["for all"]), "a.txt");
  const offering = await carol.offer("dave", files());
  const erin = await peer(t, bridge, "erin");
  const other = await erin.open("carol");
  assert.equal(await other.check("c"), false);
  assert.equal(String(await bytes(other.get("a.txt").readable)), "for all");
  const offer = await offered;
  assert.equal(await offer.session.check("c"), true);
  assert.deepEqual(await take(offer.accept()), Object.fromEntries(NAMES.map((name) => [name, content(name)])));
  await offering.done;
  assert.deepEqual([offering.sent, offering.declined], [3, 0]);
  await offering.session.end();
  const session = await dave.open("carol");
  assert.equal(await session.check("c"), false, "the session is over");
});

test("declines an offer that no listener reads", async (t) => {
  const { bridge, carol, dave } = await pair(t);
  const erin = await peer(t, bridge, "erin");
  erin.addEventListener("offer", () => {});
  for (const nick of ["erin", "frank"]) {
    if (nick === "frank") await peer(t, bridge, nick);
    const offering = await carol.offer(nick, files());
    await offering.done;
    assert.deepEqual([offering.sent, offering.declined], [0, 3], nick);
  }
  assert.ok(dave.online);
});

test("offers nothing in an unencrypted session, and fails at once", async (t) => {
  const { bridge, carol } = await pair(t);
  await peer(t, bridge, "plain", { privacy: "plain" });
  const offering = await carol.offer("plain", files());
  await assert.rejects(offering.done, { code: "not-private" });
  assert.equal(carol.sessions.size, 1, "the session is as good as before");
});

test("refuses to offer invalid and duplicate names", async (t) => {
  const { carol } = await pair(t);
  const [a] = files();
  for (const [given, code] of [[[], "misuse"], [[a, a], "misuse"], [[{ ...a, name: "../a" }], "policy"],
    [[{ ...a, name: "a\nb" }], "policy"], [[new Blob(["nameless"])], "misuse"]]) {
    await assert.rejects(carol.offer("dave", given), { name: "XcherError", code });
  }
  const offering = await carol.offer("dave", [a, new File(["its own"], "d")]);
  assert.deepEqual(offering.files.map(({ name }) => name), ["a.txt", "d"]);
  assert.throws(() => offering.session.offer([a]), { code: "misuse", message: /a\.txt/ });
});

test("settles offers when the session ends", async (t) => {
  const { carol, dave, offered } = await pair(t);
  const offering = await carol.offer("dave", files());
  const offer = await offered;
  const [first] = offer.accept(["c"]);
  await dave.close();
  await assert.rejects(offering.done, { code: "unreachable" });
  await assert.rejects(bytes(first.readable));
  const again = await carol.open("dave").catch((error) => error.code);
  assert.equal(again, "unreachable");
});

test("offers both ways, and one after the other", async (t) => {
  const { carol, dave, offered } = await pair(t);
  const [offering, back] = [await carol.offer("dave", files(["x"])), next(carol, "offer")];
  const { session } = await offered;
  const other = session.offer(files(["y", "x"]));
  await take((await back).offer.accept());
  await take((await offered).accept());
  await Promise.all([offering.done, other.done]);
  assert.deepEqual([offering.sent, other.sent], [1, 2]);
  const again = next(dave, "offer");
  const later = offering.session.offer([{ file: new Blob(["changed"]), name: "x" }]);
  assert.deepEqual(await take((await again).offer.accept()), { x: "changed" });
  await later.done;
});

test("declines files beyond the limit, and frees room with each decision", async (t) => {
  const { dave, offered, carol } = await pair(t);
  const nothing = new Blob([]);
  const many = Array.from({ length: 100_001 }, (_, at) => ({ file: nothing, name: `${at}` }));
  const offering = await carol.offer("dave", many);
  const offer = await offered;
  assert.equal(offer.files.length, 100_000);
  offer.decline();
  await offering.done;
  assert.equal(offering.declined, 100_001);
  const again = next(dave, "offer");
  offering.session.offer(files());
  assert.equal((await again).offer.files.length, 3);
});

test("disconnects a peer that offers without end", async (t) => {
  const { bridge, carol } = await pair(t);
  await peer(t, bridge, "deaf");
  const nothing = new Blob([]);
  const many = Array.from({ length: 100_000 }, (_, at) => ({ file: nothing, name: `${at}` }));
  const { session, done } = await carol.offer("deaf", many);
  await done;
  await session.offer(many).done;
  await assert.rejects(session.offer(many.slice(0, 1)).done, { code: "unreachable" });
  assert.equal(await session.closed, undefined);
});

test("a terminal accepts offered files", async (t) => {
  const { bridge, carol } = await pair(t);
  const path = await folder(t);
  const bob = new Process(t, ["receive", "--yes", "--once", "-o", path, "--nick", "bob", "--relay", bridge.address]);
  await bob.out("online ");
  const large = new Synthetic(3_000_000);
  const offering = await carol.offer("bob", [...files(), { file: large, name: "large" }]);
  await offering.done;
  await offering.session.end();
  assert.equal(await bob.exited, 0, bob.errors);
  for (const name of NAMES) assert.equal(await readFile(join(path, name), "utf8"), content(name));
  assert.deepEqual(await readFile(join(path, "large")), Buffer.from(await large.arrayBuffer()));
});

test("accepts one of the files that a terminal offers", async (t) => {
  const { bridge, dave, offered } = await pair(t);
  const path = await folder(t);
  await writeFile(join(path, "one"), "1");
  await writeFile(join(path, "two"), "22");
  const sent = run(t, "send", "dave", join(path, "one"), join(path, "two"), "--relay", bridge.address);
  const offer = await offered;
  assert.deepEqual([offer.files.length, offer.size], [2, 3]);
  assert.deepEqual(await take(offer.accept(["two"])), { two: "22" });
  const { code, errors } = await sent;
  assert.equal(code, 1, errors);
  assert.match(errors, /dave declined 1 of 2 files/);
  assert.ok(dave.online);
});
