// The real binary, files and peers, removed when the test ends.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { Peer } from "../index.js";

// Node 20 may collect garbage without end while objects wait for their finalizers (nodejs/node#47748).
process.on("exit", () => process.exit());

const root = fileURLToPath(new URL("../../../", import.meta.url));
const binary =
  process.env.XCHER_BIN ??
  join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug/xcher");

/** A process that is killed when the test ends, and whose output lines can be awaited. */
export class Process {
  #lines = [];
  #waiting = [];

  constructor(t, words, { stdin = "ignore", ...given } = {}) {
    // Each has its own key and no pinned ones.
    const data = mkdtempSync(join(tmpdir(), "xcher-npm-data-"));
    t.after(() => rmSync(data, { recursive: true, force: true }));
    // A test of a cut expects its end, and tests stay off the networks of this machine.
    const here = { XCHER_DATA_DIR: data, XCHER_RETRY: "0", XCHER_NO_LAN: "1" };
    const env = { ...process.env, XCHER_CONFIG: "/dev/null", ...here, ...given };
    this.child = spawn(binary, words, { stdio: [stdin, "pipe", "pipe"], env });
    this.exited = once(this.child, "exit").then(([code]) => code);
    this.errors = "";
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.errors += text));
    createInterface(this.child.stdout).on("line", (line) => {
      this.#lines.push(line);
      for (const wake of this.#waiting.splice(0)) wake();
    });
    this.exited.then(() => {
      for (const wake of this.#waiting.splice(0)) wake(true);
    });
    t.after(() => this.kill());
  }

  /** Returns the rest of the first line that begins with `start`. */
  async out(start) {
    for (;;) {
      const line = this.#lines.find((line) => line.startsWith(start));
      if (line !== undefined) return line.slice(start.length);
      const over = await new Promise((resolve) => this.#waiting.push(resolve));
      if (over) throw new Error(`expected "${start}…", got the end: ${this.errors}`);
    }
  }

  async kill(signal = "SIGKILL") {
    if (this.child.exitCode === null) this.child.kill(signal);
    return this.exited;
  }
}

/** Starts a relay with its bridge. */
export async function relay(t, ...words) {
  const process = new Process(t, [
    ...["relay", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"],
    ...words,
  ]);
  process.address = await process.out("relay ");
  process.url = new URL("xcher", await process.out("http ")).href;
  return process;
}

/** Starts a terminal that shares files. */
export async function share(t, relay, nick, path, ...words) {
  const given = path === "-" ? { stdin: "pipe" } : {};
  const all = ["share", path, "--nick", nick, "--relay", relay.address, ...words];
  const process = new Process(t, all, given);
  await process.out("online ");
  return process;
}

/** Runs a command to its end. */
export async function run(t, ...words) {
  const process = new Process(t, words);
  const code = await process.exited;
  return { code, errors: process.errors };
}

export async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), "xcher-npm-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Connects a peer that is closed when the test ends. */
export async function peer(t, relay, nick, options = {}) {
  const peer = await Peer.connect(relay.url, { nick, WebSocket, ...options });
  t.after(() => peer.close());
  return peer;
}

/** Returns the next event of a type. */
export async function next(peer, type) {
  const [event] = await once(peer, type);
  return event;
}

export async function bytes(readable) {
  return Buffer.from(await new Response(readable).arrayBuffer());
}

/** A file of any size, generated as it is read. */
export class Synthetic extends Blob {
  #from;
  #to;

  constructor(size, from = 0) {
    super();
    this.#from = from;
    this.#to = from + size;
    this.read = 0;
    this.whole = this;
  }

  /** Like that of a real file. */
  stream() {
    return new ReadableStream({
      type: "bytes",
      pull: async (out) => {
        out.enqueue(new Uint8Array(await this.arrayBuffer()));
        out.close();
        out.byobRequest?.respond(0);
      },
    });
  }

  get size() {
    return this.#to - this.#from;
  }

  slice(from, to) {
    const piece = new Synthetic(to - from, this.#from + from);
    piece.whole = this.whole;
    return piece;
  }

  async arrayBuffer() {
    const bytes = new Uint8Array(this.size);
    fill(bytes, this.#from);
    this.whole.read += bytes.length;
    return bytes.buffer;
  }
}

const PERIOD = 251;
const pattern = new Uint8Array(1 << 20).map((_, at) => (at % PERIOD) ^ 0x5a);

/** Returns the bytes of a synthetic file from a position on. */
export function fill(bytes, from) {
  for (let at = 0; at < bytes.length; ) {
    const start = (from + at) % PERIOD;
    const length = Math.min(bytes.length - at, pattern.length - start);
    bytes.set(pattern.subarray(start, start + length), at);
    at += length;
  }
}

/** Checks and counts the bytes of a synthetic file. */
export async function check(readable, each = () => {}) {
  let [got, expected] = [0, new Uint8Array(0)];
  for await (const piece of readable) {
    if (expected.length < piece.length) expected = new Uint8Array(piece.length);
    const same = expected.subarray(0, piece.length);
    fill(same, got);
    if (Buffer.compare(same, piece) !== 0) throw new Error(`other bytes from ${got} on`);
    got += piece.length;
    await each(got);
  }
  return got;
}

/** Yields lines as they arrive. */
export function lines(socket) {
  const all = createInterface({ input: socket })[Symbol.asyncIterator]();
  return async () => (await all.next()).value;
}

/** Connects a base-protocol peer to the relay. Returns the connection and the lines received. */
export async function basePeer(t, relay, nick) {
  const [host, port] = relay.address.split(":");
  const chat = connect(Number(port), host);
  t.after(() => chat.destroy());
  const heard = lines(chat);
  chat.write(`X_NICK ${nick}\n`);
  assert.equal(await heard(), `X_NICK ${nick} YES`);
  return { chat, heard };
}
