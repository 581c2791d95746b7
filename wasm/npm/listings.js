import { Listing } from "./listing.js";
import { aborted, within } from "./with_timeout.js";

/** The listings of a session, one at a time. */
export class Listings {
  #request;
  #report;
  /** @type {Listing | undefined} */
  #current;

  /**
   * @param {() => void} request requests a listing
   * @param {(entries: number) => void} report reports entries that were read
   */
  constructor(request, report) {
    this.#request = request;
    this.#report = report;
  }

  /** Requests a listing, and passes its entries on. @param {import("./index.js").WaitOptions} limits */
  async *entries(limits) {
    const late = "the other host sent no entry of its listing";
    // The rest of an abandoned listing comes first.
    for (let before; (before = this.#current)?.dropped; ) {
      const { over } = before;
      await within(limits, late, (resolve) => over.then(resolve));
    }
    if (limits.signal?.aborted) throw aborted(limits.signal);
    this.#request();
    const listing = new Listing(this.#report);
    this.#current = listing;
    try {
      for (;;) {
        if (limits.signal?.aborted) throw aborted(limits.signal);
        // Most entries arrive with others, and need no wait.
        const file = listing.take();
        if (file) yield file;
        else if (listing.isOver()) return;
        else await within(limits, late, (resolve) => listing.onArrival(resolve));
      }
    } finally {
      listing.drop();
    }
  }

  /** @param {import("./index.js").RemoteFile} file */
  push(file) {
    this.#current?.push(file);
  }

  /** @param {import("./error.js").XcherError} [reason] why no more entries come, unless these were all */
  end(reason) {
    const listing = this.#current;
    this.#current = undefined;
    listing?.end(reason);
  }
}
