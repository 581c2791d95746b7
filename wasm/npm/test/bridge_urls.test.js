import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { address, pageOf } from "../bridge.js";
import { peer, relay } from "./system.js";

const table = readFileSync(new URL("../../../tests/bridge_urls.txt", import.meta.url), "utf8");
const lines = table.split("\n").filter((line) => line && !line.startsWith("#"));

test("reads addresses of bridges as the terminal does", () => {
  assert.ok(lines.length > 20);
  for (const line of lines) {
    const [given, expected] = line.split(/ +/);
    for (const url of URL.canParse(given) ? [given, new URL(given)] : [given]) {
      if (expected === "refused") assert.throws(() => address(url), { name: "XcherError", code: "misuse" }, given);
      else assert.equal(address(url), expected, given);
    }
  }
});

test("takes a host and a port for a bridge", () => {
  for (const [given, expected] of [
    ["127.0.0.1:9248", "ws://127.0.0.1:9248/xcher"],
    ["localhost:9248", "ws://localhost:9248/xcher"],
    ["[::1]:9248", "ws://[::1]:9248/xcher"],
    ["relay.example:443", "wss://relay.example/xcher"],
  ]) {
    assert.equal(address(given), expected);
  }
  for (const given of ["relay.example", "9248", ":9248", "a b:9248", "relay.example:99999", "tls://a", "irc://a/#b", "lan", "", 5, null]) {
    assert.throws(() => address(/** @type {any} */ (given)), { name: "XcherError", code: "misuse" }, String(given));
  }
});

test("shows no secret of an address that it refuses", () => {
  assert.throws(() => address("https://me:secret@relay.example/"), (error) => !/secret/.test(String(error)));
  assert.throws(() => address("https://relay.example/?token=secret"), (error) => !/secret/.test(String(error)));
});

test("knows the page of a bridge", () => {
  assert.equal(pageOf("ws://127.0.0.1:9248/xcher"), "http://127.0.0.1:9248/");
  assert.equal(pageOf("wss://relay.example/files/xcher"), "https://relay.example/files/");
  assert.equal(pageOf("wss://relay.example/other"), undefined);
});

test("connects by the page's address", async (t) => {
  const bridge = await relay(t);
  const page = new URL("./", bridge.url);
  for (const [at, url] of [page.href, page.origin, page, page.host].entries()) {
    const carol = await peer(t, { url }, `carol-${at}`);
    assert.ok((await carol.who()).includes(`carol-${at}`));
  }
});
