import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { notLeaving, onLeaving } from "./leaving.js";
import { folder } from "./tree.js";
import { Watched } from "./waiting.js";

// The test runner ends a file that takes too long in this way.
process.once("SIGTERM", () => process.exit(143));

const BINARY = process.env.XCHER_BIN;

/** Starts the binary with these arguments, and nothing of this machine's configuration. */
export function xcher(...args) {
  if (!BINARY) throw new Error("expected the binary in XCHER_BIN, got none: see tests/browser/run");
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("XCHER_")),
  );
  env.XDG_CONFIG_HOME = "/nonexistent";
  // Each is someone else, and knows nobody.
  env.XCHER_DATA_DIR = folder();
  return new Process(BINARY, args, env);
}

/** A relay with its bridge, on free ports unless told otherwise. */
export async function relay({ listen = "127.0.0.1:0", http = "127.0.0.1:0", args = [] } = {}) {
  return bound(xcher("relay", "--listen", listen, "--http", http, ...args));
}

/** Another bridge to a relay. */
export async function bridge(relay) {
  const process = xcher("bridge", "--relay", relay, "--http", "127.0.0.1:0");
  process.url = await page(process);
  return process;
}

/** Waits for the lines that tell where a relay (`relay`, `up`) listens. */
export async function bound(process) {
  process.relay = await process.out("relay ");
  process.url = await page(process);
  return process;
}

async function page(process) {
  return (await process.out("http ")).replace(/\/$/, "");
}

/** A child process whose lines are waited for. */
export class Process {
  out_ = [];
  err_ = [];
  #watched = new Watched();
  #title;
  /** Starts it again as the same host. */
  anew;

  constructor(program, args, env = process.env) {
    this.anew = () => new Process(program, args, env);
    this.#title = [program, ...args].join(" ");
    this.child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    // Nothing that was started outlives the tests, however they end.
    const kill = () => this.child.kill("SIGKILL");
    onLeaving(kill);
    this.#read(this.child.stdout, this.out_);
    this.#read(this.child.stderr, this.err_);
    this.ended = once(this.child, "close").then(([code, signal]) => {
      notLeaving(kill);
      this.#watched.end(`it ended with ${code ?? signal}`);
      return code;
    });
    // Told by `ended`, where somebody waits.
    this.ended.catch(() => {});
  }

  #read(stream, lines) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      this.#watched.poke();
    });
  }

  /** Waits for a line on standard output that begins like this; returns the rest of it. */
  out(start) {
    const look = () => this.out_.find((line) => line.startsWith(start))?.slice(start.length);
    return this.#watched.until(`${start} on standard output`, look, () => this.story());
  }

  /** Waits for a line on standard error with this in it; returns the line. */
  err(part) {
    const look = () => this.err_.find((line) => line.includes(part));
    return this.#watched.until(`${part} on standard error`, look, () => this.story());
  }

  /** Waits for a `--json` event with these fields, after so many lines. */
  event(fields, after = 0, patience) {
    const fits = (event) => Object.entries(fields).every(([name, value]) => event[name] === value);
    const look = () => this.out_.slice(after).map((line) => JSON.parse(line)).find(fits);
    return this.#watched.until(`an event ${JSON.stringify(fields)}`, look, () => this.story(), patience);
  }

  /** Waits for its end; fails unless with this code. Returns its standard output. */
  async exits(code = 0) {
    const got = await this.ended;
    if (got !== code) throw new Error(`expected the end with ${code}, got ${got}\n${this.story()}`);
    return this.out_;
  }

  story() {
    return `${this.#title}\nout:\n${this.out_.join("\n")}\nerr:\n${this.err_.join("\n")}`;
  }

  /** Ends it, by its id, and waits for that. */
  async stop(signal = "SIGTERM") {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    await this.ended;
    const panic = this.err_.find((line) => line.includes("panicked"));
    if (panic) throw new Error(`a panic: ${panic}\n${this.story()}`);
  }
}
