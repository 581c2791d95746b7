/** Every error of this package. */
export class XcherError extends Error {
  /**
   * @param {import("./index.js").ErrorCode} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }

  get name() {
    return /** @type {const} */ ("XcherError");
  }
}

/**
 * Returns an error of this package for anything thrown.
 *
 * @param {unknown} thrown
 * @param {import("./index.js").ErrorCode} code for other errors
 */
export function asError(thrown, code) {
  if (thrown instanceof XcherError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new XcherError(code, message);
}
