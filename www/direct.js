/**
 * The choice whether files may take a link between both browsers, past the bridge. The links are made here, because
 * the worker has no WebRTC; what that takes loads with the first one. No server learns of them but the STUN servers that
 * the bridge names.
 */
import { bridgeConfig, UNKNOWN } from "./bridge_config.js";
import { keep, kept } from "./browser_storage.js";
import { $, element, phrase } from "./element.js";
import { hand, tell } from "./messages.js";

/** The first is that of a user who has not chosen: it makes links only where they were measured to be faster. */
const POLICIES = { auto: "direct-auto", always: "direct-always", never: "direct-never" };

/** Offers the choice where there is WebRTC. */
export function direct() {
  if (!self.RTCPeerConnection) return;
  const select = element("select", { id: "direct" }, ...Object.entries(POLICIES).map(([value, id]) => phrase("option", { value }, id)));
  select.value = kept("direct") in POLICIES ? kept("direct") : "auto";
  $("language").after(phrase("label", { htmlFor: "direct" }, "direct"), select);

  const { port1, port2 } = new MessageChannel();
  let lender;
  const permit = () => lender?.then(({ allow }) => allow(select.value !== "never"));
  const lend = async () => {
    // The bridge names them anew: the page may have been there before it answered.
    const [{ lendLinks }, { stun }] = await Promise.all([import("./npm/lend_links.js"), bridgeConfig().catch(() => UNKNOWN)]);
    return lendLinks(port1, { iceServers: stun && [{ urls: stun }] });
  };
  port1.onmessage = async (first) => {
    lender ??= lend();
    await permit();
    // By now those of the lender.
    port1.onmessage(first);
  };
  hand("lend", port2);
  const apply = () => {
    permit();
    tell("direct", select.value);
  };
  select.onchange = () => {
    keep("direct", select.value);
    apply();
  };
  apply();
}
