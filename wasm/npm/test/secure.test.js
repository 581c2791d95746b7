// Messages between two hosts with given secrets, byte for byte, as this module computes them.

import assert from "node:assert/strict";
import { createCipheriv, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { root, testing } from "./testing.js";

const vectors = JSON.parse(readFileSync(new URL("core/tests/vectors/secure.json", root)));
const hex = (text) => Uint8Array.from(Buffer.from(text, "hex"));
const utf8 = (text) => new TextEncoder().encode(text);
const HEAD = 2;
const TAG = 16;

let module;

before(async () => {
  module = await testing();
});

/** Returns both ends after the handshake, of which each message is compared with the file. */
function session() {
  const ends = ["caller", "called"].map((side) => {
    const { secret, "handshake entropy": entropy } = vectors[side];
    return new module.Secure(side === "caller", hex(secret), vectors.prologue, hex(entropy));
  });
  for (const [turn, message] of vectors.handshake.messages.entries()) {
    assert.equal(ends[turn % 2].write(), message, `message ${turn}`);
    ends[(turn + 1) % 2].read(message);
  }
  for (const end of ends) assert.deepEqual(end.finish(), hex(vectors.handshake.hash));
  return ends;
}

test("keys and handshake", () => {
  const [a, b] = session();
  assert.equal(a.remote(), vectors.called.public);
  assert.equal(b.remote(), vectors.caller.public);
  for (const { secret, public: key } of [vectors.caller, vectors.called]) {
    assert.equal(module.public_of(hex(secret)), key);
  }
});

test("control records", () => {
  const [a, b] = session();
  for (const { side, text, record } of vectors.control) {
    const [from, to] = side === "A" ? [a, b] : [b, a];
    assert.deepEqual(from.seal(utf8(text)), hex(record), text);
    assert.deepEqual(to.open(hex(record)), utf8(text));
  }
});

test("data records", () => {
  const [a, b] = session();
  const mine = vectors.data.filter(({ cipher }) => cipher === "ChaCha20-Poly1305");
  assert.equal(mine.length, 5);
  for (const { requester, number, records } of mine) {
    const [requests, provides] = requester === "A" ? [a, b] : [b, a];
    const sealer = provides.provide(requester === "A", number);
    const opener = requests.request(requester === "A", number);
    for (const expected of records.slice(0, -1)) {
      const text = utf8(expected.text.text.repeat(expected.text.times));
      const room = new Uint8Array(HEAD + text.length + TAG);
      room.set(text, HEAD);
      const record = sealer.seal(room);
      compare(record, expected);
      assert.deepEqual(opener.open(record), text);
    }
    assert.throws(() => opener.close());
    const last = sealer.finish();
    compare(last, records.at(-1));
    assert.deepEqual(opener.open(last), utf8(""));
    opener.close();
  }
});

function compare(record, { length, begin, end }) {
  assert.equal(record.length, length);
  assert.deepEqual(record.subarray(0, begin.length / 2), hex(begin));
  assert.deepEqual(record.subarray(length - end.length / 2), hex(end));
}

test("safety words", () => {
  const ends = session();
  ends[0].compare(hex(vectors.caller["safety entropy"]));
  ends[1].compare(hex(vectors.called["safety entropy"]));
  for (const [turn, line] of vectors.safety.lines.entries()) {
    assert.equal(ends[turn % 2].say(), line, `line ${turn}`);
    ends[(turn + 1) % 2].hear(line);
  }
  for (const end of ends) assert.equal(end.words(), vectors.safety.words);
});

test("the exchange about a code", () => {
  const [a, b] = session();
  const { code, lines } = vectors.code;
  b.await_proof(code, hex(vectors.called["code entropy"]));
  assert.equal(a.prove(code, hex(vectors.caller["code entropy"])), lines[0]);
  assert.equal(b.answer(lines[0]), lines[1]);
  assert.equal(a.answer(lines[1]), lines[2]);
  assert.equal(b.confirm(lines[2]), lines[3]);
  a.confirm(lines[3]);
});

test("texts of every length around those of the vectors, compared with OpenSSL", () => {
  const [key, nonce, aad] = [randomBytes(32), randomBytes(12), randomBytes(21)];
  const lengths = [...Array(600).keys(), 4096, 65_518, 65_519, 200_001];
  for (const length of lengths) {
    const text = randomBytes(length);
    const head = aad.subarray(0, length % aad.length);
    const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG });
    cipher.setAAD(head);
    const expected = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
    assert.ok(expected.equals(module.sealed(key, nonce, head, text)), `${length}`);
    assert.ok(text.equals(module.opened(key, nonce, head, expected)), `${length}`);
    expected[length >> 1] ^= 1;
    assert.throws(() => module.opened(key, nonce, head, expected), /not authentic/, `${length}`);
  }
});
