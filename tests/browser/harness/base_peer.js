/**
 * A base-protocol peer, written from the original specification (XCHER.txt) alone: plain TCP, both roles. It
 * fails at every byte outside that protocol. The specification does not say how the relay learns a nick: this
 * peer sends
 * `X_NICK nick`, and answers X_PING.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { connect, createServer } from "node:net";
import { Lines, parse, parseInit } from "./base_lines.js";
import { PATIENCE, patiently, Watched } from "./waiting.js";

/** A connection to the relay with a nick. */
export class BasePeer {
  #calls = [];
  #watched = new Watched();
  #sessions = [];
  #closing = false;

  static async at(relay, nick) {
    const peer = new BasePeer();
    peer.nick = nick;
    peer.chat = await dial(relay);
    let known = false;
    reading(peer.chat, (line) => {
      if (line === `X_NICK ${nick} YES` && !known) known = true;
      else if (line.startsWith("X_PING ")) peer.chat.write(`X_PONG ${line.slice(7)}\n`);
      else if (known) peer.#calls.push(parseInit(line, nick));
      else throw new Error(`expected X_NICK ${nick} YES, got ${line}`);
      peer.#watched.poke();
    }, (why) => peer.#closing || peer.#watched.end(why));
    peer.chat.write(`X_NICK ${nick}\n`);
    await peer.#watched.until(`the nick ${nick}`, () => known || undefined);
    return peer;
  }

  /** As callee B: waits for a call and connects to the caller. */
  async called(files = []) {
    const call = await this.#watched.until("an X_INIT", () => this.#calls.shift());
    return this.#session(await dial(call), files);
  }

  /** As caller A: listens, sends X_INIT, and waits for the callee. */
  async call(nick, files = []) {
    return (await this.calling(nick)).answered(files);
  }

  /** Does the same, but returns once X_INIT is sent. */
  async calling(nick) {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    // Without a callee, the wait would keep the process alive for minutes.
    const stopped = new AbortController();
    const comes = (signal) =>
      once(server, "connection", { signal: AbortSignal.any([signal, stopped.signal]) });
    const connection = patiently("a connection", comes, 2 * PATIENCE);
    // A pending wait reports it.
    connection.catch(() => {});
    this.chat.write(`X_INIT ${nick} 127.0.0.1 ${server.address().port}\n`);
    return {
      answered: async (files = []) => {
        const [socket] = await connection;
        server.close();
        return this.#session(socket, files);
      },
      stop: () => {
        stopped.abort();
        server.close();
      },
    };
  }

  #session(socket, files) {
    const session = new SeedSession(socket, files);
    this.#sessions.push(session);
    return session;
  }

  /** Closes all connections; fails if anything outside the base protocol was received. */
  close() {
    this.#closing = true;
    this.chat.destroy();
    for (const session of this.#sessions) {
      session.socket.destroy();
      if (session.fault) throw session.fault;
    }
  }
}

/**
 * A control connection, which serves `files`: `{name, path, size}`, with `hold` as the number of bytes after
 * which it stops sending, `send` as that after which it closes, `gone` if it is listed and refused, and `listed` as the line instead of
 * `X_FILELIST name size`.
 */
export class SeedSession {
  /** The lines received. */
  lines = [];
  /** Outcomes of requested files: `{name, sent, how}`. */
  provided = [];
  /** "X_END", or how it closed otherwise. */
  ended;
  fault;
  #data = new Set();
  #list;
  #checks = [];
  #watched = new Watched();

