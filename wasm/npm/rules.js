import { count } from "./arguments.js";
import { misuse } from "./error.js";
import { load } from "./load.js";
import { isCode as is, isOneTimeNick as isOneTime, numbered as next } from "./pkg/xcher.js";
import { shown } from "./shown.js";

/** @param {string} what @param {unknown} value */
function string(what, value) {
  if (typeof value !== "string") throw misuse(`${what} is ${shown(value)}: give a string`);
}

/** @typedef {import("./index.js").ConnectOptions["wasm"]} Wasm */

/** @param {string} text @param {Wasm} [wasm] */
export async function isCode(text, wasm) {
  string("the text", text);
  await load(wasm);
  return is(text);
}

/** @param {string} name @param {number} number @param {Wasm} [wasm] */
export async function numbered(name, number, wasm) {
  string("the name", name);
  count("number", number);
  await load(wasm);
  return next(name, number);
}

/** @param {string} nick @param {Wasm} [wasm] */
export async function isOneTimeNick(nick, wasm) {
  string("the nick", nick);
  await load(wasm);
  return isOneTime(nick);
}
