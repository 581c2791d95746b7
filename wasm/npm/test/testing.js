// The module with what only tests see: `npm test` has it built before.

import { readFileSync } from "node:fs";

export const root = new URL("../../../", import.meta.url);

export async function testing() {
  const { default: init, ...module } = await import("./pkg/xcher.js");
  await init({ module_or_path: readFileSync(new URL("pkg/xcher_bg.wasm", import.meta.url)) });
  return module;
}
