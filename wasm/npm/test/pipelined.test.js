// A base-protocol peer that sends all its questions in one write.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { basePeer, lines, peer, relay } from "./system.js";

/** The most questions that may wait in a session (PROTOCOL.md, section 8). */
const QUESTIONS = 256;

/** Calls `nick` by the base protocol. Returns the control connection. */
async function call(t, relay, nick) {
  const { chat } = await basePeer(t, relay, "seed");
  const server = createServer();
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  chat.write(`X_INIT ${nick} 127.0.0.1 ${server.address().port}\n`);
  const [control] = await once(server, "connection");
  t.after(() => control.destroy());
  return control;
}

const numbered = (each) => Array.from({ length: QUESTIONS }, (_, at) => `${each(at)}\n`).join("");

test("answers 256 questions in one chunk in order", async (t) => {
  const bridge = await relay(t);
  const carol = await peer(t, bridge, "carol");
  for (let at = 0; at < QUESTIONS; at += 2) carol.share(new Blob(["x"]), `file ${at}`);
  const control = await call(t, bridge, "carol");
  const said = lines(control);
  for (let round = 0; round < 2; round += 1) {
    control.write(numbered((at) => `X_CHK file ${at}`));
    for (let at = 0; at < QUESTIONS; at += 1) {
      assert.equal(await said(), `X_CHK file ${at} ${at % 2 ? "NO" : "YES"}`);
    }
  }
  control.write(numbered((at) => `X_REQUEST none ${at} 40000`));
  for (let at = 0; at < QUESTIONS; at += 1) assert.equal(await said(), "X_CHK none NO");
  control.write("X_CHK file 0\nX_FILELIST\nX_CHK file 1\n");
  assert.equal(await said(), "X_CHK file 0 YES");
  for (let at = 0; at < QUESTIONS / 2; at += 1) assert.match(await said(), /^X_FILELIST file \d+ 1$/);
  assert.equal(await said(), "X_FILELIST EOF EOF");
  assert.equal(await said(), "X_CHK file 1 NO");
});
