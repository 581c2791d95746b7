// Sends random files between two peers of this package, and between one and a terminal, by every method, with
// one file declined, failing or changing. Checks that the files that arrive are those that were sent, and
// that the sender reports no others.
//
// XCHER_MIXTURES=n runs n mixtures; XCHER_MIXTURE=seed repeats one.

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import WebSocket from "ws";
import { patiently } from "../../../tests/browser/harness/waiting.js";
import { Peer } from "../index.js";
import { random } from "./random.js";
import { bytes, folder, next, peer, Process, relay, share } from "./system.js";

const MIXTURES = Number(process.env.XCHER_MIXTURES ?? 40);
const NAMES = [
  "plain", "a b  c", "träd/sjö", "日本/走り", ".hidden", "EOF", "x NO", "X_CHK y YES", "100%", "🎉", "deep/er/and/deeper",
  "می\u200cخواهم", "क\u094d\u200dष", "👩\u200d👩\u200d👧/👩🏽\u200d🚀", "two%{0A}lines", "%{1B}[31m",
];
/** The most bytes of a file. */
const MOST = 4 << 20;

/** Returns random names and contents. */
function files(rng) {
  const count = [1 + rng(12), 1 + rng(12), 12 + rng(60), 80 + rng(220)][Math.min(3, rng(14) >> 2)];
  const all = new Map();
  let left = MOST;
  for (let number = 0; number < count; number += 1) {
    const kind = rng(10);
    const length = kind < 3 ? 0 : kind < 6 ? 1 + rng(2000) : kind < 8 ? rng(100_000) : kind < 9 ? (256 << 10) - 1 + rng(3) : 300_000 + rng(2 << 20);
    const size = Math.min(length, left);
    left -= size;
    const name = `s/${rng(3)}/${NAMES[rng(NAMES.length)]} ${number}`;
    all.set(name, Buffer.alloc(size, `${number} ${name}`));
  }
  return all;
}

/** Returns the files below a folder. */
async function read(path) {
  const all = new Map();
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const at = join(entry.parentPath ?? entry.path, entry.name);
    const name = relative(path, at);
    if (entry.isFile() && !name.startsWith(".xcher-partial")) all.set(name, await readFile(at));
  }
  return all;
}

async function write(path, all, spell = onDisk) {
  for (const [name, content] of all) {
    const at = join(path, spell(name));
    await mkdir(dirname(at), { recursive: true });
    await writeFile(at, content);
  }
}

