import init from "./pkg/xcher.js";
import { bytesOf } from "./arguments.js";
import { builtin } from "./builtin.js";
import { XcherError, asError, misuse } from "./error.js";
import { shown } from "./shown.js";

/** @typedef {import("./index.js").SendOptions["wasm"]} Wasm */

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
 * @param {Wasm} wasm
 */
export async function load(wasm) {
  check("xcher_bg.wasm", wasm);
  if (!WebAssembly.validate(VECTOR)) {
    const newer = "use Chrome 91, Firefox 89, Safari 16.4, Node 16.4 or later";
    throw new XcherError("unsupported", `there are no vector instructions (WebAssembly SIMD) here: ${newer}`);
  }
  const mine = (loaded ??= initialise(init, wasm ?? new URL("./pkg/xcher_bg.wasm", import.meta.url)));
  try {
    await mine;
  } catch (error) {
    if (loaded === mine) loaded = undefined;
    throw unusable(wasm, error);
  }
}

/** Checks the `wasm` of an application for the module in this file. @param {string} file @param {unknown} wasm */
export function check(file, wasm) {
  const isAddress = (typeof wasm === "string" && wasm !== "") || wasm instanceof URL;
  const isFetched = typeof (/** @type {any} */ (wasm)?.then ?? /** @type {any} */ (wasm)?.arrayBuffer) === "function";
  const isModule = wasm instanceof WebAssembly.Module || bytesOf(wasm);
  if (wasm === undefined || isAddress || isFetched || isModule) return;
  throw misuse(`\`wasm\` is ${shown(wasm)}: give the URL of ${file}, its bytes, or a WebAssembly.Module`);
}

/** Returns the error for a module that could not be loaded. @param {unknown} wasm @param {unknown} error */
export function unusable(wasm, error) {
  const { message } = asError(error, "local");
  const hint = wasm === undefined ? ": give its URL or bytes as `wasm`" : "";
  return new XcherError("local", `the WebAssembly module could not be loaded (${message})${hint}`, error);
}

/**
 * Passes a module to its glue.
 *
 * @param {(given: { module_or_path: any }) => Promise<unknown>} init
 * @param {NonNullable<Wasm>} wasm
 */
export async function initialise(init, wasm) {
  const file = fileOf(wasm);
  if (!file) return init({ module_or_path: wasm });
  // Only Node, Deno and Bun read files.
  const { readFile } = await builtin("node:fs/promises");
  return init({ module_or_path: await readFile(file) });
}

/** Returns the file to read: of a `file:` URL, or where there are no pages, a path. @param {unknown} wasm */
function fileOf(wasm) {
  if (typeof wasm !== "string" && !(wasm instanceof URL)) return undefined;
  try {
    const url = new URL(wasm);
    return url.protocol === "file:" ? url : undefined;
  } catch {
    return globalThis.location ? undefined : wasm;
  }
}
