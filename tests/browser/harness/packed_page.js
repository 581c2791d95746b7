import { createHash } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serve } from "./serve.js";

const MADE = new URL("../../../wasm/npm/pkg/page", import.meta.url).pathname;

/** Returns the folder of the page that `cargo pack` made last, if it did. */
export function packedPage() {
  const [name] = existsSync(MADE) ? readdirSync(MADE) : [];
  return name && join(MADE, name);
}

/** Serves a page that `cargo pack` made in front of a bridge, with the bridge's own headers. */
export async function servePacked(bridge, folder = packedPage()) {
  if (!folder) throw new Error("run `cargo pack` first");
  const policy = "content-security-policy";
  const { headers } = await fetch(`${bridge}/config.json`);
  return serve({ "/": folder }, { target: bridge, headers: { [policy]: headers.get(policy) } });
}

/** Copies the packed page to a folder, as another build whose page sets `globalThis.edition`, as `cargo pack` would. */
export function makeEdition(folder, edition) {
  cpSync(packedPage(), folder, { recursive: true });
  const path = (name) => join(folder, name);
  const worker = path("service_worker.js");
  const [line, ...rest] = readFileSync(worker, "utf8").split("\n");
  const { name, files } = JSON.parse(line.replace(/^self\.build=(.*);$/, "$1"));
  const renamed = `build-${createHash("sha256").update(edition).digest("hex").slice(0, 16)}`;
  renameSync(path(name), path(renamed));
  const main = path(`${renamed}/main.js`);
  writeFileSync(main, `globalThis.edition=${JSON.stringify(edition)};${readFileSync(main, "utf8")}`);
  writeFileSync(path("index.html"), readFileSync(path("index.html"), "utf8").replaceAll(name, renamed));
  const digests = Object.keys(files).map((file) => file.replace(name, renamed)).map((file) => {
    const digest = createHash("sha256").update(readFileSync(path(file))).digest("base64");
    return [file, `sha256-${digest}`];
  });
  const build = { name: renamed, files: Object.fromEntries(digests) };
  writeFileSync(worker, [`self.build=${JSON.stringify(build)};`, ...rest].join("\n"));
  return renamed;
}
