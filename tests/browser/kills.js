/**
 * Kills one side of a transfer with SIGKILL at random points, again and again, and goes on each time: the
 * counterpart of tests/bench/kill with a browser on one side. In turn a file goes from `xcher share` to
 * the page, and from a page that shares it to `xcher get`. What is killed is the terminal's process, or
 * every process of the browser, whose profile stays. Then whoever it was comes back, Resume is pressed or
 * the same `get` is run, and in the end the file must be byte for byte what it was.
 *
 * Between browser and bridge is a proxy, which counts what the tunnels carry and not the page itself. All
 * of the file passes there, whoever sends it, and what a killed browser no longer took has been counted.
 * What that is more than without kills was sent twice. A terminal that shares may have sent more, which the
 * bridge still had when the browser was gone: of a single kill its own account counts, where that is more.
 * The places are those of the file, by the proxy's count.
 */
import { createHash, randomInt } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { launch } from "./harness/browser.js";
import { proxy } from "./harness/proxy.js";
import { visit } from "./harness/someone.js";
import { folder, same, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const MIB = 1 << 20;
/**
 * What may be under way between two sides, and nobody has when one of them is gone, in bytes a kill; and at
 * the worst: a page lets the bridge send 16 MiB ahead, and the system holds some on each connection.
 */
const ON_THE_WAY = 12 * MIB;
const AT_WORST = 32 * MIB;
/** How long any part of a transfer may take, in milliseconds. */
const PATIENCE = 300_000;
const SIDES = ["browser", "terminal"];

const { values: given } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    // At most so many a transfer.
    each: { type: "string", default: "8" },
    mib: { type: "string", default: "1024" },
    // To do the same again.
    seed: { type: "string", default: String(randomInt(2 ** 32)) },
    browser: { type: "string", default: "chromium" },
  },
});
const kills = Number(given.kills);
const size = Number(given.mib) * MIB;

/** From 0 up to 1, the same for the same seed. */
let drawn = 0;
const chance = () => createHash("sha256").update(`${given.seed} ${drawn++}`).digest().readUInt32LE() / 2 ** 32;

/** Waits until the transfer whose other side was killed is over; whether all of it had been sent. */
async function wasDone(someone, { name }) {
  const row = await someone.sees("#moving li:not([data-state=active])", { name });
  return row.evaluate((row) => row.dataset.state === "done");
}

/** A browser with someone at the page, who comes back after it was killed. */
class Seat {
  #profile = folder();

