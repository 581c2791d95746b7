// A terminal's files, which each environment fetches.

import assert from "node:assert/strict";
import { join } from "node:path";
import { folder, NAMES, tree } from "../browser/harness/tree.js";
import { bound, xcher } from "../browser/harness/xcher.js";

const root = folder();
export const files = await tree(join(root, "shared"), NAMES);

/** Starts alice, who shares the files at a relay of her own. */
export async function shared(...args) {
  const ports = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  const up = await bound(xcher("up", ...files.paths, "--nick", "alice", ...ports, ...args));
  await up.out("online ");
  return up;
}

/** Opens a page that fetches alice's files, and waits for what it got. */
export async function inPage(browser, url, path = "/") {
  const up = await shared("--allow-origin", url);
  const user = await browser.user();
  const asked = new URLSearchParams({ url: `${up.url}/xcher`, nick: "alice" });
  await user.page.goto(`${url}${path}?${asked}`);
  const body = await user.page.waitForSelector("body[data-result]");
  fetched(JSON.parse(await body.evaluate((body) => body.dataset.result)));
  await user.close();
  await up.stop();
}

/** Fails unless these are exactly alice's files, byte for byte. */
export function fetched({ error, who, files: got, absent, ended }) {
  assert.equal(error, undefined);
  assert.ok(who.includes("alice"));
  assert.equal(absent, false);
  assert.equal(ended, undefined);
  const order = (a, b) => (a.name < b.name ? -1 : 1);
  const expected = files.files.map(({ name, size, hash }) => ({ name, size, received: size, hash }));
  assert.deepEqual(
    got.map(({ name, size, received, hash }) => ({ name, size, received, hash })).sort(order),
    expected.sort(order),
  );
}
