import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { importMetaAssets } from "@web/rollup-plugin-import-meta-assets";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import webpack from "webpack";
import { inEachBrowser } from "../../browser/harness/scenes.js";
import { serve } from "../../browser/harness/serve.js";
import { folder } from "../../browser/harness/tree.js";
import { Process } from "../../browser/harness/xcher.js";
import { fetched, inPage, shared } from "../fetching.js";
import { installed } from "../installed.js";

const run = promisify(execFile);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const program = (name) => here(`node_modules/.bin/${name}`);
let project;

before(async () => {
  ({ project } = await installed());
  // The fetching page, which is given the module's address.
  const main = await readFile(join(project, "main.js"), "utf8");
  const given = main.replace('asked.get("nick"))', 'asked.get("nick"), { wasm: new URL(wasm, import.meta.url) })');
  assert.notEqual(given, main);
  await writeFile(join(project, "given.js"), `import wasm from "xcher/xcher_bg.wasm";\n${given}`);
});

/** Each makes a page in a folder, whose script is `main.js`. */
const bundlers = {
  /** Leaves `import.meta.url` alone: the module is a file that the page names. */
  async esbuild(out) {
    await esbuild.build({
      entryPoints: { main: join(project, "given.js") },
      bundle: true,
      minify: true,
      format: "esm",
      outdir: out,
      loader: { ".wasm": "file" },
      logLevel: "silent",
      absWorkingDir: project,
    });
  },

  /** Likewise, with the module at the place where the script looks for it. */
  async "esbuild with a copied module"(out) {
    await esbuild.build({ entryPoints: [join(project, "main.js")], bundle: true, format: "esm", outdir: out, logLevel: "silent" });
    await mkdir(join(out, "pkg"));
    await cp(join(project, "node_modules/xcher/pkg/xcher_bg.wasm"), join(out, "pkg/xcher_bg.wasm"));
  },

  async Rollup(out) {
    const warnings = [];
    const bundle = await rollup({
      input: join(project, "main.js"),
      plugins: [nodeResolve({ browser: true }), importMetaAssets()],
      onwarn: (warning) => warnings.push(warning.message),
    });
    await bundle.write({ dir: out, format: "es" });
    assert.deepEqual(warnings, []);
  },

  async webpack(out) {
    const stats = await promisify(webpack)({
      context: project,
      entry: { main: "./main.js" },
      mode: "production",
      output: { path: out, filename: "[name].js" },
      // The standard library of JavaScript, as any project has it.
      performance: { hints: false },
    });
    const { errors, warnings } = stats.toJson({ errors: true, warnings: true });
    assert.deepEqual([...errors, ...warnings].map(({ message }) => message), []);
  },
};

inEachBrowser("the package", (stage) => {
  for (const [bundler, bundle] of Object.entries(bundlers)) {
    test(`bundled by ${bundler}`, async () => {
      const out = folder();
      await bundle(out);
      await cp(join(project, "index.html"), join(out, "index.html"));
      const server = await serve({ "/": out });
      await inPage(stage.browser, server.url);
      server.stop();
    });
  }

  test("in a page that Next renders on its server", async () => {
    const app = await nextApp();
    const next = join(app, "node_modules/next/dist/bin/next");
    await run(process.execPath, [next, "build"], { cwd: app, env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" } }).catch(
      ({ stdout, stderr }) => assert.fail(`${stdout}${stderr}`),
    );
    const out = join(app, "out");
    assert.match(await readFile(join(out, "index.html"), "utf8"), /rendered with xcher \d+\.\d+\.\d+/);
    const server = await serve({ "/": out });
    await inPage(stage.browser, server.url);
    server.stop();
  });
});

/** Makes a project of Next, whose page imports the package on the server and in the browser. */
async function nextApp() {
  const app = join(folder(), "app");
  await mkdir(join(app, "app"), { recursive: true });
  const files = {
    "package.json": JSON.stringify({ name: "app", private: true, type: "module" }),
    "next.config.mjs": "export default { output: 'export' };",
    "app/layout.js": "export default ({ children }) => <html lang='en'><head><link rel='icon' href='data:,' /></head><body>{children}</body></html>;",
    "app/page.js": `"use client";
      import { useEffect } from "react";
      import { version } from "xcher";
      import { fetchAll } from "./fetch.js";
      export default function Page() {
        useEffect(() => {
          const asked = new URLSearchParams(location.search);
          fetchAll(asked.get("url"), asked.get("nick")).then(
            (result) => (document.body.dataset.result = JSON.stringify(result)),
            (error) => (document.body.dataset.result = JSON.stringify({ error: String(error) })),
          );
        }, []);
        return <p>{"rendered with xcher " + version}</p>;
      }`,
  };
  for (const [path, text] of Object.entries(files)) await writeFile(join(app, path), text);
  await cp(join(project, "fetch.js"), join(app, "app/fetch.js"));
  await mkdir(join(app, "node_modules"));
  // Copies: bundlers resolve a link to where it leads, which has other modules beside it.
  for (const name of await readdir(here("node_modules"))) {
    if (!/^(bun|deno|@deno|@oven|rollup|@rollup|webpack|esbuild|@esbuild|\.bin)$/.test(name)) {
      await cp(here(`node_modules/${name}`), join(app, "node_modules", name), { recursive: true });
    }
  }
  await cp(join(project, "node_modules/xcher"), join(app, "node_modules/xcher"), { recursive: true });
  return app;
}

describe("in other runtimes", () => {
  let up;

  before(async () => {
    up = await shared();
    await writeFile(join(project, "own.js"), `
      import { fetchAll } from "./fetch.js";
      const [url, nick] = globalThis.Deno?.args ?? process.argv.slice(2);
      console.log(JSON.stringify(await fetchAll(url, nick)));
    `);
  });
  after(() => up?.stop());

  for (const [name, words] of [
    ["deno", ["run", "--no-prompt", "--node-modules-dir=manual", "--allow-net", "--allow-read", "--allow-env"]],
    ["bun", ["run"]],
  ]) {
    test(`in ${name}, with its own WebSocket`, async () => {
      const { path } = { path: join(project, "own.js") };
      const runs = new Process(program(name), [...words, path, `${up.url}/xcher`, "alice"]);
      const lines = await runs.exits();
      fetched(JSON.parse(lines.at(-1)));
    });
  }
});
