/**
 * Kills one side of a transfer with SIGKILL at random points, again and again, and resumes each time: the
 * counterpart of tests/bench/kill with a browser on one side. A file is sent alternately from `xcher share`
 * to the page, and from a page that shares it to `xcher get`. The killed side is the terminal's process, or
 * all processes of the browser, whose profile stays. Then that side restarts, Resume is pressed or the same
 * `get` is run, and in the end the file must be identical byte for byte.
 *
 * A proxy between browser and bridge counts the bytes that the tunnels carry, without those of the page
 * itself. The complete file passes there in either direction, and bytes that a killed browser did not read
 * are counted. The excess over a run without kills was sent twice. A sharing terminal may have sent more,
 * which the bridge still held when the browser was killed: for a single kill its own count is used if that is
 * higher. Positions in the file are by the proxy's count.
 */
import { createHash, randomInt } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { launch } from "./harness/browser.js";
import { proxy } from "./harness/proxy.js";
import { visit } from "./harness/page_user.js";
import { folder, same, tree } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const MIB = 1 << 20;
/**
 * Bytes that may be under way between the two sides and are lost at a kill, usually and at worst: a page
 * gives the bridge 16 MiB of credit, and the system buffers some on each connection.
 */
const ON_THE_WAY = 12 * MIB;
const AT_WORST = 32 * MIB;
/** Time in which each part of a transfer must end, in milliseconds. */
const PATIENCE = 300_000;
const SIDES = ["browser", "terminal"];

const { values: given } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    // The most kills of a transfer.
    each: { type: "string", default: "8" },
    mib: { type: "string", default: "1024" },
    // The seed, to repeat a run.
    seed: { type: "string", default: String(randomInt(2 ** 32)) },
    browser: { type: "string", default: "chromium" },
  },
});
const kills = Number(given.kills);
const size = Number(given.mib) * MIB;

/** Returns a generator of numbers from 0 up to 1 from a seed. */
let drawn = 0;
const chance = () => createHash("sha256").update(`${given.seed} ${drawn++}`).digest().readUInt32LE() / 2 ** 32;

/** Waits until the transfer with a killed side has ended. Returns true if all of it had been sent. */
async function wasDone(user, { name }) {
  const row = await user.sees("#moving li:not([data-state=active])", { name });
  return row.evaluate((row) => row.dataset.state === "done");
}

/** A browser with a user at the page, restarted after each kill. */
class Seat {
  #profile = folder();

  async sit(url) {
    this.browser = await launch(given.browser, this.#profile);
    this.user = await visit(this.browser, url);
    // Chromium writes localStorage to the disk some seconds later.
    if (await this.user.needsNick()) await this.user.join("carol");
    await this.user.online();
    return this.user;
  }

  async leave() {
    await this.browser.kill();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** The page fetches a terminal's file. */
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
    if (side !== "browser") {
      await this.terminal.stop("SIGKILL");
      if (await wasDone(this.carol, this.file)) return undefined;
      return async () => {
        // The page resumes by itself.
        this.terminal = this.terminal.anew();
        await this.terminal.event({ event: "online" });
      };
    }
    await this.#seat.browser.kill();
    this.carol = await this.#seat.sit(this.through.url);
    await this.carol.left(this.file.name);
    return () => this.carol.goOn(this.file.name);
  }

  /** Returns the bytes of the file that the sharing terminal last reported as sent. */
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

/** A terminal fetches a page's file. */
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
      // It reports the error and exits.
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
 * Runs one transfer with kills at these positions, each of one side. Returns the bytes that the tunnels
 * carried, and of each kill the bytes so far, their start, and the position at which the transfer resumed.
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
      // All of the file had been sent.
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
  /** In the tunnels, framing included. */
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
      // Framing counts, too.
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
// A killed browser leaves connections that would keep this process alive.
process.exit();
