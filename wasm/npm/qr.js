import { asError } from "./error.js";
import { initialise } from "./load.js";

/** The margin that readers need, in modules. */
const MARGIN = 4;

/** @type {Promise<typeof import("./pkg/qr.js").qr> | undefined} */
let loaded;

/** @param {string} text @param {import("./index.js").ConnectOptions["wasm"]} [wasm] */
export async function qr(text, wasm) {
  const dark = await modules(text, wasm);
  if (dark.length === 0) return undefined;
  const width = Math.sqrt(dark.length);
  let path = "";
  dark.forEach((is, at) => {
    if (is) path += `M${MARGIN + (at % width)} ${MARGIN + Math.floor(at / width)}h1v1h-1z`;
  });
  return { size: width + 2 * MARGIN, path };
}

/** @param {string} text @param {import("./index.js").ConnectOptions["wasm"]} wasm */
async function modules(text, wasm) {
  try {
    return (await (loaded ??= load(wasm)))(text);
  } catch (error) {
    loaded = undefined;
    throw asError(error, "local");
  }
}

/** Loads the module for QR codes, which few sessions need. @param {import("./index.js").ConnectOptions["wasm"]} wasm */
async function load(wasm) {
  const { default: init, qr } = await import("./pkg/qr.js");
  await initialise(init, wasm ?? new URL("./pkg/qr_bg.wasm", import.meta.url));
  return qr;
}
