/** Says that the page's server does not answer, and asks again until it does. */
import { $, button, element, phrase } from "./element.js";

/** Time between two attempts, in milliseconds. */
const INTERVAL = 5000;

/** Calls `answered` with what `ask` resolves to, once it does. */
export function waitForServer(ask, answered) {
  const row = element("p", { id: "no-server" }, phrase("span", {}, "no-server"), button("try-again", "", attempt));
  let retry;
  let asks;
  async function attempt() {
    if (asks) return;
    asks = true;
    clearTimeout(retry);
    const config = await ask().catch(() => {});
    asks = false;
    if (!config) return wait();
    removeEventListener("online", attempt);
    row.remove();
    answered(config);
  }
  const wait = () => (retry = setTimeout(attempt, INTERVAL));
  addEventListener("online", attempt);
  $("notices").prepend(row);
  wait();
}
