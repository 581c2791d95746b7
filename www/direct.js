/**
 * The choice whether files may take a link between both browsers, past the bridge. The links are made here, because
 * the worker has no WebRTC.
 */
import { keep, kept } from "./browser_storage.js";
import { $, element, phrase } from "./element.js";
import { hand, tell } from "./messages.js";
import { lendLinks } from "./npm/lend_links.js";

/** The first is that of a user who has not chosen. */
const POLICIES = ["never", "auto", "always"];

/** Offers the choice where there is WebRTC. `iceServers` are those of the bridge's operator. */
export function direct({ iceServers }) {
  if (!self.RTCPeerConnection) return;
  const { port1, port2 } = new MessageChannel();
  const lender = lendLinks(port1, { iceServers });
  hand("lend", port2);
  const select = element("select", { id: "direct" }, ...POLICIES.map((policy) => phrase("option", { value: policy }, `direct-${policy}`)));
  select.value = POLICIES.find((policy) => policy === kept("direct")) ?? POLICIES[0];
  const apply = () => {
    lender.allow(select.value !== "never");
    tell("direct", select.value);
  };
  select.onchange = () => {
    keep("direct", select.value);
    apply();
  };
  apply();
  $("language").after(phrase("label", { htmlFor: "direct" }, "direct"), select);
}
