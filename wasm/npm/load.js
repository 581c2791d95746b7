import init from "./pkg/xcher.js";
import { bytesOf, shown } from "./arguments.js";
import { builtin } from "./builtin.js";
import { XcherError, asError, misuse } from "./error.js";

/** @typedef {import("./index.js").SendOptions["wasm"]} Wasm */

/** @type {Promise<unknown> | undefined} */
let loaded;

/**
 * Loads the module, once.
 *
 * @param {Wasm} wasm
 */
export async function load(wasm) {
  check(wasm);
  const mine = (loaded ??= start(wasm ?? new URL("./pkg/xcher_bg.wasm", import.meta.url)));
  try {
    await mine;
  } catch (error) {
    if (loaded === mine) loaded = undefined;
    const { message } = asError(error, "local");
    const hint = wasm === undefined ? ": give its URL or bytes as `wasm`" : "";
    throw new XcherError("local", `the WebAssembly module could not be loaded (${message})${hint}`, error);
  }
}

/** @param {unknown} wasm */
function check(wasm) {
  const isAddress = (typeof wasm === "string" && wasm !== "") || wasm instanceof URL;
  const isFetched = typeof (/** @type {any} */ (wasm)?.then ?? /** @type {any} */ (wasm)?.arrayBuffer) === "function";
  const isModule = wasm instanceof WebAssembly.Module || bytesOf(wasm);
  if (wasm === undefined || isAddress || isFetched || isModule) return;
  throw misuse(`\`wasm\` is ${shown(wasm)}: give the URL of xcher_bg.wasm, its bytes, or a WebAssembly.Module`);
}

/** @param {NonNullable<Wasm>} wasm */
async function start(wasm) {
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
