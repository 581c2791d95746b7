// Replays the transcripts that every implementation must match: ../../../tests/transcripts/README.md.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { before, test } from "node:test";
import { root, testing } from "./testing.js";

const folder = new URL("tests/transcripts/", root);

let Control;

before(async () => {
  ({ Control } = await testing());
});

/** Returns the bytes of a text with escapes. */
function unescape(text) {
  const parts = text.split(/(\\(?:x[0-9a-fA-F]{2}|\{[^}]*\}|.))/);
  return Buffer.concat(
    parts.map((part, at) => {
      if (at % 2 === 0) return Buffer.from(part);
      const escaped = { "\\\\": "\\", "\\r": "\r", "\\n": "\n", "\\t": "\t" }[part];
      if (escaped !== undefined) return Buffer.from(escaped);
      if (part[1] === "x") return Buffer.from(part.slice(2), "hex");
      const [, what, times] = /^\\\{(.*)\*(\d+)\}$/s.exec(part);
      return Buffer.from(what.repeat(Number(times)));
    }),
  );
}

function read(name) {
  const lines = readFileSync(new URL(name, folder), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const kind = /^@ (\w+)$/.exec(lines.shift())[1];
  const records = lines.map((line) => {
    const [, side, mark, text = ""] = /^([A-Z])([>~:!])(?: (.*))?$/s.exec(line);
    const bytes = unescape(text);
    return { side, mark, bytes: mark === ">" ? Buffer.concat([bytes, Buffer.from("\n")]) : bytes };
  });
  return { kind, records };
}

/**
 * Returns the steps of one side: actions, received bytes, reports and written bytes, from one `:` to the
 * next.
 */
function steps(records, side) {
  const steps = [];
  const begin = (does) => steps.push({ does, hears: [], reports: [], writes: [] });
  begin(undefined);
  for (const { side: whose, mark, bytes } of records) {
    if (whose === side && mark === ":") begin(String(bytes));
    const step = steps.at(-1);
    const written = mark === ">" || mark === "~";
    if (whose === side && mark === "!") step.reports.push(String(bytes));
    else if (whose === side && written) step.writes.push(bytes);
    else if (whose !== side && written) step.hears.push(bytes);
  }
  return steps;
}

/** Replays a side; `cut` splits the received bytes. */
function replay(steps, cut) {
  const control = new Control();
  let broken = false;
  for (const { does, hears, reports, writes } of steps) {
    const reported = does === undefined ? [] : control.does(does);
    for (const piece of cut(Buffer.concat(hears))) {
      broken ||= reported.some((report) => report.startsWith("error "));
      if (!broken) reported.push(...control.receive(piece));
    }
    assert.deepEqual(reported, reports);
    assert.equal(String(Buffer.from(control.written())), String(Buffer.concat(writes)));
  }
  control.free();
}

const whole = (bytes) => [bytes];
const single = (bytes) => Array.from(bytes, (byte) => Buffer.of(byte));

for (const name of readdirSync(folder).filter((name) => name.endsWith(".txt"))) {
  const { kind, records } = read(name);
  // The package has no relay.
  if (kind !== "control") continue;
  test(name, () => {
    const told = records.filter(({ mark }) => mark === ":" || mark === "!");
    for (const side of new Set(told.map(({ side }) => side))) {
      const its = steps(records, side);
      replay(its, whole);
      replay(its, single);
      const most = Math.max(...its.map(({ hears }) => Buffer.concat(hears).length));
      for (let at = 1; at < Math.min(most, 600); at += 1) {
        replay(its, (bytes) => [bytes.subarray(0, at), bytes.subarray(at)]);
      }
    }
  });
}
