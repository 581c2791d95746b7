import { load } from "./load.js";
import { isCode as is, isOneTimeNick as isOneTime, numbered as next } from "./pkg/xcher.js";

/** @typedef {import("./index.js").ConnectOptions["wasm"]} Wasm */

/** @param {string} text @param {Wasm} [wasm] */
export async function isCode(text, wasm) {
  await load(wasm);
  return is(text);
}

/** @param {string} name @param {number} number @param {Wasm} [wasm] */
export async function numbered(name, number, wasm) {
  await load(wasm);
  return next(name, number);
}

/** @param {string} nick @param {Wasm} [wasm] */
export async function isOneTimeNick(nick, wasm) {
  await load(wasm);
  return isOneTime(nick);
}
