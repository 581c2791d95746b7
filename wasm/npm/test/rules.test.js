import assert from "node:assert/strict";
import { test } from "node:test";
import { isCode, isOneTimeNick, numbered } from "../index.js";

test("tells codes from nicks", async () => {
  for (const text of ["4821-crossover-clockwork-universe", " 4821 x", "7-wrong"]) assert.ok(await isCode(text), text);
  for (const text of ["", "carol", "4821", "carol-4821", "4821-"]) assert.ok(!(await isCode(text)), text);
  assert.deepEqual([await isOneTimeNick("4821"), await isOneTimeNick("carol-4821")], [true, false]);
});

test("numbers a taken name within the limits of names", async () => {
  assert.equal(await numbered("a/song.mp3", 1), "a/song (1).mp3");
  assert.equal(await numbered(".hidden", 2), ".hidden (2)");
  const long = await numbered(`${"x".repeat(250)}.txt`, 10);
  assert.ok(long.endsWith(" (10).txt") && long.length === 255, long);
});
