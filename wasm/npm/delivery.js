/** Outcome of files that this peer sends, as the module counts it: no more than the other peer confirmed. */
export class Delivery {
  /** @type {import("./index.js").Missing[]} */
  missing = [];

  /**
   * @param {number} stored
   * @param {number} handedOver
   * @param {number} bytes
   * @param {number} here
   * @param {number} declined
   * @param {number} failed
   * @param {number} missingCount
   */
  constructor(stored, handedOver, bytes, here, declined, failed, missingCount) {
    this.stored = stored;
    this.handedOver = handedOver;
    this.bytes = bytes;
    this.here = here;
    this.declined = declined;
    this.failed = failed;
    this.missingCount = missingCount;
  }

  /** Files that arrived. */
  get sent() {
    return this.stored + this.handedOver;
  }

  /** @param {string} name @param {string} reason @param {import("./index.js").MissingCode} code */
  addMissing(name, reason, code) {
    this.missing.push({ name, reason, code });
  }
}
