// The module with what only tests use: `npm test` builds it first.

import { readFileSync } from "node:fs";

export const root = new URL("../../../", import.meta.url);

export async function testing() {
  const { default: init, ...module } = await import("./pkg/xcher.js");
  await init({ module_or_path: readFileSync(new URL("pkg/xcher_bg.wasm", import.meta.url)) });
  return module;
}
