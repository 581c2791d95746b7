/**
 * Measures a link between two pages beside the bridge, in one sitting: each round fetches a file over both, one after
 * the other, and the next round begins with the other one. On loopback: a link between two computers is slower.
 *
 *   tests/browser/direct_rate [--browser NAME] [--rounds N] [--mib N] [--rates none,2mb,…]
 *
 * `--rates` are limits of each tunnel of the bridge.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { launch } from "./harness/browser.js";
import { isLinked, visitWith } from "./harness/connections.js";
import { visit } from "./harness/page_user.js";
import { folder, tree } from "./harness/tree.js";
import { relay } from "./harness/xcher.js";

const { values: given } = parseArgs({
  options: {
    browser: { type: "string", default: "chromium" },
    rounds: { type: "string", default: "3" },
    mib: { type: "string", default: "32" },
    rates: { type: "string", default: "none,8mb,4mb,2mb" },
  },
});
const rounds = Number(given.rounds);
const mib = Number(given.mib);
const names = Array.from({ length: rounds }, (_, at) => `${at}.bin`);

/** Two pages of which the second shares the files. */
async function pair(browser, url, policy, files) {
  const nicks = [`${policy}-a`, `${policy}-b`];
  const users = [];
  for (const nick of nicks) users.push(await visitWith(policy, () => visit(browser, url), nick));
  const [one, other] = users;
  await other.share(files.paths);
  const opened = one.open(nicks[1]);
  await other.answer(nicks[0], true);
  await opened;
  await one.listed();
  if (policy === "always") await Promise.all([one, other].map(isLinked));
  return [one, other];
}

async function rate(user, name) {
  const began = performance.now();
  await user.get(name);
  await user.transfer(name, "done");
  return (mib * 1000) / (performance.now() - began);
}

const median = (rates) => rates.toSorted((a, b) => a - b)[rates.length >> 1];

const files = await tree(join(folder(), "files"), Object.fromEntries(names.map((name) => [name, mib << 20])));
const browser = await launch(given.browser);
try {
  for (const limit of given.rates.split(",")) {
    const at = await relay({ args: limit === "none" ? [] : ["--tunnel-rate", limit] });
    const byLink = await pair(browser, at.url, "always", files);
    const byBridge = await pair(browser, at.url, "never", files);
    const [links, bridges] = [[], []];
    for (const [round, name] of names.entries()) {
      const turns = [() => rate(byLink[0], name).then((one) => links.push(one)), () => rate(byBridge[0], name).then((one) => bridges.push(one))];
      for (const turn of round % 2 ? turns.reverse() : turns) await turn();
    }
    const ratios = links.map((one, at) => one / bridges[at]);
    const show = (rates) => rates.map((one) => one.toFixed(1)).join(" ");
    console.log(`bridge limited to ${limit}: link ${show(links)}, bridge ${show(bridges)} MiB/s; ratio ${show(ratios)}, median ${median(ratios).toFixed(2)}`);
    for (const user of [...byLink, ...byBridge]) await user.user.close();
    await at.stop();
  }
} finally {
  await browser.close();
}
process.exit();
