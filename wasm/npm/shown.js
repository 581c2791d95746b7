/** How messages describe a value that an application passed. */

/** The most characters of a value that a message shows. */
const MAX_SHOWN_LEN = 40;

/**
 * Describes a value in a message. Values that can be secret are never shown: callers name them by their type.
 *
 * @param {unknown} value
 */
export function shown(value) {
  if (typeof value === "string") return JSON.stringify(value.length > MAX_SHOWN_LEN ? `${value.slice(0, MAX_SHOWN_LEN)}…` : value);
  if (value === null || ["undefined", "number", "bigint", "boolean"].includes(typeof value)) return String(value);
  return typed(value);
}

/** Names the type of a value. @param {unknown} value */
export function typed(value) {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
