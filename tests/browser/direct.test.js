/** Links between two pages by WebRTC, past the bridge (PROTOCOL.md, section 24). */
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, tree } from "./harness/tree.js";
import { relay } from "./harness/xcher.js";

const MIB = 1 << 20;
/** What the page says about the way of its files. */
const DIRECT = "directly between both browsers";
const BRIDGE = "through the bridge";

let small;
let large;

before(async () => {
  const root = folder();
  small = await tree(join(root, "small"), { "one.bin": 3 * MIB + 1 });
  large = await tree(join(root, "large"), { "many.bin": 48 * MIB });
});

inEachBrowser("links between browsers", (stage) => {
  /** Two pages that are online with this policy, of which the second shares files. */
  async function pair(t, policy, files, ...args) {
    const at = stage.keep(t, await relay({ args }));
    const users = [];
    for (const nick of ["carol", "dave"]) {
      const user = await stage.visit(t, at.url, undefined);
      await watch(user.page);
      await user.page.evaluate((policy) => (localStorage.direct = policy), policy);
      await user.page.reload();
      await user.join(nick);
      await user.online();
      users.push(user);
    }
    const [carol, dave] = users;
    await dave.share(files.paths);
    const opened = carol.open("dave");
    await dave.answer("carol", true);
    await opened;
    await carol.listed();
    return { carol, dave };
  }

  /** Counts the connections that a page makes, and keeps them. */
  const watch = (page) =>
    page.evaluateOnNewDocument(() => {
      globalThis.made = [];
      const Real = globalThis.RTCPeerConnection;
      globalThis.RTCPeerConnection = class extends Real {
        constructor(...options) {
          super(...options);
          made.push(this);
        }
      };
    });

  const made = (user) => user.page.evaluate(() => made.length);
  const isLinked = (user) =>
    user.page.waitForFunction(() => made.some(({ connectionState }) => connectionState === "connected"));
  const cut = (user) => user.page.evaluate(() => made.forEach((connection) => connection.close()));
  /** Bytes of the data channels that a page received. */
  const received = (user) =>
    user.page.evaluate(async () => {
      let bytes = 0;
      for (const connection of made) {
        for (const [, report] of await connection.getStats()) {
          if (report.type === "data-channel") bytes += report.bytesReceived;
        }
      }
      return bytes;
    });

  test("files take a link, and the page says so", async (t) => {
    const { carol, dave } = await pair(t, "always", large);
    await Promise.all([carol, dave].map(isLinked));
    const says = await carol.remembers("#total");
    await carol.getAll();
    await carol.transfer("many.bin", "done");
    await carol.savedAll(large.files);
    await says(DIRECT);
    const bytes = await received(carol);
    assert.ok(bytes > 48 * MIB, `${bytes} bytes took the link`);
    assert.deepEqual([await made(carol), await made(dave)], [1, 1]);
  });
});
