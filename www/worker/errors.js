/** Errors as the page takes them, which words them. */

/** Returns an error of this page, with a code of its own. */
export const failure = (code) => Object.assign(new Error(code), { code });

/** Returns what a message to the page can carry of an error. */
export const plain = ({ code, message }) => ({ code, message });
