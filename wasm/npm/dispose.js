/**
 * The name of what `await using` calls at the end of a block. Where JavaScript has none yet, no one can call it.
 *
 * @type {typeof Symbol.asyncDispose}
 */
export const asyncDispose = Symbol.asyncDispose ?? Symbol();
