import { Reading } from "./blob_reader.js";

/** Bytes that are read at a time. */
const PIECE = 1 << 20;

/**
 * Reads the first `length` bytes of a file to the module, which sums them up. A file that is not there,
 * or cannot be read, is no beginning.
 *
 * @param {import("./driver.js").Driver} driver
 * @param {number} id of the transfer
 * @param {Blob | undefined} file
 * @param {number} length
 */
export async function look(driver, id, file, length) {
  let left = file ? length : NaN;
  try {
    const reading = new Reading(/** @type {Blob} */ (file));
    while (left > 0) {
      const piece = await reading.next(Math.min(left, PIECE));
      // It ended early, or nobody wants to know any more.
      if (!piece.length || !driver.supply(id, piece)) break;
      left -= piece.length;
    }
  } catch {
    // Then it is fetched whole, or refused.
  }
  driver.do("looked", { id, number: Number(left === 0) });
}
