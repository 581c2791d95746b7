import { isIP } from "node:net";

/** Most bytes in a line, with its end (PROTOCOL.md, section 2.1). */
const LONGEST = 8_192;

/**
 * Cuts bytes into lines, and takes nothing that is not exactly as it is to be written: UTF-8, LF
 * alone at the end, no control character.
 */
export class Lines {
  #rest = Buffer.alloc(0);

  /** The lines that are whole by now. */
  *receive(bytes) {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (let end; (end = this.#rest.indexOf(10)) >= 0; ) {
      const line = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end + 1);
      if (line.length >= LONGEST) throw new Error(`a line of ${line.length} bytes`);
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
      if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) throw new Error(`a control character in ${show(text)}`);
      yield text;
    }
    if (this.#rest.length >= LONGEST) throw new Error("a line without an end");
  }

  /** The other side has closed. */
  end() {
    if (this.#rest.length) throw new Error(`half a line: ${show(this.#rest.toString())}`);
  }
}

/**
 * The packet in a line of a control connection; throws on anything that is none of the six. An
 * X_CHK that ends in YES or NO is left to the reader, who knows what was asked.
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
  throw new Error(`expected one of the six packets, got ${show(line)}`);
}

/** The call in a line from the relay. */
export function parseInit(line, nick) {
  const found = /^X_INIT (\S+) (\S+) ([1-9]\d{3,4})$/.exec(line);
  if (!found || found[1] !== nick || !isIP(found[2])) {
    throw new Error(`expected X_INIT ${nick} ip port, got ${show(line)}`);
  }
  return { host: found[2], port: Number(found[3]) };
}

/** A name that a host of this project may write. */
function named(name) {
  const parts = name.split("/");
  const bad = parts.some((part) => part === "" || part === "." || part === "..");
  if (bad || Buffer.byteLength(name) > 1_024) throw new Error(`a name that is none: ${show(name)}`);
  return name;
}

function show(text) {
  return JSON.stringify(text.slice(0, 200));
}
