/** What the bridge says about itself. */
import { TUNNEL_PATH } from "./npm/pkg/constants.js";

/** Time for the bridge to answer, in milliseconds. */
const TIMEOUT = 10_000;

/** A bridge's own, which serves as long as it does not answer. */
export const UNKNOWN = { tunnel: TUNNEL_PATH.slice(1) };

/** Asks the bridge itself, and no cache: it may be another one than before. */
export async function bridgeConfig() {
  const answer = await fetch("config.json", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
  return answer.json();
}
