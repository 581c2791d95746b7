import { text as string } from "./arguments.js";
import { load } from "./load.js";
import { qr as modules } from "./pkg/xcher.js";

/** The margin that readers need, in modules. */
const MARGIN = 4;

/** @param {string} text @param {import("./index.js").ConnectOptions["wasm"]} [wasm] */
export async function qr(text, wasm) {
  string("the text", text);
  await load(wasm);
  const dark = modules(text);
  if (dark.length === 0) return undefined;
  const width = Math.sqrt(dark.length);
  let path = "";
  dark.forEach((is, at) => {
    if (is) path += `M${MARGIN + (at % width)} ${MARGIN + Math.floor(at / width)}h1v1h-1z`;
  });
  return { size: width + 2 * MARGIN, path };
}
