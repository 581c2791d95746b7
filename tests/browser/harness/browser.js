import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { notLeaving, onLeaving } from "./leaving.js";
import { folder } from "./tree.js";
import { PATIENCE, patiently, Watched } from "./waiting.js";

/** The browsers that every scenario runs in: both, or those named in XCHER_BROWSERS. */
export const BROWSERS = (process.env.XCHER_BROWSERS ?? "chromium firefox").split(/[ ,]+/);

const PROGRAMS = {
  chromium: process.env.CHROMIUM ?? "/usr/bin/chromium",
  firefox: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
};

/** Nothing of this needs a network, a graphics card or a sandbox within the test's. */
const CHROMIUM = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
  // Tabs behind another one are as awake as it is.
  "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
];
const FIREFOX = {
  "browser.download.useDownloadDir": true,
  "browser.download.alwaysOpenPanel": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "app.update.enabled": false,
};

/** What the browser answers of itself takes no longer than this, however busy the machine is. */
const AT_MOST = 20 * PATIENCE;

/** Starts a browser with a fresh profile, or with the one in this folder. */
export async function launch(name, profile) {
  const kept = profile && { "browser.download.folderList": 2, "browser.download.dir": saves(profile) };
  const options =
    name === "firefox"
      ? { browser: "firefox", extraPrefsFirefox: { ...FIREFOX, ...kept } }
      : { browser: "chrome", args: CHROMIUM };
  const launched = {
    ...options,
    userDataDir: profile,
    executablePath: PROGRAMS[name],
    headless: true,
    timeout: 0,
    protocolTimeout: AT_MOST,
  };
  const browser = await patiently(`${name} to start`, () => puppeteer.launch(launched));
  return new Browser(name, browser, profile);
}

/** Where what is saved goes in a profile that is used again. */
const saves = (profile) => join(profile, "downloads");

/** A browser that runs. */
class Browser {
  #root = folder();
  #users = 0;
  /** It does not outlive the tests, however they end. */
  #end = () => killAll(this.process());

