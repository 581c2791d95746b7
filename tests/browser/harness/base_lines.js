import { isIP } from "node:net";

/** The most bytes of a line, with its end (PROTOCOL.md, section 2.1). */
const MAX_LINE_LEN = 8_192;

/**
 * Splits bytes into lines, and accepts only the exact form: UTF-8, a single LF at the end, no control
 * characters.
 */
export class Lines {
  #rest = Buffer.alloc(0);

  /** Yields the lines that are complete. */
  *receive(bytes) {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (let end; (end = this.#rest.indexOf(10)) >= 0; ) {
      const line = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end + 1);
      if (line.length >= MAX_LINE_LEN) throw new Error(`a line of ${line.length} bytes`);
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
      if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) throw new Error(`a control character in ${show(text)}`);
      yield text;
    }
    if (this.#rest.length >= MAX_LINE_LEN) throw new Error("a line without an end");
  }

  /** Takes the end of the connection. */
  end() {
    if (this.#rest.length) throw new Error(`half a line: ${show(this.#rest.toString())}`);
  }
}

/**
 * Parses a packet of a control connection, and throws on any that is not of the base protocol. The caller,
 * who knows the questions, interprets an X_CHK that ends in YES or NO.
 */
export function parse(line) {
  if (line === "X_FILELIST" || line === "X_END") return { verb: line };
  let found;
  if (line === "X_FILELIST EOF EOF") return { verb: "X_FILELIST", last: true };
  if ((found = /^X_FILELIST (.+) (0|[1-9]\d*)$/.exec(line))) {
    return { verb: "X_FILELIST", name: named(found[1]), size: Number(found[2]) };
  }
  if ((found = /^X_REQUEST (.+) (\d+) ([1-9]\d{3,4})$/.exec(line)) && Number(found[3]) < 65_536) {
    return { verb: "X_REQUEST", name: named(found[1]), size: found[2], port: Number(found[3]) };
  }
  if ((found = /^X_CHK (.+)$/.exec(line))) return { verb: "X_CHK", name: found[1] };
  throw new Error(`expected a packet of the base protocol, got ${show(line)}`);
}

/** Parses a call from the relay. */
export function parseInit(line, nick) {
  const found = /^X_INIT (\S+) (\S+) ([1-9]\d{3,4})$/.exec(line);
  if (!found || found[1] !== nick || !isIP(found[2])) {
    throw new Error(`expected X_INIT ${nick} ip port, got ${show(line)}`);
  }
  return { host: found[2], port: Number(found[3]) };
}

/** Checks a name that a host of this project may send. */
function named(name) {
  const parts = name.split("/");
  const bad = parts.some((part) => part === "" || part === "." || part === "..");
  if (bad || Buffer.byteLength(name) > 1_024) throw new Error(`an invalid name: ${show(name)}`);
  return name;
}

function show(text) {
  return JSON.stringify(text.slice(0, 200));
}
