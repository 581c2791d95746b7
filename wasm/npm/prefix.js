import { Reading } from "./blob_reader.js";

/** Bytes that are read at a time. */
const READ_LEN = 1 << 20;

/**
 * Supplies the first `length` bytes of a file to the module, which computes their digest. A file that is
 * missing or cannot be read has no prefix.
 *
 * @param {import("./driver.js").Driver} driver
 * @param {number} transfer
 * @param {Blob | undefined} file
 * @param {number} length
 */
export async function readPrefix(driver, transfer, file, length) {
  let left = file ? length : NaN;
  try {
    const reading = new Reading(/** @type {Blob} */ (file));
    while (left > 0) {
      const piece = await reading.next(Math.min(left, READ_LEN));
      // The file ended early, or the module no longer needs the prefix.
      if (!piece.length || !driver.supply(transfer, piece)) break;
      left -= piece.length;
    }
  } catch {
    // The file is then sent from its beginning, or refused.
  }
  try {
    driver.do({ kind: "prefixEnd", transfer, complete: left === 0 });
  } catch {
    // The peer is closed.
  }
}
