/**
 * Imports a module of Node, Deno or Bun. Bundlers leave an import alone whose name is a variable, some of them only if
 * a comment says so.
 *
 * @param {string} name such as `node:path`
 * @returns {Promise<any>}
 */
export const builtin = (name) => import(/* webpackIgnore: true */ /* @vite-ignore */ name);
