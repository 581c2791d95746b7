import { serve } from "./serve.js";

const ROOT = new URL("../../../", import.meta.url).pathname;

/**
 * Serves the page's sources in front of a bridge, as `cargo xcher` does without esbuild, with the bridge's own headers.
 * `instead`: folders for other paths, `{ "/texts/": folder }`.
 */
export async function serveSources(bridge, instead = {}) {
  const policy = "content-security-policy";
  const { headers } = await fetch(`${bridge}/config.json`);
  const folders = { "/": `${ROOT}www`, "/npm/": `${ROOT}wasm/npm`, ...instead };
  return serve(folders, { target: bridge, headers: { [policy]: headers.get(policy) } });
}
