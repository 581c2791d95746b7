/** Keeps the page in the browser, so that it opens without a network. */

/** Called once the page can be used: nothing waits for it, and nothing is lost where it fails. */
export function keepPage() {
  // The page as written may change file by file.
  if (!("build" in document.documentElement.dataset)) return;
  try {
    // Missing where the page was not loaded over https, and refused where the user blocks storage.
    navigator.serviceWorker?.register("service_worker.js").catch(() => {});
  } catch {
    // As refused.
  }
}