/** Returns the name of the file that is listed under this one. */
const onDisk = (name) => name.replace(/%\{([0-9A-F]{2})\}/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

/** Adds other things than files: an empty folder, which is listed, and a link, which is not. */
async function beside(path, all) {
  await mkdir(join(path, "s/nothing/in here"), { recursive: true });
  all.set("s/nothing/in here", Buffer.alloc(0));
  await symlink("nothing", join(path, "s/a link"));
}

/** A file that cannot be read when it is requested, or has become shorter, until it is repaired. */
class Changing extends Blob {
  #how;

  constructor(content, how) {
    super([content]);
    this.#how = how;
  }

  mend() {
    this.#how = undefined;
  }

  #now(from, to) {
    if (this.#how === "shrunk") return super.slice(from, Math.min(to, this.size - 1));
    if (this.#how === undefined) return super.slice(from, to);
    const fail = () => Promise.reject(new DOMException("it cannot be read", "NotReadableError"));
    return { stream: () => new ReadableStream({ type: "bytes", pull: fail }), arrayBuffer: fail };
  }

  slice(from = 0, to = this.size) {
    return this.#now(from, to);
  }

  arrayBuffer() {
    return this.#now(0, this.size).arrayBuffer();
  }

  stream() {
    return this.#now(0, this.size).stream();
  }
}

/** Picks one; every other time one that is not sent in a batch, if there is any. */
function oddOne(all, rng) {
  const alone = [...all].filter(([, content]) => content.length > 256 << 10).map(([name]) => name);
  const from = alone.length && rng(2) ? alone : [...all.keys()];
  return from[rng(from.length)];
}

const named = (all) => [...all].map(([name, content]) => ({ name, file: new Blob([content]) }));

function same(got, all, without) {
  const wanted = [...all.keys()].filter((name) => name !== without);
  assert.deepEqual([...got.keys()].sort(), wanted.sort());
  for (const [name, content] of got) assert.ok(content.equals(all.get(name)), name);
}

/** Reads downloads: `odd` cannot be stored, `lost` does not arrive. */
async function take(downloads, odd, lost) {
  const got = new Map();
  await Promise.all(
    downloads.map(async (download) => {
      if (download.name === lost) {
        await Promise.all([assert.rejects(bytes(download.readable)), assert.rejects(download.done)]);
        return;
      }
      const content = await bytes(download.readable);
      if (download.name === odd) {
        download.notStored("space", "no room");
        await assert.rejects(download.done, { code: "local" });
      } else {
        download.stored();
        await download.done;
        got.set(download.name, content);
      }
    }),
  );
  return got;
}

/** Returns the files that a session lists, except one. */
async function listed(session, without) {
  const all = [];
  for await (const file of session.list()) if (file.name !== without) all.push(file);
  return all;
}

/** Splits a list into parts that can be requested at once. */
async function takeAll(session, all, odd, lost) {
  session.want({ files: all.length, bytes: all.reduce((sum, { size }) => sum + size, 0) });
  const got = new Map();
  for (let at = 0; at < all.length; at += 256) {
    for (const one of await take(session.getAll(all.slice(at, at + 256), { confirm: true }), odd, lost)) got.set(...one);
  }
  return got;
}

const WAYS = {
  async codeToTerminal(t, { bridge, all, rng }) {
    const out = await folder(t);
    const sending = await Peer.send(bridge.url, named(all), { WebSocket });
    t.after(() => sending.stop());
    const odd = rng(4) === 0 ? [...all.keys()][rng(all.size)] : undefined;
    // A folder in the place of the file.
    if (odd) await mkdir(join(out, odd, "in the way"), { recursive: true });
    const words = ["get", sending.code, "--yes", "--hidden", "--on-conflict", "overwrite", "-o", out, "--relay", bridge.address];
    const incomplete = odd && next(sending, "incomplete");
    const first = new Process(t, words);
    assert.equal(await first.exited, odd ? 1 : 0, first.errors);
    if (odd) {
      const told = await incomplete;
      assert.deepEqual(told.missing.map(({ name }) => name), [odd]);
      assert.equal(told.files, all.size - 1);
      return sending.stop();
    }
    const { files, handedOver } = await sending.done;
    assert.deepEqual([files, handedOver], [all.size, 0]);
    same(await read(out), all);
  },

  async codeFromTerminal(t, { bridge, all, rng }) {
    const path = await folder(t);
    await write(path, all);
    await beside(path, all);
    const sender = new Process(t, ["send", join(path, "s"), "--relay", bridge.address]);
    const carol = await peer(t, bridge, "carol");
    const code = await sender.out("");
    const odd = rng(3) === 0 ? [...all.keys()][rng(all.size)] : undefined;
    let session = await carol.open(code);
    same(await takeAll(session, await listed(session), odd), all, odd);
    await session.end();
    if (odd) {
      session = await carol.open(code);
      same(await takeAll(session, (await listed(session)).filter(({ name }) => name === odd)), new Map([[odd, all.get(odd)]]));
      await session.end();
    }
    assert.equal(await sender.exited, 0, sender.errors);
  },

  async codeBetween(t, { bridge, all, rng }) {
    const trouble = ["none", "none", "declined", "failing", "unreadable", "shrunk"][all.size > 1 ? rng(6) : 0];
    const odd = oddOne(all, rng);
    // No byte of an empty one needs to be read.
    const changes = (trouble === "unreadable" || trouble === "shrunk") && all.get(odd).length > 0;
    const file = new Changing(all.get(odd), changes ? trouble : undefined);
    const sent = named(all).map((one) => (one.name === odd ? { name: odd, file } : one));
    const sending = await Peer.send(bridge.url, sent, { WebSocket });
    t.after(() => sending.stop());
    const carol = await peer(t, bridge, "carol");
    let session = await carol.open(sending.code);
    const failing = trouble === "failing" || changes;
    const incomplete = failing && next(sending, "incomplete");
    const wanted = await listed(session, trouble === "declined" ? odd : undefined);
    const got = await takeAll(session, wanted, trouble === "failing" ? odd : undefined, changes ? odd : undefined);
    same(got, all, trouble === "declined" || failing ? odd : undefined);
    await session.end();
    if (failing) {
      const told = await incomplete;
      assert.deepEqual(told.missing.map(({ name }) => name), [odd]);
      assert.equal(told.files, all.size - 1);
      file.mend();
      session = await carol.open(sending.code);
      const rest = (await listed(session)).filter(({ name }) => name === odd);
      same(await takeAll(session, rest), new Map([[odd, all.get(odd)]]));
      await session.end();
    }
    assert.equal((await sending.done).files, trouble === "declined" ? all.size - 1 : all.size);
  },

  async offerToTerminal(t, { bridge, all, rng }) {
    const out = await folder(t);
    const odd = rng(3) === 0 ? [...all.keys()][rng(all.size)] : undefined;
    const conflict = odd ? "skip" : "rename";
    if (odd) await write(out, new Map([[odd, Buffer.from("it is here")]]), (name) => name);
    const words = ["receive", "--yes", "--hidden", "--once", "--on-conflict", conflict, "-o", out, "--nick", "bob", "--relay", bridge.address];
    const bob = new Process(t, words);
    await bob.out("online ");
    const carol = await peer(t, bridge, "carol");
    const offering = await carol.offer("bob", named(all));
    await offering.done;
    assert.deepEqual([offering.stored, offering.declined, offering.failed], [all.size - (odd ? 1 : 0), odd ? 1 : 0, 0]);
    await offering.session.end();
    assert.equal(await bob.exited, 0, bob.errors);
    const got = await read(out);
    if (odd) got.delete(odd);
    same(got, all, odd);
  },

  async offerBetween(t, { bridge, all, rng }) {
    const [carol, dave] = [await peer(t, bridge, "carol"), await peer(t, bridge, "dave")];
    const names = [...all.keys()];
    const declined = rng(2) ? names[rng(names.length)] : undefined;
    const rest = names.filter((name) => name !== declined);
    const failing = rest.length && rng(2) ? oddOne(new Map(rest.map((name) => [name, all.get(name)])), rng) : undefined;
    // At the sender or at the receiver.
    const how = all.get(failing)?.length ? [undefined, "unreadable", "shrunk"][rng(3)] : undefined;
    const change = (one) => (one.name === failing ? { name: failing, file: new Changing(all.get(failing), how) } : one);
    const offered = next(dave, "offer");
    const offering = await carol.offer("dave", named(all).map(change));
    const { offer } = await offered;
    const got = await take(offer.accept(rest, { confirm: true }), how ? undefined : failing, how ? failing : undefined);
    await offering.done;
    same(got, new Map([...all].filter(([name]) => name !== declined)), failing);
    assert.deepEqual(
      [offering.stored, offering.declined, offering.failed],
      [got.size, declined === undefined ? 0 : 1, failing === undefined ? 0 : 1],
    );
    assert.deepEqual(offering.missing.map(({ name }) => name), failing === undefined ? [] : [failing]);
  },

  async shareFromTerminal(t, { bridge, all, rng }) {
    const path = await folder(t);
    await write(path, all);
    await beside(path, all);
    const alice = await share(t, bridge, "alice", join(path, "s"), "--hidden", "--once");
    const carol = await peer(t, bridge, "carol");
    const session = await carol.open("alice");
    const odd = rng(3) === 0 ? [...all.keys()][rng(all.size)] : undefined;
    same(await takeAll(session, await listed(session), odd), all, odd);
    await session.end();
    assert.equal(await alice.exited, odd ? 1 : 0, alice.errors);
    if (odd) assert.ok(alice.errors.includes(odd), alice.errors);
  },
};

const first = Number(process.env.XCHER_MIXTURE ?? Date.now() % 2 ** 31);
const count = process.env.XCHER_MIXTURE ? 1 : MIXTURES;
for (let seed = first; seed < first + count; seed += 1) {
  const rng = random(seed);
  const way = Object.keys(WAYS)[rng(Object.keys(WAYS).length)];
  test(`XCHER_MIXTURE=${seed}: ${way}`, { timeout: Infinity }, async (t) => {
    const all = files(rng);
    // A relay of its own: relays limit how fast an address makes codes.
    const bridge = await relay(t);
    await patiently("an end", () => WAYS[way](t, { bridge, all, rng }));
  });
}
