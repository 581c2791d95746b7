// What an operator does with the Debian package, in a bare Debian: two relays of one cluster, a page at one and a
// terminal at the other, an upgrade of one under load, and the figures of both. Run by `tests/release/run`, as root.
// XCHER_ROOT: the folder of that Debian, with the package at /xcher.deb.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "../browser/harness/scenes.js";
import { folder, same, tree } from "../browser/harness/tree.js";
import { Process } from "../browser/harness/xcher.js";

const ROOT = process.env.XCHER_ROOT;
const DASHBOARD = "../../native/packaging/monitoring/grafana-dashboard.json";
const MB = 1_000_000;

/** Runs a command in the Debian as root, and returns its output. */
const asRoot = (...command) =>
  execFileSync("chroot", [ROOT, ...command], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** Starts a program in the Debian as a user who is not root. */
const start = (user, home, ...command) =>
  new Process("chroot", [`--userspec=${user}`, ROOT, ...command], { PATH: process.env.PATH, HOME: home, XCHER_NO_LAN: "1" });

/** Returns a port that was free a moment ago. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a relay as the unit does, with the configuration that the package installed and these lines. */
async function relay(name, lines) {
  const config = `/etc/xcher/${name}.toml`;
  const installed = readFileSync(join(ROOT, "etc/xcher/relay.toml"), "utf8");
  writeFileSync(join(ROOT, config), `${installed}\n${lines.join("\n")}\n`);
  const data = `/var/lib/xcher/${name}`;
  asRoot("install", "--directory", "--owner=xcher", "--mode=0700", data);
  asRoot("/usr/bin/xcher", "relay", "--check", "--config", config);
  const started = start("xcher:xcher", data, "/usr/bin/xcher", "relay", "--config", config, "--data-dir", data);
  started.relay = await started.out("relay ");
  started.url = (await started.out("http ")).replace(/\/$/, "");
  return started;
}

/** Asks the admin listener, which serves programs and no browsers: `fetch` looks like one. */
async function ask(port, path) {
  const response = await new Promise((resolve, reject) =>
    get({ host: "127.0.0.1", port, path }, resolve).on("error", reject));
  return { status: response.statusCode, body: (await response.toArray()).join("") };
}

/** Returns the metrics by name and labels. */
async function metrics(admin) {
  const { body: text } = await ask(admin, "/metrics");
  const lines = text.split("\n").filter((line) => line && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").pop())]));
}

/** Waits until `look` returns something; each look takes its time. */
async function until(what, look) {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await look().catch(() => undefined);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not in time`);
}

let nats;

before(async () => {
  assert.ok(ROOT, "XCHER_ROOT does not name the Debian");
  asRoot("dpkg", "--install", "/xcher.deb");
  nats = `nats://127.0.0.1:${await freePort()}`;
});

inEachBrowser("a cluster from the package", (stage) => {
  test("carries files between a page and a terminal, also while it is upgraded", async (t) => {
    const server = new Process("nats-server", ["--addr", "127.0.0.1", "--port", nats.split(":").pop()]);
    stage.keep(t, server);
    await server.err("Server is ready");
    const [admin1, admin2, port, http] = await Promise.all([1, 2, 3, 4].map(freePort));
    const lines = (listen, http, admin) => [
      `listen = "127.0.0.1:${listen}"`, `http = "127.0.0.1:${http}"`, `admin = "127.0.0.1:${admin}"`,
      `cluster = "${nats}"`, `cluster-name = "example"`, `site = "here"`, `drain = 60`, `tunnel-rate = "2mb"`,
    ];
    // At the end of the test, not after they have drained.
    const keep = async (starting) => {
      const started = await starting;
      stage.keep(t, { stop: () => started.stop("SIGKILL") });
      return started;
    };
    const first = await keep(relay("first", lines(port, http, admin1)));
    const second = await keep(relay("second", lines(0, 0, admin2)));

    // A terminal at the second relay, as an ordinary user.
    const home = join(ROOT, "srv/bob");
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home, { recursive: true });
    const shared = await tree(home, { "big file.bin": 8 * MB, "small.txt": 1000 });
    asRoot("chown", "--recursive", "games:games", "/srv/bob");
    const terminal = (...words) => start("games:games", "/srv/bob", "/usr/bin/xcher", ...words, "--relay", second.relay);
    const bob = stage.keep(t, terminal("share", "/srv/bob/big file.bin", "/srv/bob/small.txt", "--nick", "bob"));
    await bob.out("online ");

    // A page at the first: it finds the terminal, and fetches from it.
    const carol = await stage.visit(t, first.url, "carol");
    await carol.open("bob");
    const names = await carol.listed();
    assert.deepEqual(names, shared.files.map((file) => file.name).sort());
    const [big, small] = shared.files;
    await carol.get(small.name);
    await same(await carol.saved(small), small);

    // And the terminal fetches from the page.
    const own = await tree(folder(), { "from the page.bin": MB });
    await carol.share([own.files[0].path]);
    const fetched = terminal("get", "carol", "--all", "-o", "/srv/bob/out", "--nick", "dave");
    await carol.answer("dave", true);
    await fetched.exits();
    await same(join(home, "out", own.files[0].name), own.files[0]);

    // An upgrade of the first relay while it carries a file: the package first, then the process.
    await carol.get(big.name);
    await carol.moved(big.name, 0.1);
    asRoot("dpkg", "--install", "/xcher.deb");
    first.child.kill("SIGTERM");
    await first.err("draining");
    assert.equal((await ask(admin1, "/readyz")).status, 503, "a relay that drains is not ready");
    const upgraded = await keep(relay("first", lines(port, http, await freePort())));
    await until("both are found from the second relay", async () => {
      const online = await terminal("who").exits();
      return ["bob", "carol"].every((nick) => online.includes(nick));
    });
    await same(await carol.saved(big), big);
    await carol.transfer(big.name, "done");
    await carol.home();
    await carol.hangUp("bob");
    await first.exits();
    assert.equal(upgraded.relay, `127.0.0.1:${port}`);
    // The page speaks to the upgraded relay now.
    await carol.open("bob");
    assert.deepEqual(await carol.listed(), names);

    // The figures that the dashboard shows.
    const figures = await metrics(admin2);
    const dashboard = readFileSync(new URL(DASHBOARD, import.meta.url), "utf8");
    const told = new Set(Object.keys(figures).map((key) => key.split("{")[0].replace(/_(bucket|sum|count)$/, "")));
    const missing = [...new Set(dashboard.match(/\bxcher_[a-z_]+/g))].filter((name) => !told.has(name));
    assert.deepEqual(missing, [], "the dashboard asks for what the relay does not tell");
    for (const [name, value] of Object.entries(figures)) if (value) t.diagnostic(`${name} ${value}`);
    assert.ok(figures.xcher_nicks >= 1, "bob is at the second relay");
  });
});
