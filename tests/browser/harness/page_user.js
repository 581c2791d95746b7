import { deepEqual } from "node:assert/strict";
import * as archives from "./archive.js";
import { same } from "./tree.js";

/** Returns the name of the download of a file in a folder. */
const downloadName = (name) => name.replaceAll("/", "_");

/**
 * Opens the page at `url` and goes online as `nick`, if given. `hash`: the end of the URL, as in a link;
 * `token`: entered in the form; `online: false`: does not wait to be online. Other options are those of
 * `Browser.user`.
 */
export async function visit(browser, url, nick, { hash = "", token, online = true, ...rest } = {}) {
  const user = new PageUser(await browser.user(rest));
  await user.page.goto(`${url}/${hash}`);
  if (nick !== undefined) {
    await user.join(nick, token);
    if (online) await user.online();
  }
  return user;
}

/** A user's actions at the page, and what the user sees. */
export class PageUser {
  constructor(user) {
    this.user = user;
    this.page = user.page;
    this.downloads = user.downloads;
  }

  async join(nick, token) {
    const { page } = this;
    if (token !== undefined) await this.enterToken(token);
    await page.waitForSelector("#nick", { visible: true });
    await this.#fill("#nick", nick);
    await this.#press(page, "#join-go");
  }

  async enterToken(token) {
    const { page } = this;
    await page.waitForSelector("#token", { visible: true });
    await this.#fill("#token", token);
    await page.keyboard.press("Enter");
  }

  /** Enters a code or a link in the field for it. */
  async receive(text) {
    await this.page.waitForSelector("#code", { visible: true });
    await this.#fill("#code", text);
    await this.page.keyboard.press("Enter");
  }

  /** Returns true once the page shows its first screen, if it asks for a nick there or at a link. */
  async needsNick() {
    await this.page.waitForSelector("body:not([data-view=''])");
    return this.page.$eval("#nick", (nick) => nick.checkVisibility());
  }

  /** Waits until all files behind a code are here. Returns what the page says about them. */
  async received() {
    await this.sees("#receipt", { phase: "over" });
    return this.page.$eval("#receipt-title", (title) => title.textContent);
  }

  online() {
    return this.sees("body[data-state=online]");
  }

  offline() {
    return this.sees("body[data-state=offline]");
  }

  async share(paths) {
    const input = await this.page.$("#files");
    await input.uploadFile(...paths);
    for (const path of paths) await this.sees("#shares li", { name: path.split("/").pop() });
  }

  async shareFolder(path) {
    const input = await this.page.$("#folder");
    await input.uploadFile(path);
    await this.sees("#shares li", { name: path.split("/").pop() });
  }

  async stopSharing(name) {
    const row = await this.sees("#shares li", { name });
    await this.#press(row, "[data-do=stop]");
  }

  /** Follows a link to `nick`. */
  async open(nick) {
    await this.page.evaluate((nick) => (location.hash = encodeURIComponent(nick)), nick);
    await this.sees("body:is([data-view=peer], [data-view=code])");
  }

  /** Selects `nick` in the list of those online. */
  async choose(nick) {
    const row = await this.sees("#people li", { name: nick });
    await this.#press(row, "a");
    await this.sees("body[data-view=peer]");
  }

  async home() {
    await this.page.evaluate(() => (location.hash = ""));
    await this.sees("body[data-view=home]");
  }

