/** The Big List of Naughty Strings as file names and nicks, on every screen of the page. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { BasePeer } from "./harness/base_peer.js";
import { folder } from "./harness/tree.js";
import { relay, xcher } from "./harness/xcher.js";

const STRINGS = [...new Set(createRequire(import.meta.url)("big-list-of-naughty-strings"))];

/** Characters that hide or reorder the text around them (PROTOCOL.md, section 2.2). */
const HIDES = /[\p{Cc}\u2028\u2029\u2800]|\p{Default_Ignorable_Code_Point}|(?![\u0600-\u0605\u06dd\u070f\u08e2])\p{Cf}/u;
/** The uses of such characters in emoji. The list has none of the other allowed uses. */
const NEEDED = [/(?<=\p{Extended_Pictographic})\ufe0f/gu, /(?<=[0-9#*])\ufe0f(?=\u20e3)/gu, /(?<=\p{Extended_Pictographic}\p{Emoji_Modifier}?)\u200d(?=\p{Extended_Pictographic})/gu];

const hides = (text) => HIDES.test(NEEDED.reduce((left, place) => left.replace(place, ""), text));
/**
 * Returns a terminal's name for a file on the wire: its own, or with bytes escaped that the wire does not
 * allow.
 */
const wire = (name) => hides(name) ? name.replace(new RegExp(HIDES, "gu"), marks) : name;
const marks = (char) => Buffer.from(char).toString("hex").toUpperCase().replace(/../g, "%{$&}");
const isName = (text) => !hides(text) && Buffer.byteLength(text) <= 255 && ![".", "..", ""].includes(text);
const isNick = (text) =>
  [...text].length >= 1 && [...text].length <= 32 && !hides(text) && !/[\s/]/u.test(text) && text !== "EOF";

/** One string of each kind of problem. */
const TROUBLE = [
  /<.*alert/i, /^</, /javascript:/i, /\\/, /%/, /"/, /'.*'/, /`/, /\$/, /^-/, /[\u0600-\u06ff]/, /[\u0300-\u036f]{3}/,
  /\p{Emoji_Presentation}/u, /^(CON|NUL|PRN|COM1)$/, /&/, /;/, /__/, /^undefined$/, /[\u4e00-\u9fff]/,
];
const worst = (all) => [...new Set(TROUBLE.map((kind) => all.find((text) => kind.test(text))).filter(Boolean))];

let root;
let shared;
/** Names that files and the wire allow, and names that only files allow. */
let names;
let others;
/** True names by the names on the wire; none is too long when escaped. */
let onWire;

before(() => {
  root = folder();
  shared = join(root, "s");
  mkdirSync(shared);
  const all = STRINGS.filter((text) => text && !/[/\0]/.test(text) && Buffer.byteLength(text) <= 255 && !/^\.\.?$/.test(text));
  for (const name of all) writeFileSync(join(shared, name), name);
  names = all.filter(isName).sort();
  others = all.filter((name) => !isName(name));
  assert.ok(names.length > 250 && others.length > 5, `${names.length} and ${others.length}`);
  onWire = new Map(all.map((name) => [wire(name), name]));
  assert.equal(onWire.size, all.length);
  for (const name of onWire.keys()) assert.ok(isName(name), JSON.stringify(name));
});

const listed = () => [...onWire.keys()].map((name) => `s/${name}`).sort();
const paths = (names) => names.map((name) => join(shared, name));

inEachBrowser("naughty strings", (stage) => {
  test("as names of files shared by a terminal", async (t) => {
    const at = stage.keep(t, await relay());
    const share = stage.keep(t, xcher("share", shared, "--nick", "bob", "--relay", at.relay));
    await share.out("online ");
    const carol = await visitor(t, at, "carol");
    await carol.open("bob");
    await carol.listed();
    assert.deepEqual(await rows(carol, "#list", onWire.size), listed());
    await harmless(carol);
    const some = [...new Set([...worst(names), ...others.slice(0, 3).map(wire)])];
    assert.ok(some.length >= 15, `${some.length}`);
    for (const name of some) {
      await carol.get(`s/${name}`);
      await carol.transfer(`s/${name}`, "done");
    }
    await harmless(carol);
    // A browser saves them under changed names; each contains its true one.
    const path = await carol.user.savedCount(some.length);
    const found = readdirSync(path).map((file) => readFileSync(join(path, file), "utf8"));
    assert.deepEqual(found.sort(), some.map((name) => onWire.get(name)).sort());
  });

  test("as names of files offered by a terminal", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await visitor(t, at, "carol");
    const send = stage.keep(t, xcher("send", "--to", "carol", shared, "--nick", "bob", "--relay", at.relay));
    await carol.answer("bob", true);
    await carol.manifest();
    assert.deepEqual(await rows(carol, "#manifest-list", onWire.size), listed());
    await carol.text("#manifest-sum", `All ${onWire.size} files`);
    await harmless(carol);
    await carol.decline();
    await send.exits(1);
    assert.deepEqual(carol.files(), []);
  });

  test("as names of files shared by the page", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await visitor(t, at, "carol");
    await (await carol.page.$("#files")).uploadFile(...paths(names));
    assert.deepEqual(await rows(carol, "#shares", names.length), names);
    await harmless(carol);
    // Names that the wire does not allow are reported and not shared.
    await (await carol.page.$("#files")).uploadFile(...paths(others));
    await carol.sees("#notices p");
    const out = join(root, `${stage.name}-shared`);
    const get = stage.keep(t, xcher("get", "carol", "--all", "-o", out, "--nick", "bob", "--relay", at.relay));
    await carol.answer("bob", true);
    await get.exits();
    came(out);
    await carol.sees("#moving li", { way: "up", state: "done" });
    await harmless(carol);
  });

  test("as names of files offered by the page", async (t) => {
    const at = stage.keep(t, await relay());
    const out = join(root, `${stage.name}-offered`);
    const bob = stage.keep(t, xcher("receive", "--yes", "--once", "-o", out, "--nick", "bob", "--relay", at.relay));
    await bob.out("online ");
    const carol = await visitor(t, at, "carol");
    await carol.offer("bob", paths(names));
    await carol.sending("done", `${names.length} files delivered`);
    await harmless(carol);
    await carol.hangUp("bob");
    await bob.exits();
    came(out);
  });

  test("as nicks of online peers and of callers", async (t) => {
    const at = stage.keep(t, await relay());
    const people = new Map();
    const taken = [];
    for (const nick of STRINGS.filter(isNick)) {
      try {
        people.set(nick, stage.keep(t, await BasePeer.at(at.relay, nick)));
      } catch (error) {
        // The relay considers it the same as an earlier one: tests/naughty.rs knows which.
        if (!error.message.includes(`got X_NICK ${nick} NO`)) throw error;
        taken.push(nick);
      }
    }
    const nicks = [...people.keys()];
    assert.ok(taken.length <= nicks.length / 10, taken.join(" "));
    const isLikeOne = (nick) => nicks.some((other) => other.toLowerCase() === nick.toLowerCase());
    assert.ok(taken.some(isLikeOne), taken.join(" "));
    const carol = await visitor(t, at, "carol-of-the-page");
    // Nicks of digits alone belong to codes and are not listed.
    const listed = nicks.filter((nick) => /\D/.test(nick)).sort();
    assert.deepEqual(await rows(carol, "#people", listed.length), listed);
    await harmless(carol);
    for (const nick of worst(listed)) {
      const call = await people.get(nick).calling("carol-of-the-page");
      await carol.asked(nick);
      await harmless(carol);
      await carol.answer(nick, true);
      const session = await call.answered();
      // The callee waits for the caller's first packet.
      assert.deepEqual(await session.list(), []);
      await carol.connected(nick);
      await carol.open(nick);
      await carol.listed();
      assert.equal(await carol.page.$eval("#peer-title", (title) => title.textContent), nick);
      await carol.sees("#secrecy", { is: "plain" });
      await harmless(carol);
      session.end();
      await session.over();
    }
  });

  test("as the user's own nick", async (t) => {
    const at = stage.keep(t, await relay());
    const carol = await visitor(t, at);
    const tried = new Set();
    for (const text of STRINGS) {
      const nick = text.trim().replace(/\s+/g, "-");
      if (!text || tried.has(nick)) continue;
      tried.add(nick);
      await carol.page.evaluate((text) => {
        document.getElementById("me").click();
        document.getElementById("nick").value = text;
        document.getElementById("join").requestSubmit();
      }, text);
      const said = await (await carol.page.waitForFunction(() => {
        const { view, state } = document.body.dataset;
        if (state === "online" && view !== "join") return { online: document.getElementById("me").textContent };
        const why = document.getElementById("join-why");
        return why.checkVisibility() && why.textContent && { why: why.textContent };
      })).jsonValue();
      if (isNick(nick)) assert.deepEqual(said, { online: nick });
      else assert.match(said.why ?? JSON.stringify(said), /nick/, JSON.stringify(text));
    }
    await harmless(carol);
  });

  /** Opens a page that reports if a script from a peer's text ran. */
  async function visitor(t, at, nick) {
    const carol = await stage.visit(t, at.url, nick);
    // A form submitted before the page's script runs reloads the page.
    await carol.page.waitForSelector("body:not([data-view=''])");
    await carol.page.evaluate(() => {
      const ran = (globalThis.ran = []);
      for (const name of ["alert", "confirm", "prompt", "open"]) globalThis[name] = (text) => ran.push(`${name} ${text}`);
      addEventListener("error", (event) => ran.push(`error ${event.message ?? event.target}`), true);
    });
    return carol;
  }
});

/** Returns all rows of a long list as text, sorted, and checks that they match their data. */
async function rows(user, list, number) {
  await user.page.waitForFunction((list, number) => {
    const rows = document.querySelectorAll(`${list} li[data-name]`);
    // Scrolling adds more.
    document.querySelector(`${list} .more, ${list} + button`)?.scrollIntoView();
    return rows.length >= number;
  }, {}, list, number);
  const found = await user.page.$$eval(`${list} li[data-name]`, (rows) => rows.map((row) => {
    const folder = row.closest("[data-folder]")?.dataset.folder;
    const shown = (folder ? `${folder}/` : "") + row.querySelector(".name, a").textContent;
    if (shown !== row.dataset.name) throw new Error(`expected ${row.dataset.name}, got ${shown}`);
    return shown;
  }));
  return found.sort();
}

/** Checks that peers added nothing but text to the page, and that no script of theirs ran. */
async function harmless(user) {
  await user.noMarkup(["img", "body script", "iframe", "svg", "object", "embed", "style", "video", "audio", "math", "base", "meta[http-equiv]", "[style]", "[srcdoc]"]);
  const { ran, handlers, links } = await user.page.evaluate(() => ({
    ran: globalThis.ran,
    handlers: [...document.querySelectorAll("*")].flatMap((one) =>
      one.getAttributeNames().filter((name) => name.startsWith("on"))),
    links: [...document.querySelectorAll("a")].map((link) => link.getAttribute("href")).filter((href) => !href.startsWith("#")),
  }));
  assert.deepEqual({ ran, handlers, links }, { ran: [], handlers: [], links: [] });
}

/** Checks that all files exist under their names, each with its name as content. */
function came(out) {
  assert.deepEqual(readdirSync(out).sort(), names);
  for (const name of names) assert.equal(readFileSync(join(out, name), "utf8"), name);
}
