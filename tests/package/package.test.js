import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { build, createServer, preview } from "vite";
import { BROWSERS, launch } from "../browser/harness/browser.js";
import { serve } from "../browser/harness/serve.js";
import { folder, NAMES, same, tree } from "../browser/harness/tree.js";
import { bound, Process, xcher } from "../browser/harness/xcher.js";
import { installed, program } from "./installed.js";

const run = promisify(execFile);
let package_;
let root;
let files;

before(async () => {
  root = folder();
  files = await tree(join(root, "shared"), NAMES);
  package_ = await installed();
});

test("the package contains exactly the intended files", () => {
  const meant = [/^package\.json$/, /^README\.md$/, /^LICENSE-(MIT|APACHE)$/, /^index\.d\.ts$/];
  const code = [/^[a-z_-]+\.js$/, /^pkg\/[a-z_]+\.js$/, /^pkg\/[a-z_]+\.wasm$/];
  const others = package_.files.filter((file) => ![...meant, ...code].some((like) => like.test(file)));
  assert.deepEqual(others, []);
  for (const like of [...meant, ...code]) {
    assert.ok(package_.files.some((file) => like.test(file)), `expected ${like} in ${package_.files}`);
  }
  assert.equal(package_.files.filter((file) => file.endsWith(".wasm")).length, 1);
});

for (const resolution of ["bundler", "nodenext"]) {
  test(`types resolve with moduleResolution ${resolution}`, async () => {
    const { project } = package_;
    await run(program("tsc"), ["--project", `tsconfig.${resolution}.json`], { cwd: project }).catch(
      ({ stdout }) => assert.fail(stdout),
    );
  });
}

describe("in Node", () => {
  let up;

  before(async () => {
    up = await shared();
  });
  after(() => up?.stop());

  test("fetches a terminal's files", async () => {
    const node = new Process(process.execPath, [join(package_.project, "node.js"), `${up.url}/xcher`, "alice"]);
    const [result] = await node.exits();
    fetched(JSON.parse(result));
  });

  test("shares a file with a terminal", async () => {
    const [file] = files.files;
    const script = join(package_.project, "share.js");
    const name = "folder/走り 1.txt";
    const node = new Process(process.execPath, [script, `${up.url}/xcher`, "nora", file.path, name]);
    await node.out("online nora");
    await xcher("get", "nora", "--all", "-o", join(root, "got"), "--relay", up.relay).exits();
    await same(join(root, "got", name), file);
    await node.out("ended");
    await node.exits();
  });

  test("reports a missing WebSocket", async (t) => {
    if (globalThis.WebSocket) return t.skip("this Node has one");
    const node = new Process(process.execPath, [join(package_.project, "without.js"), `${up.url}/xcher`]);
    assert.deepEqual(await node.exits(), ["true unsupported"]);
  });
});

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let browser;

    before(async () => {
      browser = await launch(name);
    });
    after(() => browser?.close());

    test("unbundled, by an import map", async () => {
      const server = await serve({ "/": package_.project });
      await inPage(browser, server.url, "/unbundled.html");
      server.stop();
    });

    test("bundled by Vite", async () => {
      const root = package_.project;
      const outDir = join(root, `dist-${name}`);
      await build({ root, build: { outDir }, logLevel: "warn", configFile: false });
      const server = await preview({ root, build: { outDir }, ...local, preview: local.server });
      await inPage(browser, address(server));
      await server.close();
    });

    test("served by Vite's development server", async () => {
      const server = await createServer({ root: package_.project, ...local });
      await server.listen();
      await inPage(browser, address(server));
      await server.close();
    });
  });
}

/** Options without a fixed port or a configuration file. */
const local = {
  server: { host: "127.0.0.1", port: 0 },
  logLevel: "warn",
  configFile: false,
};

function address(server) {
  return `http://127.0.0.1:${server.httpServer.address().port}`;
}

/** Starts alice, who shares the files at a relay of her own. */
async function shared(...args) {
  const ports = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  const up = await bound(xcher("up", ...files.paths, "--nick", "alice", ...ports, ...args));
  await up.out("online ");
  return up;
}

async function inPage(browser, url, path = "/") {
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
function fetched({ error, who, files: got, absent, ended }) {
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
