/**
 * Measures in Chromium, on loopback and with nothing cached, how long after the start of the navigation the first
 * screen is there, and its main button reacts: a press is followed by a change of the document, or opens a choice of
 * files. The page's processor is slowed; that of its worker is not, because no browser offers it.
 *
 *   tests/browser/first_screen [--visits N] [--slowed TIMES] [--at-most MILLISECONDS]
 *
 * With --at-most it fails where the median is higher.
 */
import { parseArgs } from "node:util";
import { launch } from "./harness/browser.js";
import { relay } from "./harness/xcher.js";

const { values: given } = parseArgs({
  options: {
    visits: { type: "string", default: "9" },
    slowed: { type: "string", default: "6" },
    "at-most": { type: "string", default: "Infinity" },
  },
});

/** Runs in the page: sets `measured` once the main button has reacted. Times are since the navigation's start. */
function watch() {
  const isShown = (element) => element.checkVisibility?.() && !element.disabled;
  let shown;
  const look = () => {
    const main = [...document.querySelectorAll(".main")].find(isShown);
    // The page names its view once it has chosen one.
    if (!main || !document.body?.dataset.view) return requestAnimationFrame(look);
    shown ??= performance.now();
    const react = () => (globalThis.measured ??= { shown, reacts: performance.now() });
    addEventListener("click", (event) => event.target.type === "file" && react(), true);
    new MutationObserver(react).observe(document, { attributes: true, childList: true, subtree: true });
    main.click();
  };
  requestAnimationFrame(look);
}

async function visit(browser, url) {
  const user = await browser.user();
  try {
    const { page } = user;
    await page.emulateCPUThrottling(Number(given.slowed));
    await page.evaluateOnNewDocument(watch);
    await page.goto(url, { waitUntil: "domcontentloaded" });
    const found = await page.waitForFunction(() => globalThis.measured);
    return await found.jsonValue();
  } finally {
    await user.close();
  }
}

const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

const at = await relay();
const browser = await launch("chromium");
try {
  // The first one starts parts of the browser.
  await visit(browser, at.url);
  const all = [];
  for (let count = 0; count < Number(given.visits); count++) all.push(await visit(browser, at.url));
  for (const what of ["shown", "reacts"]) {
    const times = all.map((times) => Math.round(times[what]));
    console.log(`${what}: ${median(times)} ms (${times[0]} to ${times.at(-1)})`);
  }
  if (median(all.map(({ reacts }) => reacts)) > Number(given["at-most"])) process.exitCode = 1;
} finally {
  await browser.close();
  await at.stop();
}
