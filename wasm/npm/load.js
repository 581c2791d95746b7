import init from "./pkg/xcher.js";
import { XcherError, asError } from "./error.js";

/** A module whose function has a vector instruction. */
const VECTOR = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3],
  ...[2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
);

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
  if (!WebAssembly.validate(VECTOR)) {
    const newer = "use Chrome 91, Firefox 89, Safari 16.4, Node 16.4 or later";
    throw new XcherError("unsupported", `there are no vector instructions (WebAssembly SIMD) here: ${newer}`);
  }
  return initialise(init, wasm);
}

/**
 * Passes a module to its glue.
 *
 * @param {(given: { module_or_path: any }) => Promise<unknown>} init
 * @param {NonNullable<import("./index.js").ConnectOptions["wasm"]>} wasm
 */
export async function initialise(init, wasm) {
  const url = wasm instanceof URL ? wasm : undefined;
  if (url?.protocol !== "file:") return init({ module_or_path: wasm });
  // Only Node reads files. Bundlers do not resolve an import whose name is a variable.
  const name = "node:fs/promises";
  const { readFile } = await import(/* @vite-ignore */ name);
  return init({ module_or_path: await readFile(url) });
}
