/** Every error of this package. */
export class XcherError extends Error {
  /**
   * @param {import("./index.js").ErrorCode} code
   * @param {string} message
   * @param {unknown} [cause] what led to it, if known
   */
  constructor(code, message, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  get name() {
    return /** @type {const} */ ("XcherError");
  }
}

/** Returns an error for a call with invalid arguments. @param {string} message @param {unknown} [cause] */
export const misuse = (message, cause) => new XcherError("misuse", message, cause);

/**
 * Returns an error of this package for anything thrown.
 *
 * @param {unknown} thrown
 * @param {import("./index.js").ErrorCode} code for other errors
 */
export function asError(thrown, code) {
  if (thrown instanceof XcherError) return thrown;
  return new XcherError(code, thrown instanceof Error ? thrown.message : String(thrown), thrown);
}
