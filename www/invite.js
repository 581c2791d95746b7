/** How others reach this page: its link, and the command for a terminal. */
import { $, quoted, write } from "./element.js";

export function invite(me, bridge) {
  $("me").replaceChildren(quoted(me));
  const word = /^[\w.-]+$/.test(me) ? me : `'${me.replaceAll("'", `'\\''`)}'`;
  write("link", new URL(`#${encodeURIComponent(me)}`, location.href).href);
  write("command", `xcher get ${word} --all --relay ${bridge.href.replace("http", "ws")}`);
}