  constructor(socket, files) {
    this.socket = socket;
    this.files = files;
    reading(socket, (line) => this.#packet(line), (why, fault) => {
      if (fault) this.fault = new Error(why);
      this.ended ??= why;
      this.#watched.end(why);
    });
    socket.resume();
  }

  /** Lists the peer's files: `{name, size}`. */
  async list() {
    const list = (this.#list = []);
    this.socket.write("X_FILELIST\n");
    await this.#until("X_FILELIST EOF EOF", () => list.whole);
    return [...list];
  }

  async check(name) {
    const question = { name };
    this.#checks.push(question);
    this.socket.write(`X_CHK ${name}\n`);
    return this.#until(`an answer about ${name}`, () => question.answer);
  }

  /**
   * Fetches a file: `{size, hash}`, or `refused`; `over` is how the connection ended. After `at` bytes it
   * stops reading until `meanwhile(data)`, called with the socket, is done.
   */
  async request({ name, size }, { at = Infinity, meanwhile } = {}) {
    const server = createServer();
    server.listen(0, this.socket.localAddress);
    await once(server, "listening");
    const result = { size: 0, refused: false };
    const digest = createHash("sha256");
    let failure;
    server.once("connection", (data) => {
      server.close();
      data.on("data", (bytes) => {
        digest.update(bytes);
        result.size += bytes.length;
        if (result.size < at) return;
        at = Infinity;
        data.pause();
        Promise.resolve(meanwhile(data)).catch((error) => (failure = error)).then(() => data.resume());
      });
      data.on("end", () => (result.over = "closed"));
      data.on("error", (error) => (result.over ??= error.code));
      data.on("close", () => {
        result.over ??= "stopped here";
        this.#watched.poke();
      });
    });
    // A NO also answers an X_REQUEST.
    const question = { name };
    this.#checks.push(question);
    this.socket.write(`X_REQUEST ${name} ${size} ${server.address().port}\n`);
    await this.#until(`the data of ${name}`, () => result.over ?? question.answer);
    this.#checks = this.#checks.filter((other) => other !== question);
    server.close();
    if (failure) throw failure;
    result.refused = question.answer === false;
    result.hash = digest.digest("hex");
    return result;
  }

  /** Sends X_END and closes. */
  end() {
    this.socket.end("X_END\n");
  }

  /** Resets every connection, like a host that is killed. */
  die() {
    for (const socket of [this.socket, ...this.#data]) socket.resetAndDestroy();
  }

  /** Waits until the peer ends the session. Returns how. */
  async over() {
    return this.#until("the end of the session", () => this.ended);
  }

  /** Waits until the peer has sent this. */
  said(start) {
    return this.#until(start, () => this.lines.find((line) => line.startsWith(start)));
  }

  /** Waits for the outcome of a requested file. */
  outcome(name) {
    return this.#until(`what becomes of ${name}`, () => {
      const found = this.provided.find((file) => file.name === name);
      return found?.how && found;
    });
  }

  /** Waits until so many bytes of a file are sent. */
  sent(name, bytes) {
    return this.#until(`${bytes} bytes of ${name} to leave`, () =>
      this.provided.find((file) => file.name === name && file.sent >= bytes),
    );
  }

  #until(what, look) {
    return this.#watched.until(what, () => {
      if (this.fault) throw this.fault;
      return look();
    }, () => `lines:\n${this.lines.join("\n")}`);
  }

  #packet(line) {
    this.lines.push(line);
    if (this.ended) throw new Error(`after X_END: ${line}`);
    const packet = parse(line);
    if (packet.verb === "X_END") this.ended = "X_END";
    else if (packet.verb === "X_FILELIST") this.#listed(packet);
    else if (packet.verb === "X_CHK") this.#checked(packet);
    else this.#requested(packet);
    this.#watched.poke();
  }

  #listed(packet) {
    if (packet.name === undefined && !packet.last) {
      const lines = this.files.map((file) => file.listed ?? `X_FILELIST ${file.name} ${file.size}`);
      this.socket.write([...lines, "X_FILELIST EOF EOF", ""].join("\n"));
      return;
    }
    if (!this.#list || this.#list.whole) throw new Error("an unrequested listing");
    if (packet.last) this.#list.whole = true;
    else this.#list.push({ name: packet.name, size: packet.size });
  }

  #checked({ name }) {
    const [, asked, answer] = /^(.*) (YES|NO)$/.exec(name) ?? [];
    const question = this.#checks.find((check) => check.name === asked);
    if (question) {
      question.answer = answer === "YES";
      this.#checks = this.#checks.filter((check) => check !== question);
      return;
    }
    const shared = this.files.some((file) => file.name === name);
    this.socket.write(`X_CHK ${name} ${shared ? "YES" : "NO"}\n`);
  }

  #requested({ name, size, port }) {
    const file = this.files.find((other) => other.name === name);
    if (!file || file.gone || size !== String(file.size)) {
      this.socket.write(`X_CHK ${name} NO\n`);
      return;
    }
    const outcome = { name, sent: 0 };
    this.provided.push(outcome);
    this.#provide(file, port, outcome).then(
      (how) => (outcome.how = how),
      (error) => (outcome.how = error.code ?? error.message),
    ).finally(() => this.#watched.poke());
  }

  async #provide(file, port, outcome) {
    const data = await dial({ host: this.socket.remoteAddress, port });
    this.#data.add(data);
    data.on("close", () => this.#data.delete(data));
    // The requester sends nothing on a data connection.
    data.on("data", (bytes) => {
      this.fault = new Error(`${bytes.length} bytes against the data of ${file.name}`);
      this.#watched.poke();
    });
    const ended = new Promise((resolve) => {
      data.on("error", (error) => resolve(error.code));
      data.on("close", () => resolve("closed"));
    });
    const hold = file.hold ?? Infinity;
    const end = Math.min(hold, file.send ?? file.size) - 1;
    if (end >= 0) {
      for await (const piece of createReadStream(file.path, { end, highWaterMark: 1 << 18 })) {
        const left = new Promise((resolve) => data.write(piece, resolve));
        const why = await Promise.race([left, ended]);
        if (typeof why === "string") return why;
        outcome.sent += piece.length;
        this.#watched.poke();
      }
    }
    if (hold < file.size) return ended;
    data.end();
    return (await ended) === "closed" ? "whole" : ended;
  }
}

async function dial(address) {
  const [host, port] =
    typeof address === "string" ? address.split(/:(?=\d+$)/) : [address.host, address.port];
  // Half-closes the data connection, which ends the file.
  const socket = connect({ host, port: Number(port) });
  await once(socket, "connect");
  return socket;
}

/** Passes every line to `take`, and to `over` the reason for the end and whether it is a fault. */
function reading(socket, take, over) {
  const lines = new Lines();
  const guarded = (work) => {
    try {
      work();
    } catch (error) {
      over(error.message, true);
      socket.destroy();
    }
  };
  socket.on("data", (bytes) => guarded(() => {
    for (const line of lines.receive(bytes)) take(line);
  }));
  socket.on("end", () => guarded(() => lines.end()));
  socket.on("error", (error) => over(error.code));
  socket.on("close", () => over("closed"));
}
