import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { entries, expected, text } from "./harness/archive.js";
import { BasePeer } from "./harness/base_peer.js";
import { proxy } from "./harness/proxy.js";
import { serveSources } from "./harness/page_sources.js";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, NAMES, tree } from "./harness/tree.js";
import { eventually } from "./harness/waiting.js";
import { relay, xcher } from "./harness/xcher.js";

const MIB = 1 << 20;
/** More large files than a host requests at once. */
const LARGE = 20;

let root;
let some;

before(async () => {
  root = folder();
  const sizes = { "photos/empty.bin": 0, "photos/2026/sjö 走り.jpg": 70_000, "photos/limit.bin": MIB };
  for (const [name, size] of Object.entries(NAMES)) sizes[`photos/names/${name}`] = size;
  for (let at = 0; at < LARGE; at++) sizes[`photos/large/${at}.mkv`] = MIB + 1 + at;
  sizes["photos/z last.bin"] = 48 * MIB;
  some = await tree(root, sizes);
});

inEachBrowser("several files without a picker", (stage) => {
  test("become one archive with folders, confirmed once it is handed over", async (t) => {
    const at = stage.keep(t, await relay());
    const share = stage.keep(t, bob(at, "share", join(root, "photos"), "--json"));
    await share.event({ event: "online" });
    const through = stage.keep(t, await proxy(at.url));
    const carol = await stage.visit(t, through.url, "carol");
    await carol.open("bob");
    assert.equal((await carol.listed()).length, some.files.length);
    const delivered = () => share.out_.map((line) => JSON.parse(line)).filter(({ event, state }) => event === "delivered" && state === "stored");
    const stalled = through.stallAfter(36 * MIB);
    await carol.getAll();
    await stalled;
    const others = some.files.length - 1;
    await carol.page.waitForFunction((others) => document.querySelectorAll("#moving [data-state=packed]").length === others, {}, others);
    assert.deepEqual(delivered(), [], "confirmed before the archive was handed over");
    through.resume();
    await carol.transfer("photos.zip", "done");
    // The receipts may still be on their way.
    await eventually("a receipt of each file", () => delivered().length >= some.files.length);
    assert.equal(delivered().length, some.files.length);
    await carol.text("#said", `${some.files.length} files done`, { hidden: true });
    const path = await carol.user.savedArchive("photos.zip");
    assert.deepEqual(entries(path), expected(some.files));
    assert.deepEqual(carol.files(), ["photos.zip"]);
    await carol.nothingLeft();
  });

  test("keep hostile names below one folder", async (t) => {
    const at = stage.keep(t, await relay());
    const seed = stage.keep(t, await BasePeer.at(at.relay, "sven"));
    const carol = await stage.visit(t, at.url, "carol");
    const names = ["con.txt", "a:b/c.txt", "x/NUL", "x/nul", "dot./end. ", "back\\..\\up.txt", "up", "up/down", "A.txt", "a.TXT"];
    const refused = ["../up.txt", "/etc/passwd", "x/../../y", "x//y"];
    await carol.open("sven");
    await seed.called([...names, ...refused].map((name) => ({ ...some.files[1], name })));
    assert.deepEqual(await carol.listed(), [...names].sort());
    await carol.getAll();
    await carol.transfer("XCHER files.zip", "done");
    const path = await carol.user.savedArchive("XCHER files.zip");
    const found = entries(path).map(({ name, hash }) => {
      assert.equal(hash, some.files[1].hash);
      return name;
    });
    // Which one of two that collide is numbered depends on the order of the list.
    const plain = found.map((name) => name.replace(/ \(1\)(?=\.|\/|$)/, "").toLowerCase()).sort();
    assert.deepEqual(plain, ["_con.txt", "a.txt", "a.txt", "a_b/c.txt", "back_.._up.txt", "dot_/end__", "up", "up/down", "x/_nul", "x/_nul"]);
    const lower = found.map((name) => name.toLowerCase());
    assert.equal(new Set(lower).size, names.length, `${lower}`);
    for (const name of lower) assert.ok(!lower.some((other) => other.startsWith(`${name}/`)), `${name} is a file and a folder`);
  });

  test("name the files that are missing, in the archive and on the page", async (t) => {
    const at = stage.keep(t, await relay());
    const seed = stage.keep(t, await BasePeer.at(at.relay, "sven"));
    const carol = await stage.visit(t, at.url, "carol");
    await carol.open("sven");
    const files = some.files.slice(0, 4);
    // One file is listed, and refused when it is requested.
    const session = await seed.called([...files, { ...some.files[1], name: "photos/gone.txt", gone: true }]);
    await carol.listed();
    await carol.getAll();
    await carol.transfer("photos/gone.txt", "failed");
    await carol.transfer("photos.zip", "done");
    await carol.text("#moving", "1 file is missing");
    const path = await carol.user.savedArchive("photos (incomplete).zip");
    const found = entries(path);
    assert.deepEqual(found.filter(({ name }) => name !== "Missing files.txt"), expected(files));
    assert.match(text(path, "Missing files.txt"), /missing in this archive:\r\n\r\nphotos\/gone\.txt: /);
    session.die();
  });

  test("become paced downloads, with a sentence, where the page is served without npm's packages", async (t) => {
    const at = stage.keep(t, await relay());
    const share = stage.keep(t, bob(at, "share", join(root, "photos/large"), "--json"));
    await share.event({ event: "online" });
    const page = stage.keep(t, await serveSources(at.url));
    const carol = await stage.visit(t, page.url, "carol");
    await carol.open("bob");
    await carol.listed();
    await carol.getAll();
    await carol.text("#notices", "cannot write archives");
    await carol.text("#said", `${LARGE} files done`, { hidden: true });
    await carol.savedEach(some.files.filter(({ name }) => name.startsWith("photos/large/")).map((file) => ({ ...file, name: file.name.replace("photos/", "") })));
  });

  test("stay downloads where they are few", async (t) => {
    const at = stage.keep(t, await relay());
    const files = some.files.filter(({ name }) => /names\/(notes|empty|a )/.test(name));
    assert.equal(files.length, 3);
    const share = stage.keep(t, bob(at, "share", ...files.map(({ path }) => path), "--json"));
    await share.event({ event: "online" });
    const carol = await stage.visit(t, at.url, "carol");
    await carol.open("bob");
    await carol.listed();
    await carol.getAll();
    await carol.savedAll(files.map((file) => ({ ...file, name: file.name.replace("photos/names/", "") })));
  });
});

function bob(at, ...args) {
  return xcher(...args, "--nick", "bob", "--relay", at.relay);
}
