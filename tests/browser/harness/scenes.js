import { after, before, describe } from "node:test";
import { BROWSERS, launch } from "./browser.js";
import { visit } from "./page_user.js";

/**
 * Runs scenarios in each browser, which is started once. `scenes` gets a `stage`: the users and things that
 * it creates are removed with their test, in reverse order. A page that logged errors fails its test. `options` are
 * those of `describe`.
 */
export function inEachBrowser(title, ...given) {
  const [scenes, options = {}] = given.reverse();
  for (const name of BROWSERS) {
    describe(`${title} in ${name}`, options, () => {
      const stage = { name, browser: undefined };
      before(async () => {
        stage.browser = await launch(name);
      });
      after(() => stage.browser?.close());

      /** Stops or closes a thing at the end of this test. */
      stage.keep = (t, thing) => {
        leavers(t).push(thing);
        return thing;
      };
      /** Opens the page at `url` as a user who is online as `nick`. */
      stage.visit = async (t, url, nick, options) =>
        stage.keep(t, await visit(stage.browser, url, nick, options));
      scenes(stage);
    });
  }
}

const all = new WeakMap();

function leavers(t) {
  if (!all.has(t)) {
    all.set(t, []);
    t.after(async () => {
      const faults = [];
      for (const thing of all.get(t).reverse()) {
        try {
          await (thing.stop ?? thing.close).call(thing);
        } catch (error) {
          faults.push(error);
        }
      }
      if (faults.length) throw faults.length > 1 ? new AggregateError(faults, faults.join("\n")) : faults[0];
    });
  }
  return all.get(t);
}
