/** Fetches files from a peer, to where the user wants them. */
import { goOnlineAsGuest, isIdle } from "./connection.js";
import { notice } from "./element.js";
import { tell } from "./messages.js";
import { target } from "./target.js";

/** Asks where to save files, if the browser can; otherwise they become downloads. */
export async function get(files, from) {
  try {
    tell("get", from, files, await target(files));
    // The rest of a file behind a code needs no nick.
    if (isIdle()) goOnlineAsGuest();
  } catch ({ name, message }) {
    // The user has closed the dialog.
    if (name !== "AbortError") notice("error-other", { detail: message });
  }
}
