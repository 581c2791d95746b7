/** Links between two pages behind NATs of their own, by STUN (PROTOCOL.md, section 24). Chromium only: it needs no port. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { BROWSERS } from "./harness/browser.js";
import { isLinked, made, received, visitWith } from "./harness/connections.js";
import { NatLab, natAddress, RELAY, without } from "./harness/nat_lab.js";
import { visit } from "./harness/page_user.js";
import { folder, tree } from "./harness/tree.js";

const MIB = 1 << 20;
const DIRECT = "directly between both browsers";
const BRIDGE = "through the server";
/** The HTTP ports of a relay whose page names STUN servers, and of one whose page names none. */
const [NAMES, NAMES_NONE] = [`http://${RELAY}:9248`, `http://${RELAY}:9258`];

const skip = BROWSERS.includes("chromium") ? without() : "is for Chromium";

describe("links between networks", { skip }, () => {
  let lab;
  let browsers;
  let relays;
  let files;

  before(async () => {
    files = await tree(join(folder(), "large"), { "many.bin": 48 * MIB });
    lab = new NatLab(2);
    relays = [
      await lab.relay([9247, 9248], "--stun", RELAY),
      await lab.relay([9257, 9258]),
    ];
    browsers = await Promise.all([0, 1].map((number) => lab.browser(number, [NAMES, NAMES_NONE])));
  });
  after(async () => {
    await Promise.all(browsers?.map((browser) => browser.close()) ?? []);
    for (const relay of relays ?? []) await relay.stop();
    lab?.stop();
  });

  /** Two users who always want a link, of whom the first opens the files of the second. */
  async function meet(t, url) {
    const [carol, dave] = [
      await visitWith("always", () => visit(browsers[0], url), "carol"),
      await visitWith("always", () => visit(browsers[1], url), "dave"),
    ];
    t.after(() => Promise.all([carol, dave].map(({ user }) => user.close())));
    await dave.share(files.paths);
    const opened = carol.open("dave");
    await dave.answer("carol", true);
    await opened;
    await carol.listed();
    return [carol, dave];
  }

  /** Returns the way that the page says the file came. */
  async function fetch(carol) {
    const says = await carol.remembers("#total");
    await carol.getAll();
    await carol.transfer("many.bin", "done");
    await carol.savedAll(files.files);
    return says;
  }

  /** Has the file come through the bridge, once no link could be made. Returns the first user's description. */
  async function takesTheBridge([carol, dave]) {
    const ended = ({ page }) =>
      page.waitForFunction(() => made.length && made.every(({ connectionState }) => /failed|closed/.test(connectionState)));
    await Promise.all([carol, dave].map(ended));
    await (await fetch(carol))(BRIDGE);
    assert.deepEqual([await made(carol), await received(carol)], [1, 0]);
    return description(carol);
  }

  test("a file takes a link where STUN told both browsers their addresses", async (t) => {
    lab.become("port-restricted");
    const users = await meet(t, NAMES);
    await Promise.all(users.map(isLinked));
    await (await fetch(users[0]))(DIRECT);
    assert.ok((await received(users[0])) > 48 * MIB);
    for (const [number, user] of users.entries()) {
      assert.match(await description(user), new RegExp(`^a=candidate:.* udp .* ${natAddress(number)} \\d+ typ srflx `, "m"));
    }
  });

  test("without STUN the file takes the bridge", async (t) => {
    lab.become("port-restricted");
    assert.doesNotMatch(await takesTheBridge(await meet(t, NAMES_NONE)), /srflx/);
  });

  test("where both NATs choose another port for each connection, the file takes the bridge", async (t) => {
    lab.become("symmetric");
    assert.match(await takesTheBridge(await meet(t, NAMES)), /typ srflx/);
  });
});

/** Returns what a user's browser told the other of itself. */
const description = (user) => user.page.evaluate(() => made[0].localDescription?.sdp);
