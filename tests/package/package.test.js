import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build, createServer, preview } from "vite";
import { inEachBrowser } from "../browser/harness/scenes.js";
import { serve } from "../browser/harness/serve.js";
import { folder, same } from "../browser/harness/tree.js";
import { Process, xcher } from "../browser/harness/xcher.js";
import { fetched, files, inPage, shared } from "./fetching.js";
import { installed, program } from "./installed.js";

const run = promisify(execFile);
let package_;

before(async () => {
  package_ = await installed();
});

test("the package contains exactly the intended files", () => {
  const meant = [/^package\.json$/, /^README\.md$/, /^LICENSE-(MIT|APACHE)$/, /^index\.d\.ts$/, /^types\/[a-z_]+\.d\.ts$/];
  const code = [/^[a-z_-]+\.js$/, /^pkg\/[a-z_]+\.js$/, /^pkg\/[a-z_]+\.wasm$/];
  const examples = [/^examples\/[a-z]+\/[a-z]+\.(js|html|css)$/];
  const all = [...meant, ...code, ...examples];
  const others = package_.files.filter((file) => !all.some((like) => like.test(file)));
  assert.deepEqual(others, []);
  for (const like of all) {
    assert.ok(package_.files.some((file) => like.test(file)), `expected ${like} in ${package_.files}`);
  }
  assert.deepEqual(package_.files.filter((file) => file.endsWith(".wasm")).sort(), ["pkg/qr_bg.wasm", "pkg/xcher_bg.wasm"]);
});

test("the package says where it comes from", async () => {
  const manifest = JSON.parse(await readFile(join(package_.project, "node_modules/xcher/package.json"), "utf8"));
  const cargo = await readFile(new URL("../../Cargo.toml", import.meta.url), "utf8");
  const of = (field) => new RegExp(`^${field} = "(.+)"$`, "m").exec(cargo)[1];
  assert.equal(manifest.repository.url, of("repository"));
  assert.equal(manifest.homepage, of("homepage"));
  assert.equal(manifest.bugs, `${of("repository")}/issues`);
});

for (const environment of ["bundler", "nodenext", "node"]) {
  test(`types resolve with tsconfig.${environment}.json`, async () => {
    const { project } = package_;
    await run(program("tsc"), ["--project", `tsconfig.${environment}.json`], { cwd: project }).catch(
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

  const script = (name, ...args) => new Process(process.execPath, [join(package_.project, name), ...args]);

  test("fetches a terminal's files", async () => {
    const [result] = await script("node.js", `${up.url}/xcher`, "alice").exits();
    fetched(JSON.parse(result));
  });

  test("shares a file with a terminal", async () => {
    const [file] = files.files;
    const name = "folder/走り 1.txt";
    const node = script("share.js", `${up.url}/xcher`, "nora", file.path, name);
    await node.out("online nora");
    const got = folder();
    await xcher("get", "nora", "--all", "-o", got, "--relay", up.relay).exits();
    await same(join(got, name), file);
    await node.out("ended");
    await node.exits();
  });

  test("is imported on a server, where there is neither a page nor a WebSocket", async () => {
    assert.deepEqual(await script("server.js").exits(), ["imported without a trace", "unsupported"]);
  });

  test("is required by CommonJS", async (t) => {
    if (!process.features.require_module) return t.skip("this Node does not require ES modules");
    const [result] = await script("required.cjs", `${up.url}/xcher`, "alice").exits();
    fetched(JSON.parse(result));
  });

  test("resolves its module and its manifest", async () => {
    const resolve = `for (const name of ["xcher_bg.wasm", "package.json"]) console.log(import.meta.resolve("xcher/" + name));`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", resolve], { cwd: package_.project });
    assert.match(stdout, /xcher\/pkg\/xcher_bg\.wasm\n.*xcher\/package\.json\n/);
  });
});

inEachBrowser("the installed package", (stage) => {
  test("unbundled, by an import map", async () => {
    const server = await serve({ "/": package_.project });
    await inPage(stage.browser, server.url, "/unbundled.html");
    server.stop();
  });

  test("saves into a directory and as downloads, and packs an archive", async () => {
    const server = await serve({ "/": package_.project, "/node_modules/client-zip/": `${here("node_modules/client-zip")}/` });
    const up = await shared("--allow-origin", server.url);
    const user = await stage.browser.user();
    await user.page.goto(`${server.url}/saving.html?${new URLSearchParams({ url: `${up.url}/`, nick: "alice" })}`);
    const body = await user.page.waitForSelector("body[data-result]");
    const { error, saved, again, archive, downloaded } = JSON.parse(await body.evaluate((body) => body.dataset.result));
    assert.equal(error, undefined);
    const expected = files.files.map(({ name, size, hash }) => ({ name, path: name, size, hash }));
    const order = (a, b) => (a.name < b.name ? -1 : 1);
    assert.deepEqual(saved.sort(order), expected.sort(order));
    assert.ok(again.every(({ name, path }) => path !== name && / \(1\)/.test(path)), JSON.stringify(again));
    const total = files.files.reduce((sum, { size }) => sum + size, 0);
    assert.ok(archive > total, `${archive} bytes of an archive of ${total} bytes`);
    await user.saved(downloaded.path, downloaded.bytes);
    await user.close();
    await up.stop();
    server.stop();
  });

  test("bundled by Vite", async () => {
    const root = package_.project;
    const outDir = join(root, `dist-${stage.name}`);
    await build({ root, build: { outDir }, logLevel: "warn", configFile: false });
    const server = await preview({ root, build: { outDir }, ...local, preview: local.server });
    await inPage(stage.browser, address(server));
    await server.close();
  });

  test("served by Vite's development server", async () => {
    const server = await createServer({ root: package_.project, ...local });
    await server.listen();
    await inPage(stage.browser, address(server));
    await server.close();
  });
});

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Options without a fixed port or a configuration file. */
const local = {
  server: { host: "127.0.0.1", port: 0 },
  logLevel: "warn",
  configFile: false,
};

function address(server) {
  return `http://127.0.0.1:${server.httpServer.address().port}`;
}
