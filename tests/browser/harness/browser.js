import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { cancelOnExit, onExit } from "./exit_hooks.js";
import { folder } from "./tree.js";
import { PATIENCE, patiently, Watched } from "./waiting.js";

/** The browsers of every scenario: both, or those in XCHER_BROWSERS. */
export const BROWSERS = (process.env.XCHER_BROWSERS ?? "chromium firefox").split(/[ ,]+/);

const PROGRAMS = {
  chromium: process.env.CHROMIUM ?? "/usr/bin/chromium",
  firefox: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
};

/** Options for tests without a network, a graphics card or a nested sandbox. */
const CHROMIUM = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
  // Background tabs are not throttled.
  "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
];
const FIREFOX = {
  "browser.download.useDownloadDir": true,
  "browser.download.alwaysOpenPanel": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "app.update.enabled": false,
};

/** Time in which the browser itself must answer, however busy the machine is. */
const AT_MOST = 20 * PATIENCE;

/**
 * Starts a browser with a new profile, or with the one in this folder; Firefox with these settings, too. `how`: other
 * options of puppeteer.
 */
export async function launch(name, profile, settings = {}, { args = [], ...how } = {}) {
  const kept = profile && { "browser.download.folderList": 2, "browser.download.dir": saves(profile) };
  const options =
    name === "firefox"
      ? { browser: "firefox", extraPrefsFirefox: { ...FIREFOX, ...kept, ...settings } }
      : { browser: "chrome", args: [...CHROMIUM, ...args] };
  const launched = {
    ...options,
    userDataDir: profile,
    executablePath: PROGRAMS[name],
    headless: true,
    timeout: 0,
    protocolTimeout: AT_MOST,
    ...how,
  };
  const browser = await patiently(`${name} to start`, () => puppeteer.launch(launched));
  return new Browser(name, browser, profile);
}

/** The download folder in a profile that is reused. */
const saves = (profile) => join(profile, "downloads");

/** A running browser. */
class Browser {
  #root = folder();
  #users = 0;
  /** Kills it when the tests end, whatever the reason. */
  #end = () => killAll(this.process());

  constructor(name, browser, profile) {
    this.name = name;
    this.profile = profile;
    this.browser = browser;
    onExit(this.#end);
  }

  process() {
    return this.browser.process();
  }

  /**
   * Opens a tab with its own storage and download folder.
   *
   * `onDisk`: storage on disk, as outside private windows, shared with other tabs of the same origin. `picker`: with the
   * pickers of File System Access, which a headless browser cannot show.
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
      // Firefox takes it from its settings.
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

  /** Kills all its processes at once: they are a process group of their own. */
  async kill() {
    killAll(this.process());
    await this.#exited();
    if (this.profile) await putBack(this.profile);
  }

  async close() {
    await this.browser.close();
    await this.#exited();
  }

  /**
   * Waits until it has exited. Its crash handler is in a session of its own, outlives a killed browser, and
   * holds its standard streams: waiting for those would wait for the handler, too.
   */
  async #exited() {
    const child = this.process();
    if (runs(child)) await once(child, "exit");
    for (const stream of child.stdio) stream?.destroy();
    cancelOnExit(this.#end);
  }
}

const runs = (child) => child.exitCode === null && child.signalCode === null;

/** Kills a process and its group. */
function killAll(child) {
  if (runs(child)) process.kill(-child.pid, "SIGKILL");
}

/** Waits until puppeteer has restored the settings in a profile of Firefox. */
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

/** A tab and its downloads. */
class User {
  /** Errors that the page logged. */
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
      // The question whether to leave during transfers.
      if (dialog.type() === "beforeunload") return dialog.accept().catch(() => {});
      this.faults.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss().catch(() => {});
    });
  }

  /** Allows errors like this from now on. */
  expect(pattern) {
    this.#allowed.push(pattern);
  }

  /** Waits for the complete download of this name. Returns its path. */
  async saved(called, size) {
    const name = this.savedAs(called);
    const path = join(this.downloads, name);
    return this.#downloads(`${name} of ${size} bytes`, () => existsSync(path) && statSync(path).size === size && path);
  }

  /** Waits until an archive, the only download, is saved under this name. Returns its path. */
  savedArchive(name) {
    // A browser may reserve the name by an empty file.
    const look = () => this.files().length === 1 && this.files()[0] === name && statSync(join(this.downloads, name)).size > 0;
    return this.#downloads(`the archive ${name} alone`, () => look() && join(this.downloads, name));
  }

  /** Waits until so many files are saved under any names. Returns their folder. */
  savedCount(number) {
    return this.#downloads(`${number} files`, () => this.files().length >= number && this.downloads);
  }

  /** Waits until `look` finds something and no download is under way. */
  async #downloads(what, look) {
    const watched = new Watched();
    const watcher = watch(this.downloads, () => watched.poke());
    // There is no event for a growing file.
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

  /** Returns this browser's name for a download: browsers drop joining characters. */
  savedAs(name) {
    const plain = name.replace(/[\u200c\u200d]/g, "_");
    return this.browser.name === "firefox" ? plain.replace(/ +/g, " ").replaceAll("%", "_") : plain;
  }

  /** Returns all complete downloads. */
  files() {
    return readdirSync(this.downloads).filter((name) => !isUnfinished(name)).sort();
  }

  unfinished() {
    return readdirSync(this.downloads).filter(isUnfinished);
  }

  /** Closes the tab; fails if the page logged an error that was not allowed. */
  async close() {
    const faults = this.faults.filter((fault) => !this.#allowed.some((like) => like.test(fault)));
    await (this.#shared ? this.page.close() : this.#context.close());
    if (faults.length) throw new Error(`expected no complaint of the page, got\n${faults.join("\n")}`);
  }
}

/** Lifts puppeteer's timeouts: waits last as long as something moves. */
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

/** In the page: reports every violation of the content security policy. */
function watchPolicy() {
  addEventListener("securitypolicyviolation", (breach) => {
    console.error(`the policy forbids ${breach.violatedDirective}: ${breach.blockedURI}`);
  });
}

/** In the page: removes File System Access. */
function withoutPickers() {
  delete globalThis.showSaveFilePicker;
  delete globalThis.showDirectoryPicker;
  delete globalThis.showOpenFilePicker;
}