  /** Returns the names in the open listing, sorted. */
  async listed() {
    const state = await this.#wait("the whole list", () => {
      const state = document.getElementById("peer-state");
      return !document.getElementById("again").hidden && `${state.className} ${state.textContent}`;
    });
    const said = await state.jsonValue();
    if (!said.startsWith("quiet")) throw new Error(`expected a list, got ${said}`);
    const names = await this.page.$$eval("#list li[data-name]", (rows) => rows.map((row) => row.dataset.name));
    return names.sort();
  }

  /** Opens or closes a folder of the list. */
  async fold(folder) {
    const row = await this.sees("#list li", { folder });
    await this.#press(row, ".fold");
  }

  async getAll() {
    await this.page.waitForSelector("#get-many:not(:disabled)", { visible: true });
    await this.#press(this.page, "#get-many");
  }

  async get(name) {
    const row = await this.sees("#list li", { name });
    await this.#press(row, "[data-do=get]");
  }

  /** Waits for a file's newest row to be in this state: `active`, `done`, `failed`, `cancelled`. */
  transfer(name, state) {
    return this.sees("#moving li", { name, state });
  }

  /** Waits until this fraction of a file, from 0 to 1, is transferred. */
  moved(name, part) {
    return this.#wait(`${part} of ${name}`, (name, part) =>
      [...document.querySelectorAll("#moving li")].some((row) =>
        row.dataset.name === name && row.querySelector("progress").position >= part,
      ), name, part);
  }

  async cancel(name, state = "active") {
    const row = await this.transfer(name, state);
    await this.#press(row, "[data-do=cancel]");
  }

  /** Pauses a download, which keeps its partial file. */
  async pause(name) {
    const row = await this.transfer(name, "active");
    await row.waitForSelector("[data-do=pause]", { visible: true });
    await this.#press(row, "[data-do=pause]");
  }

  /** Resumes a download on its own row, where it was paused. */
  async resumeRow(name) {
    await this.#press(await this.transfer(name, "paused"), "[data-do=resume]");
  }

  /** Starts a transfer again that has failed, or was cancelled. */
  async retry(name, state = "failed") {
    await this.#press(await this.transfer(name, state), "[data-do=retry]");
  }

  /** Waits for a file to be among the incomplete downloads. */
  left(name) {
    return this.sees("#unfinished li", { name });
  }

  async goOn(name) {
    await this.#press(await this.left(name), "[data-do=resume]");
  }

  async discard(name) {
    await this.#press(await this.left(name), "[data-do=discard]");
  }

  /** Waits until there are no incomplete downloads. */
  nothingLeft() {
    return this.#wait("nothing to be left", () => document.getElementById("left").hidden);
  }

  /** Waits for the question about a call from `nick`, and answers. */
  async answer(nick, accepted) {
    await this.asked(nick);
    await this.page.click(`#call [value=${accepted ? "yes" : "no"}]`);
  }

  /** Waits until there is a session with `nick`. */
  connected(nick) {
    return this.sees("#people li[data-connected]", { name: nick });
  }

  async asked(nick) {
    await this.sees("#call[open]");
    const title = await this.page.$eval("#call-title", (title) => title.textContent);
    if (nick !== undefined && title !== `${nick} wants to connect`) {
      throw new Error(`expected ${nick} to call, got: ${title}`);
    }
  }

  /** Chooses files, and creates a code for all chosen ones. Returns the code and the link. */
  async send(paths) {
    if (paths.length) await (await this.page.$("#send-files")).uploadFile(...paths);
    await this.page.waitForSelector("#chosen", { visible: true });
    await this.#press(this.page, "#make-code");
    await this.page.waitForSelector("#sendings [data-is=link]");
    const [code, link] = await this.page.$$eval("#sendings li:first-child code", (found) =>
      found.map((each) => each.textContent));
    return { code, link };
  }

  /** Offers files to a nick that is online. */
  async offer(nick, paths) {
    // A hidden tab does not update the list.
    await this.page.bringToFront();
    const row = await this.sees("#people li", { name: nick });
    await this.#press(row, "[data-do^=offer]");
    await (await this.page.$("#offer-files")).uploadFile(...paths);
  }

  /** Writes a text to a nick that is online. */
  async write(nick, text) {
    await this.page.bringToFront();
    const row = await this.sees("#people li", { name: nick });
    await this.#press(row, "[data-do=send-text]");
    await this.compose(text);
  }

  /** Writes a text in the dialog for it, and sends it. */
  async compose(text) {
    await this.page.waitForSelector("#compose[open]");
    await this.#fill("#compose-text", text);
    await this.#press(this.page, "#compose [type=submit]");
  }

  /** Waits for a message of a peer. */
  async reads(nick, text) {
    await this.text("#messages .message p", `${nick} has sent a message`);
    await this.text("#messages .message [data-is=text]", text);
  }

  /** Waits until the files being sent are in this state, with this text. */
  async sending(state, text) {
    await this.sees("#sendings li", { state });
    if (text) await this.text("#sendings [role=status]", text);
  }

  /** Waits for the dialog of an offer. Returns its title and names. */
  async manifest() {
    await this.sees("#manifest[open]");
    return this.page.evaluate(() => ({
      title: document.getElementById("manifest-title").textContent,
      names: [...document.querySelectorAll("#manifest-list li")].map((row) => row.dataset.name),
    }));
  }

  /** Accepts the offer without some of its files. */
  async accept(...without) {
    for (const name of without) {
      const row = await this.sees("#manifest-list li", { name });
      await (await row.$("input")).press(" ");
    }
    await this.#press(this.page, "#manifest-yes");
    await this.page.waitForSelector("#manifest:not([open])");
  }

  async decline() {
    await this.#press(this.page, "#manifest-no");
    await this.page.waitForSelector("#manifest:not([open])");
  }

  async hangUp(nick) {
    const row = await this.connected(nick);
    await this.#press(row, "[data-do=end]");
  }

  /** Returns the safety words. */
  async safetyWords() {
    await this.sees("#secrecy", { is: "private" });
    await this.page.waitForSelector("#secrecy .words");
    return this.page.$eval("#secrecy .words", (words) => words.textContent);
  }

  /** Clears the transfers that have ended. */
  clear() {
    return this.#press(this.page, "#clear");
  }

  /** Shows the pinned keys. */
  knownPeople() {
    return this.#press(this.page, "summary");
  }

  /** Presses the button that forgets a key. */
  async forget(where) {
    const within = await this.page.waitForSelector(where);
    await this.#press(within, "[data-do^=forget]");
  }

  /** Returns this page's own key. */
  async ownKey() {
    const key = await this.#wait("a key", () => document.getElementById("my-key").textContent);
    return key.jsonValue();
  }

  /** Waits until `nick` is offline. */
  leftOnline(nick) {
    return this.#wait(`${nick} to be offline`, (nick) =>
      ![...document.querySelectorAll("#people li")].some((row) => row.dataset.name === nick), nick);
  }

  /** Waits for an element that contains this text, and is shown unless `hidden`. */
  text(selector, text, { hidden = false } = {}) {
    return this.#wait(`${text} in ${selector}`, (selector, text, hidden) =>
      [...document.querySelectorAll(selector)].some(
        (found) => (hidden || found.checkVisibility()) && found.textContent.includes(text),
      ), selector, text, hidden);
  }

  /**
   * Records all texts of an element from now on. Returns a function that waits until a text was in it, for
   * texts that may be replaced before the test looks.
   */
  async remembers(selector) {
    await this.page.evaluate((selector) => {
      const element = document.querySelector(selector);
      const said = [];
      (globalThis.said ??= {})[selector] = said;
      const look = () => said.push(element.textContent);
      new MutationObserver(look).observe(element, { childList: true, characterData: true, subtree: true });
    }, selector);
    return (text) =>
      this.#wait(`${text} once in ${selector}`, (selector, text) =>
        globalThis.said[selector].some((said) => said.includes(text)), selector, text);
  }

  /** Waits for an element with this data. Returns it. */
  async sees(selector, data = {}) {
    const found = await this.#wait(`${selector} ${JSON.stringify(data)}`, (selector, data) =>
      [...document.querySelectorAll(selector)].find((found) =>
        Object.entries(data).every(([name, value]) => found.dataset[name] === value),
      ), selector, data);
    return found.asElement();
  }

  /** Waits until `look` finds something in the page. */
  async #wait(what, look, ...args) {
    try {
      // Firefox draws no frames of a tab behind others, so it would never look again by the default.
      return await this.page.waitForFunction(look, { polling: 50 }, ...args);
    } catch (error) {
      throw new Error(`expected ${what}: ${error.message}\n${await this.story()}`);
    }
  }

  /** Fails if the page contains any of these besides its own. */
  async noMarkup(selectors) {
    const found = await this.page.$$eval(selectors.join(), (found) =>
      found.filter((each) => !each.closest("header")).map((each) => each.outerHTML),
    );
    if (found.length) throw new Error(`expected text alone, got ${found.join("\n")}`);
  }

  /** Waits until a file is completely downloaded. Returns its path. */
  saved({ name, size }) {
    return this.user.saved(downloadName(name), size);
  }

  /**
   * Waits until exactly these files are downloaded, in one archive where the page makes one, and compares them
   * byte for byte.
   */
  async savedAll(files) {
    if (files.length > 3 || (files.length > 1 && files.some(({ name }) => name.includes("/")))) {
      const tops = new Set(files.map(({ name }) => (name.includes("/") ? name.split("/", 1)[0] : "")));
      const [top] = tops;
      const path = await this.user.savedArchive(`${tops.size === 1 && top ? top : "XCHER files"}.zip`);
      return deepEqual(archives.entries(path), archives.expected(files));
    }
    return this.savedEach(files);
  }

  /** Does so where each file is a download of its own. */
  async savedEach(files) {
    for (const file of files) await same(await this.saved(file), file);
    const expected = files.map((file) => this.user.savedAs(downloadName(file.name))).sort();
    const got = this.files();
    if (String(got) !== String(expected)) throw new Error(`expected ${expected}, got ${got}`);
  }

  files() {
    return this.user.files();
  }

  expect(pattern) {
    this.user.expect(pattern);
  }

  /** Has the pickers of File System Access return folders and files of the browser's store from now on. */
  async pickInStore() {
    await this.page.evaluate(() => {
      const root = navigator.storage.getDirectory();
      const folder = root.then((root) => root.getDirectoryHandle("chosen", { create: true }));
      globalThis.showDirectoryPicker = () => folder;
      globalThis.showSaveFilePicker = async ({ suggestedName }) =>
        (await folder).getFileHandle(suggestedName, { create: true });
    });
  }

  /** Has the picker return a folder of the browser's store with these texts, by path; one that ends in `/` is a folder. */
  async pickHere(name, texts) {
    await this.page.evaluate(async (name, texts) => {
      const root = await navigator.storage.getDirectory();
      const picked = await root.getDirectoryHandle(name, { create: true });
      for (const [path, text] of Object.entries(texts)) {
        const parts = path.split("/");
        const last = parts.pop();
        let folder = picked;
        for (const part of parts) folder = await folder.getDirectoryHandle(part, { create: true });
        if (!last) continue;
        const file = await (await folder.getFileHandle(last, { create: true })).createWritable();
        await file.write(text);
        await file.close();
      }
      globalThis.showDirectoryPicker = async () => picked;
    }, name, texts);
  }

  /** Returns the SHA-256 digests of files in the picked folder, by name. */
  chosenFolder() {
    return this.page.evaluate(async () => {
      const digests = {};
      async function walk(folder, path) {
        for await (const [name, handle] of folder) {
          if (handle.kind === "directory") await walk(handle, `${path}${name}/`);
          else {
            const bytes = await (await handle.getFile()).arrayBuffer();
            const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
            digests[path + name] = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
          }
        }
      }
      const root = await navigator.storage.getDirectory();
      await walk(await root.getDirectoryHandle("chosen"), "");
      return digests;
    });
  }

  /** Returns the files in the browser's store. */
  stored() {
    return this.page.evaluate(async () => {
      const root = await navigator.storage.getDirectory();
      const names = [];
      for await (const folder of root.values()) for await (const name of folder.keys()) names.push(name);
      return names;
    });
  }

  /** Returns the text on the screen, for a failure. */
  async story() {
    const text = await this.page.evaluate(() => document.body.innerText).catch(() => "");
    return `${text}\n${this.user.faults.join("\n")}`;
  }

  /** Presses by the keyboard: new elements above a button move it, but not the focus. */
  async #press(within, selector) {
    await this.page.bringToFront();
    const button = await within.$(selector);
    await button.focus();
    await button.press("Enter");
  }

  async #fill(selector, text) {
    // Overwrites the present text, like a user.
    await this.page.$eval(selector, (field) => field.select());
    await this.page.type(selector, text);
  }

  close() {
    return this.user.close();
  }
}