  constructor(name, browser, profile) {
    this.name = name;
    this.profile = profile;
    this.browser = browser;
    onLeaving(this.#end);
  }

  process() {
    return this.browser.process();
  }

  /**
   * Someone in front of this browser, with storage and a download folder of their own.
   *
   * `onDisk`: storage is on disk, as it is for everyone who does not browse in private; what is
   * stored is then shared with others at the same origin. `picker`: with the pickers of File System
   * Access, which a headless browser cannot show.
   */
  async user({ onDisk = false, picker = false, size = [1280, 800] } = {}) {
    const downloads = this.profile ? saves(this.profile) : join(this.#root, `downloads-${(this.#users += 1)}`);
    mkdirSync(downloads, { recursive: true });
    const downloadBehavior = { policy: "allow", downloadPath: downloads };
    let context;
    // Firefox stores on disk in every context.
    const shared = this.profile || (onDisk && this.name !== "firefox");
    if (shared) {
      context = this.browser.defaultBrowserContext();
      // Firefox has it from its settings.
      await context.setDownloadBehavior?.(downloadBehavior);
    } else {
      context = await this.browser.createBrowserContext({ downloadBehavior });
    }
    const page = await context.newPage();
    await page.setViewport({ width: size[0], height: size[1] });
    await page.evaluateOnNewDocument(watchPolicy);
    if (!picker) await page.evaluateOnNewDocument(withoutPickers);
    return new User(this, context, page, downloads, shared);
  }

  /** Ends it with no time for anything, all its processes at once: they are a group of their own. */
  async kill() {
    killAll(this.process());
    await this.#gone();
    if (this.profile) await putBack(this.profile);
  }

  async close() {
    await this.browser.close();
    await this.#gone();
  }

  /**
   * Waits for its end. What watches for crashes is in a session of its own, outlives a browser that
   * is killed, and holds its standard streams: who read on would wait for that one too.
   */
  async #gone() {
    const child = this.process();
    if (runs(child)) await once(child, "exit");
    for (const stream of child.stdio) stream?.destroy();
    notLeaving(this.#end);
  }
}

const runs = (child) => child.exitCode === null && child.signalCode === null;

/** Ends it and all processes of its group. */
function killAll(child) {
  if (runs(child)) process.kill(-child.pid, "SIGKILL");
}

/** Waits until puppeteer has put back the settings that it found in a profile of Firefox. */
async function putBack(profile) {
  const watched = new Watched();
  const watcher = watch(profile, () => watched.poke());
  const kept = () => readdirSync(profile).filter((name) => name.endsWith(".puppeteer"));
  try {
    await watched.until("the settings put back", () => !kept().length || undefined, () => kept().join());
  } finally {
    watcher.close();
  }
}

/** A tab, and what was saved from it. */
class User {
  /** What the page complained about. */
  faults = [];
  #allowed = [];
  #context;
  #shared;

  constructor(browser, context, page, downloads, shared) {
    this.browser = browser;
    this.page = page;
    this.downloads = downloads;
    this.#context = context;
    this.#shared = shared;
    page.setDefaultTimeout(AT_MOST);
    waitPatiently(page);
    page.on("pageerror", (error) => this.faults.push(`uncaught: ${error?.message ?? error}`));
    page.on("console", (message) => {
      if (["error", "assert"].includes(message.type())) this.faults.push(message.text());
    });
    page.on("dialog", (dialog) => {
      // Whether to leave while files are on their way.
      if (dialog.type() === "beforeunload") return dialog.accept().catch(() => {});
      this.faults.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss().catch(() => {});
    });
  }

  /** From here on a complaint like this is to be expected. */
  expect(pattern) {
    this.#allowed.push(pattern);
  }

  /** What is saved in the end of a file that is called so, and whole: its path. */
  async saved(called, size) {
    const name = this.savedAs(called);
    const path = join(this.downloads, name);
    return this.#downloads(`${name} of ${size} bytes`, () => existsSync(path) && statSync(path).size === size && path);
  }

  /** Waits until so many files are saved, whatever they are called; returns their folder. */
  savedCount(number) {
    return this.#downloads(`${number} files`, () => this.files().length >= number && this.downloads);
  }

  /** Waits until `look` finds something, and nothing is on its way. */
  async #downloads(what, look) {
    const watched = new Watched();
    const watcher = watch(this.downloads, () => watched.poke());
    // A file that grows need not be told of.
    const timer = setInterval(() => watched.look(), 200);
    try {
      return await watched.until(what, () => {
        const found = look();
        return found && !this.unfinished().length ? found : undefined;
      }, () => `${this.downloads}: ${readdirSync(this.downloads).join(", ")}`);
    } finally {
      clearInterval(timer);
      watcher.close();
    }
  }

  /** How this browser spells the name of a download: none keeps what joins letters. */
  savedAs(name) {
    const plain = name.replace(/[\u200c\u200d]/g, "_");
    return this.browser.name === "firefox" ? plain.replace(/ +/g, " ").replaceAll("%", "_") : plain;
  }

  /** Everything that was saved, without what is on its way. */
  files() {
    return readdirSync(this.downloads).filter((name) => !isUnfinished(name)).sort();
  }

  unfinished() {
    return readdirSync(this.downloads).filter(isUnfinished);
  }

  /** Closes the tab; fails if the page complained of anything that was not to be expected. */
  async close() {
    const faults = this.faults.filter((fault) => !this.#allowed.some((like) => like.test(fault)));
    await (this.#shared ? this.page.close() : this.#context.close());
    if (faults.length) throw new Error(`expected no complaint of the page, got\n${faults.join("\n")}`);
  }
}

/** What is waited for in a page is waited for as long as something moves, not for a time. */
function waitPatiently(page) {
  for (const name of ["waitForSelector", "waitForFunction"]) {
    const wait = page[name].bind(page);
    page[name] = (what, { timeout, ...options } = {}, ...args) =>
      patiently(`${what} in the page`, (signal) => wait(what, { ...options, timeout: 0, signal }, ...args), timeout);
  }
}

function isUnfinished(name) {
  return /\.(crdownload|part)$/.test(name);
}

/** In the page: every breach of the content security policy is told. */
function watchPolicy() {
  addEventListener("securitypolicyviolation", (breach) => {
    console.error(`the policy forbids ${breach.violatedDirective}: ${breach.blockedURI}`);
  });
}

/** In the page: as in a browser that has no File System Access. */
function withoutPickers() {
  delete globalThis.showSaveFilePicker;
  delete globalThis.showDirectoryPicker;
  delete globalThis.showOpenFilePicker;
}
