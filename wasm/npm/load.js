import init from "./pkg/xcher.js";
import { asError } from "./error.js";

/** @type {Promise<unknown> | undefined} */
let loaded;

/**
 * Loads the module, once.
 *
 * @param {import("./index.js").ConnectOptions["wasm"]} wasm
 */
export async function load(wasm) {
  try {
    await (loaded ??= start(wasm ?? new URL("./pkg/xcher_bg.wasm", import.meta.url)));
  } catch (error) {
    loaded = undefined;
    throw asError(error, "local");
  }
}

/** @param {NonNullable<import("./index.js").ConnectOptions["wasm"]>} wasm */
async function start(wasm) {
  const url = wasm instanceof URL ? wasm : undefined;
  if (url?.protocol !== "file:") return init({ module_or_path: wasm });
  // Only Node reads files. Bundlers do not resolve an import whose name is a variable.
  const name = "node:fs/promises";
  const { readFile } = await import(/* @vite-ignore */ name);
  return init({ module_or_path: await readFile(url) });
}
