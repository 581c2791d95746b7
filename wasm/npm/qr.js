import { text as string } from "./arguments.js";
import { check, initialise, unusable } from "./load.js";

/** The margin that readers need, in modules. */
const MARGIN = 4;

/** @type {Promise<typeof import("./pkg/qr.js").qr> | undefined} */
let loaded;

/** @param {string} text @param {import("./index.js").SendOptions["wasm"]} [wasm] */
export async function qr(text, wasm) {
  string("the text", text);
  check("qr_bg.wasm", wasm);
  const dark = (await load(wasm))(text);
  if (dark.length === 0) return undefined;
  const width = Math.sqrt(dark.length);
  let path = "";
  dark.forEach((is, at) => {
    if (is) path += `M${MARGIN + (at % width)} ${MARGIN + Math.floor(at / width)}h1v1h-1z`;
  });
  return { size: width + 2 * MARGIN, path };
}

/** Loads the module for QR codes, which few sessions need, once. @param {import("./index.js").SendOptions["wasm"]} wasm */
async function load(wasm) {
  const mine = (loaded ??= start(wasm));
  try {
    return await mine;
  } catch (error) {
    if (loaded === mine) loaded = undefined;
    throw unusable(wasm, error);
  }
}

/** @param {import("./index.js").SendOptions["wasm"]} wasm */
async function start(wasm) {
  const { default: init, qr } = await import("./pkg/qr.js");
  await initialise(init, wasm ?? new URL("./pkg/qr_bg.wasm", import.meta.url));
  return qr;
}
