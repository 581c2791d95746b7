/** Checks of what an application passes. Each fails with `misuse`, and says what to pass instead. */

import { misuse } from "./error.js";
import { shown, typed } from "./shown.js";

/**
 * Returns options, which may be left out.
 *
 * @template {object} T
 * @param {T | undefined} options
 * @returns {T}
 */
export function optional(options) {
  if (options === undefined) return /** @type {T} */ ({});
  if (typeof options !== "object" || options === null) throw misuse(`the options are ${shown(options)}: give an object`);
  return options;
}

/**
 * Returns one of the choices, the first by default. An unknown one is never taken for the default, which may be
 * less safe than the one that was meant.
 *
 * @template {string} T
 * @param {string} name
 * @param {unknown} value
 * @param {readonly T[]} choices
 * @returns {T}
 */
export function choice(name, value, choices) {
  if (value === undefined) return choices[0];
  const found = choices.find((one) => one === value);
  const [last, ...others] = [...choices].reverse().map((one) => JSON.stringify(one));
  if (!found) throw misuse(`\`${name}\` is ${shown(value)}: give ${others.reverse().join(", ")} or ${last}`);
  return found;
}

/** @param {string} name @param {unknown} value @returns {string} */
export function text(name, value) {
  if (typeof value !== "string" || value === "") throw misuse(`${name} is ${shown(value)}: give a string`);
  return value;
}

/** Returns a secret text, which no message shows. @param {string} name @param {unknown} value */
export function secretText(name, value) {
  if (value === undefined || (typeof value === "string" && value)) return value;
  throw misuse(`\`${name}\` is ${value === "" ? "empty" : typed(value)}: give a string, or leave it out`);
}

/** Returns a boolean, false by default. @param {string} name @param {unknown} value */
export function flag(name, value = false) {
  if (typeof value !== "boolean") throw misuse(`\`${name}\` is ${shown(value)}: give true or false`);
  return value;
}

/** @param {string} name @param {unknown} value @returns {number} */
export function count(name, value) {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
  throw misuse(`\`${name}\` is ${shown(value)}: give a whole number, 0 or more`);
}

/**
 * Returns bytes in any form that has them, as a view of them.
 *
 * @param {unknown} value
 * @returns {Uint8Array<ArrayBuffer> | undefined} undefined for anything else
 */
export function bytesOf(value) {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(/** @type {ArrayBuffer} */ (value.buffer), value.byteOffset, value.byteLength);
  }
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
}

/** Returns whether a value is a Blob or File, also one of another window. @param {unknown} value */
export function isBlob(value) {
  return value instanceof Blob || ["[object Blob]", "[object File]"].includes(Object.prototype.toString.call(value));
}

/**
 * Returns a file as a Blob: bytes are copied into one.
 *
 * @param {string} name
 * @param {unknown} value
 * @returns {Blob}
 */
export function blob(name, value) {
  if (isBlob(value)) return /** @type {Blob} */ (value);
  const bytes = bytesOf(value);
  if (bytes) return new Blob([bytes.slice()]);
  const path = typeof value === "string" ? ", such as `await openAsBlob(path)` of node:fs for a path" : "";
  throw misuse(`${name} is ${shown(value)}: give a Blob, a File or bytes${path}`);
}

/** Returns the limits of a call that waits. @param {{ signal?: AbortSignal, timeout?: number }} [limits] */
export function waitOptions(limits) {
  const { signal, timeout } = optional(limits);
  const listens = typeof signal?.addEventListener === "function" && typeof signal.aborted === "boolean";
  if (signal !== undefined && !listens) throw misuse(`\`signal\` is ${shown(signal)}: give an AbortSignal`);
  if (timeout !== undefined && !(typeof timeout === "number" && timeout >= 0)) {
    throw misuse(`\`timeout\` is ${shown(timeout)}: give milliseconds, 0 or more, or Infinity for none`);
  }
  return { signal, timeout };
}
