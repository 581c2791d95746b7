// See node_pair. The two sides are processes of their own, each with an encrypted and an unencrypted peer, so that
// both kinds of transfer meet the same compiled code and the same moment of the machine.

import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const MIB = 1 << 20;
const KINDS = ["plain", "require"];
const OWN = fileURLToPath(new URL("../../wasm/npm", import.meta.url));

if (process.send) await side();
else await measure();

/** One side: does what the measuring process says, and reports its processor time. */
async function side() {
  const [where, url, nick, mib] = process.argv.slice(2);
  const { Peer } = await import(pathToFileURL(join(where, "index.js")).href);
  const WebSocket = globalThis.WebSocket ?? createRequire(join(OWN, "index.js"))("ws");
  const peers = {};
  for (const privacy of KINDS) {
    peers[privacy] = await Peer.connect(url, { nick: `${nick}-${privacy}`, privacy, WebSocket });
    if (mib) peers[privacy].share(new Blob([noise(mib * MIB)]), "file");
  }
  const cpu = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const orders = {
    cpu,
    async fetch(privacy) {
      const session = await peers[privacy].open(`provider-${privacy}`);
      if (session.secure !== (privacy === "require")) throw new Error("a session of the other kind");
      const download = session.get("file");
      let bytes = 0;
      for await (const piece of download.readable) bytes += piece.length;
      await download.done;
      await session.end();
      return bytes;
    },
  };
  // An exit in order writes the profile of `node --cpu-prof`.
  process.on("disconnect", () => process.exit());
  process.on("message", async ([order, argument]) => process.send(await orders[order](argument)));
  process.send("ready");
}

/** Bytes that do not compress and are the same each time. */
function noise(length) {
  const words = new Uint32Array(length / 4);
  let state = 1;
  for (let at = 0; at < words.length; at++) words[at] = state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return words;
}

async function measure() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "5" },
      mib: { type: "string", default: "128" },
      "at-most": { type: "string", default: "Infinity" },
    },
  });
  const [rounds, mib, most] = [values.rounds, values.mib, values["at-most"]].map(Number);
  const packages = (positionals.length ? positionals : [OWN]).map((name) => resolve(name));
  const ended = [];
  try {
    const url = await relay(ended);
    let isSlow = false;
    const pairs = [];
    for (const [at, where] of packages.entries()) pairs.push(await pair(where, at, url, mib, ended));
    const ratios = pairs.map(() => []);
    // The first round compiles.
    for (let round = 0; round <= rounds; round++) {
      for (const [at, both] of pairs.entries()) {
        const [plain, encrypted] = [await transfer(both, "plain", mib), await transfer(both, "require", mib)];
        const ratio = encrypted.cpu / plain.cpu;
        const line = [`plain ${text(plain)}`, `encrypted ${text(encrypted)}`, `ratio ${ratio.toFixed(2)}`].join("; ");
        console.log(`${packages[at]}: ${round ? `round ${round}` : "warm-up"}: ${line}`);
        if (round) ratios[at].push(ratio);
      }
    }
    for (const [at, all] of ratios.entries()) {
      const median = all.sort((a, b) => a - b)[all.length >> 1];
      console.log(`${packages[at]}: encrypted takes ${median.toFixed(2)} times the processor time (${all[0].toFixed(2)} to ${all.at(-1).toFixed(2)})`);
      isSlow ||= median > most;
    }
    if (isSlow) process.exitCode = 1;
  } finally {
    for (const end of ended.reverse()) end();
  }
}

async function relay(ended) {
  const data = mkdtempSync(join(tmpdir(), "xcher-node-pair-"));
  ended.push(() => rmSync(data, { recursive: true, force: true }));
  const child = spawn(process.env.XCHER_BIN, ["relay", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, XCHER_CONFIG: "/dev/null", XCHER_NO_LAN: "1", XCHER_DATA_DIR: data },
  });
  ended.push(() => child.kill());
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith("http ")) return new URL("xcher", line.slice(5)).href;
  }
  throw new Error(`${process.env.XCHER_BIN} relay ended: run it to see why`);
}

async function pair(where, at, url, mib, ended) {
  const start = async (nick, more) => {
    const child = fork(fileURLToPath(import.meta.url), [where, url, nick, ...more], { execArgv: process.execArgv });
    ended.push(() => child.disconnect());
    await answer(child);
    return child;
  };
  // Nicks of each pair are free again only if the pairs differ in their relay.
  if (at > 0) url = await relay(ended);
  return [await start("provider", [mib]), await start("requester", [])];
}

async function transfer(both, kind, mib) {
  const [, requester] = both;
  const before = await usage(both);
  const start = performance.now();
  const bytes = await ask(requester, "fetch", kind);
  const seconds = (performance.now() - start) / 1000;
  if (bytes !== mib * MIB) throw new Error(`expected ${mib} MiB, got ${bytes} bytes`);
  const after = await usage(both);
  const sides = after.map((cpu, at) => (cpu - before[at]) * (1024 / mib));
  return { rate: mib / seconds, sides, cpu: sides[0] + sides[1] };
}

function text({ rate, sides, cpu }) {
  return `${rate.toFixed(0)} MiB/s, ${cpu.toFixed(2)} s/GiB (${sides.map((side) => side.toFixed(2)).join(" + ")})`;
}

function usage(both) {
  return Promise.all(both.map((child) => ask(child, "cpu")));
}

function ask(child, ...order) {
  child.send(order);
  return answer(child);
}

/** Returns the next message of a child. Fails if it ends first. */
async function answer(child) {
  const over = new AbortController();
  const next = (event) => once(child, event, { signal: over.signal });
  const ended = next("exit").then(([code]) => Promise.reject(new Error(`a side ended with exit code ${code}`)));
  try {
    return (await Promise.race([next("message"), ended]))[0];
  } finally {
    over.abort();
  }
}
