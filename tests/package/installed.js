import { execFile } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { folder } from "../browser/harness/tree.js";

const run = promisify(execFile);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Packs the package as for publication and installs it in an otherwise empty project. */
export async function installed() {
  const root = folder("xcher-package-");
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", root], {
    cwd: process.env.XCHER_PACKAGE ?? here("../../wasm/npm"),
  });
  const [{ filename, files, size }] = JSON.parse(stdout);
  const project = join(root, "project");
  cpSync(here("project"), project, { recursive: true });
  // Besides the package, only the project's own dependencies, from this machine.
  const others = ["ws", "@types/ws", "@types/node", "client-zip"].map((name) => here(`node_modules/${name}`));
  await run("npm", [
    "install", "--offline", "--no-audit", "--no-fund", "--install-links=false",
    join(root, filename), ...others,
  ], { cwd: project });
  const remove = () => rmSync(root, { recursive: true, force: true });
  return { project, size, files: files.map((file) => file.path).sort(), remove };
}

/** Returns the path of a program of this folder's packages. */
export const program = (name) => here(`node_modules/.bin/${name}`);