  async sit(url) {
    this.browser = await launch(given.browser, this.#profile);
    this.someone = await visit(this.browser, url);
    const { page } = this.someone;
    await page.waitForSelector("body:not([data-view=''])");
    // Chromium writes down who one was some seconds later.
    if (await page.$("body[data-view=join]")) await this.someone.join("carol");
    await this.someone.online();
    return this.someone;
  }

  async leave() {
    await this.browser.kill();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** The page fetches what a terminal shares. */
class ToThePage {
  static title = "to the page";
  #seat = new Seat();

  constructor(at, through, file) {
    Object.assign(this, { through, file });
    this.terminal = xcher("share", file.path, "--json", "--secure", "--nick", "bob", "--relay", at.relay);
  }

  async begin() {
    await this.terminal.event({ event: "online" });
    this.carol = await this.#seat.sit(this.through.url);
    await this.carol.open("bob");
    await this.carol.listed();
    await this.carol.get(this.file.name);
  }

  async kill(side) {
    if (side === "browser") {
      await this.#seat.browser.kill();
      this.carol = await this.#seat.sit(this.through.url);
    } else {
      await this.terminal.stop("SIGKILL");
      if (await wasDone(this.carol, this.file)) return undefined;
      await this.carol.clear();
      this.terminal = this.terminal.anew();
      await this.terminal.event({ event: "online" });
    }
    await this.carol.left(this.file.name);
    return () => this.carol.goOn(this.file.name);
  }

  /** How much of the file a terminal that shares has sent, as it said last. */
  said(terminal, lines) {
    const events = terminal.out_.slice(lines).map((line) => JSON.parse(line));
    return events.findLast(({ event, bytes }) => event === "transfer" && bytes)?.bytes;
  }

  async end() {
    await this.carol.transfer(this.file.name, "done");
    await this.carol.text("#moving .mark", "verified");
    await same(await this.carol.saved(this.file), this.file);
  }

  async stop() {
    await this.#seat.leave();
    await this.terminal.stop();
  }
}

/** A terminal fetches what a page shares. */
class ToTheTerminal {
  static title = "to the terminal";
  #seat = new Seat();
  #out = folder();

  constructor(at, through, file) {
    Object.assign(this, { at, through, file });
  }

  async begin() {
    await this.#share();
    const { name } = this.file;
    this.terminal = xcher("get", "carol", name, "-o", this.#out, "--json", "--secure", "--nick", "bob",
      "--relay", this.at.relay);
    await this.carol.answer("bob", true);
  }

  async #share() {
    this.carol = await this.#seat.sit(this.through.url);
    await this.carol.share([this.file.path]);
  }

  async kill(side) {
    if (side === "browser") {
      await this.#seat.browser.kill();
      // It says what is wrong, and ends.
      if ((await this.terminal.ended) === 0) return undefined;
      await this.#share();
    } else {
      await this.terminal.stop("SIGKILL");
      await wasDone(this.carol, this.file);
      await this.carol.clear();
    }
    return async () => {
      this.terminal = this.terminal.anew();
      await this.carol.answer("bob", true);
    };
  }

  async end() {
    await this.terminal.exits();
    await same(join(this.#out, this.file.name), this.file);
  }

  async stop() {
    await this.terminal.stop();
    await this.#seat.leave();
    rmSync(this.#out, { recursive: true, force: true });
  }
}

const started = { event: "transfer", state: "started" };
const finished = { event: "transfer", state: "finished" };

/**
 * One transfer with kills at these places, in bytes, each of a side. What the tunnels carried, and of each
 * kill how much until then from where, and from where it went on.
 */
async function transfer(way, plan) {
  const { through } = way;
  const before = through.tunnelled();
  const cuts = [];
  try {
    let lines = 0;
    let began = before;
    let next = () => way.begin();
    for (const cut of [...plan, undefined]) {
      const old = way.terminal;
      await next();
      if (way.terminal !== old) lines = 0;
      const { bytes: from = 0 } = await way.terminal.event(started, lines, PATIENCE);
      if (cuts.length) cuts.at(-1).kept = from;
      const over = way.terminal.event(finished, lines, PATIENCE);
      if (!cut) {
        await over;
        break;
      }
      const there = through.tunnels(began + Math.max(0, cut.place - from), PATIENCE);
      if ((await Promise.race([there, over])) !== true) break;
      const { terminal } = way;
      next = await way.kill(cut.side);
      // All of it had been sent.
      if (!next) break;
      cuts.push({ ...cut, from, carried: through.tunnelled() - began, said: way.said?.(terminal, lines) });
      lines = way.terminal === terminal ? terminal.out_.length : 0;
      began = through.tunnelled();
    }
    await way.end();
  } finally {
    await way.stop();
  }
  return { carried: through.tunnelled() - before, cuts };
}

async function main() {
  console.log(`seed ${given.seed}`);
  const [file] = (await tree(folder(), { "large file.bin": size })).files;
  const at = await relay();
  const through = await proxy(at.url);
  const ways = [ToThePage, ToTheTerminal];
  const mib = (bytes, digits = 1) => (bytes / MIB).toFixed(digits);
  const undisturbed = [];
  for (const Way of ways) undisturbed.push((await transfer(new Way(at, through, file), [])).carried);

  const all = [];
  /** In the tunnels, what carries it included. */
  let twice = 0;
  let transfers = 0;
  for (; all.length < kills; transfers++) {
    const which = transfers % ways.length;
    const length = Math.min(Number(given.each), kills - all.length);
    const plan = Array.from({ length }, () => Math.floor(chance() * size))
      .sort((a, b) => a - b)
      .map((place) => ({ place, side: SIDES[Math.floor(chance() * SIDES.length)] }));
    const { carried, cuts } = await transfer(new ways[which](at, through, file), plan);
    const more = carried - undisturbed[which];
    twice += more;
    for (const cut of cuts) {
      // What carries the bytes is carried too.
      const sent = cut.from + (cut.carried * size) / undisturbed[which];
      const lost = Math.max(sent, cut.said ?? 0) - cut.kept;
      all.push({ ...cut, lost, title: ways[which].title });
    }
    const each = cuts.map(({ place, side, kept }, at) =>
      `${side} at ${mib(place, 0)} on from ${mib(kept, 0)} (${mib(all.at(at - cuts.length).lost)} twice)`);
    console.error(`  ${all.length} kills: ${cuts.length} in this transfer ${ways[which].title}, ` +
      `${mib(more)} MiB sent twice: ${each.join(", ")}`);
  }
  await through.stop();
  await at.stop();

  const kinds = ways.flatMap(({ title }) => SIDES.map((side) => {
    const lost = all.filter((cut) => cut.title === title && cut.side === side).map((cut) => cut.lost);
    return lost.length &&
      `${lost.length} of the ${side} ${title}: ${mib(lost.reduce((a, b) => a + b) / lost.length, 2)} MiB a kill, ` +
      `${mib(Math.max(...lost), 2)} at most`;
  }));
  console.log(`${given.browser}: ${all.length} kills in ${transfers} transfers of ${given.mib} MiB, ` +
    "each byte-equal in the end");
  for (const kind of kinds) if (kind) console.log(`  ${kind}`);
  const lost = all.map((cut) => cut.lost);
  const sum = lost.reduce((a, b) => a + b, 0);
  const worst = Math.max(...lost);
  console.log(`sent twice: ${mib(sum)} MiB in all, ${mib(sum / all.length, 2)} MiB a kill, ` +
    `${((100 * sum) / (transfers * size)).toFixed(2)} % of what was to be sent; ` +
    `${mib(twice / all.length, 2)} MiB a kill in tunnels`);
  if (Math.max(sum, twice) > all.length * ON_THE_WAY || worst > AT_WORST) {
    throw new Error(`expected at most ${mib(ON_THE_WAY)} MiB twice a kill and ${mib(AT_WORST)} once, ` +
      `got ${mib(Math.max(sum, twice) / all.length)} and ${mib(worst)}`);
  }
}

await main();
// A browser that was killed leaves connections that are waited for.
process.exit();
