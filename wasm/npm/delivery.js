import { XcherError } from "./error.js";

/**
 * What became of files that we sent, as the module counts it: no more than the other side confirmed.
 *
 * @typedef {{ name: string, reason: string }} Missing
 * @typedef {{
 *   stored: number, handedOver: number, bytes: number, here: number, declined: number,
 *   failed: number, missing: readonly Missing[], missingCount: number,
 * }} Delivery
 */

/**
 * Reads it.
 *
 * @param {string} counts
 * @param {string} names a name and a reason a line
 * @returns {Delivery}
 */
export function delivery(counts, names) {
  const [stored, handedOver, bytes, here, declined, failed, missingCount] = counts.split(" ").map(Number);
  const missing = names.split("\n").slice(0, -1).map((line) => {
    const [name, reason] = line.split("\t");
    return { name, reason };
  });
  return { stored, handedOver, bytes, here, declined, failed, missing, missingCount };
}

/** Why a file is not stored here, as the other side is told. */
const REASONS = ["space", "denied", "exists", "name", "altered", "incomplete", "cancelled", "large", "other"];

/** @param {string} reason */
export function checkReason(reason) {
  if (REASONS.includes(reason)) return;
  throw new XcherError("misuse", `expected one of ${REASONS.join(", ")}, got ${reason}`);
}
