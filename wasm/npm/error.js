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
 * What the module throws and what readers throw, as one kind of error.
 *
 * @param {unknown} thrown
 * @param {import("./index.js").ErrorCode} code for what is no error of ours
 */
export function asError(thrown, code) {
  if (thrown instanceof XcherError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new XcherError(code, message);
}
