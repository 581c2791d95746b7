/** How others reach this page: its link, as text and as a QR code, and the command for a terminal. */
import { $, quoted, write } from "./element.js";
import { tell } from "./messages.js";
import { qrPicture } from "./qr_picture.js";

let link = "";

export function invite(me, bridge) {
  $("me").replaceChildren(quoted(me));
  const word = /^[\w.-]+$/.test(me) ? me : `'${me.replaceAll("'", `'\\''`)}'`;
  link = new URL(`#${encodeURIComponent(me)}`, location.href).href;
  write("link", link);
  write("command", `xcher get ${word} --all --relay ${bridge.href.replace("http", "ws")}`);
  $("link-qr").replaceChildren();
  if ($("link-details").open) tell("qrOf", link);
}

$("link-details").ontoggle = () => $("link-details").open && tell("qrOf", link);

/** Takes the worker's picture of a link; a link may be too long for one. */
export function linkPicture(of, qr) {
  if (of === link && qr) $("link-qr").replaceChildren(qrPicture(qr));
}
