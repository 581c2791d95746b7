import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { cancelOnExit, onExit } from "./exit_hooks.js";
import { servePacked } from "./packed_page.js";
import { serveSources } from "./page_sources.js";
import { folder } from "./tree.js";
import { Watched } from "./waiting.js";

// The test runner ends a file that takes too long by this signal.
process.once("SIGTERM", () => process.exit(143));

const BINARY = process.env.XCHER_BIN;

/** Starts the binary with these arguments and without this machine's configuration. */
export function xcher(...args) {
  return xcherBy([], ...args);
}

/** Likewise, by a program that starts it elsewhere. */
export function xcherBy(starter, ...args) {
  if (!BINARY) throw new Error("XCHER_BIN does not name the binary: see tests/browser/run");
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("XCHER_")),
  );
  env.XDG_CONFIG_HOME = "/nonexistent";
  // Each has its own key and no pinned ones.
  env.XCHER_DATA_DIR = folder();
  // A test of a cut expects its end, and tests stay off the networks of this machine.
  env.XCHER_RETRY = "0";
  env.XCHER_NO_LAN = "1";
  const [program, ...all] = [...starter, BINARY, ...args];
  return new Process(program, all, env);
}

/** Starts a relay with its bridge, on free ports by default. */
export async function relay({ listen = "127.0.0.1:0", http = "127.0.0.1:0", args = [] } = {}) {
  return bound(xcher("relay", "--listen", listen, "--http", http, ...args));
}

/** Starts another bridge of a relay. */
export async function bridge(relay) {
  const process = xcher("bridge", "--relay", relay, "--http", "127.0.0.1:0");
  process.url = await page(process);
  return process;
}

/** Waits for the lines with the addresses of a relay (`relay`, `up`). */
export async function bound(process) {
  process.relay = await process.out("relay ");
  process.url = await page(process);
  return process;
}

/** Other pages than that in the binary, by the value of XCHER_PAGE. */
const PAGES = { sources: serveSources, packed: servePacked };

/** Returns the URL of the page. */
async function page(program) {
  const url = (await program.out("http ")).replace(/\/$/, "");
  const serve = PAGES[process.env.XCHER_PAGE];
  if (!serve) return url;
  const front = await serve(url);
  program.ended.finally(() => front.stop());
  return front.url;
}

/** A child process, whose output lines can be awaited. */
export class Process {
  out_ = [];
  err_ = [];
  #watched = new Watched();
  #title;
  /** Its exit code, once it has ended. */
  #code;
  /** Starts it again, with the same keys. */
  anew;

  constructor(program, args, env = process.env) {
    this.anew = () => new Process(program, args, env);
    this.#title = [program, ...args].join(" ");
    this.child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    // No process outlives the tests, however they end.
    const kill = () => this.child.kill("SIGKILL");
    onExit(kill);
    this.#read(this.child.stdout, this.out_);
    this.#read(this.child.stderr, this.err_);
    this.ended = once(this.child, "close").then(([code, signal]) => {
      cancelOnExit(kill);
      this.#code = { code, signal };
      this.#watched.end(`it ended with ${code ?? signal}`);
      return code;
    });
    // Pending waits fail through `ended`.
    this.ended.catch(() => {});
  }

  #read(stream, lines) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      this.#watched.poke();
    });
  }

  /** Waits for a line on standard output that begins with this. Returns the rest of it. */
  out(start) {
    const look = () => this.out_.find((line) => line.startsWith(start))?.slice(start.length);
    return this.#watched.until(`${start} on standard output`, look, () => this.story());
  }

  /** Waits for a line on standard error that contains this. Returns the line. */
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

  /** Waits until it exits, and fails unless with this code. Returns its standard output. */
  async exits(code = 0) {
    const { code: got } = await this.#watched.until("its end", () => this.#code, () => this.story());
    if (got !== code) throw new Error(`exited with ${got} instead of ${code}\n${this.story()}`);
    return this.out_;
  }

  story() {
    return `${this.#title}\nout:\n${this.out_.join("\n")}\nerr:\n${this.err_.join("\n")}`;
  }

  /** Kills it by its id, and waits until it has exited. */
  async stop(signal = "SIGTERM") {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    await this.ended;
    const panic = this.err_.find((line) => line.includes("panicked"));
    if (panic) throw new Error(`a panic: ${panic}\n${this.story()}`);
  }
}
