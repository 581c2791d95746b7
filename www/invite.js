/** How others come to us: the link, and the command for a terminal. */
import { $, say, write } from "./element.js";

export function invite(bridge, nick) {
  const link = new URL(`#${encodeURIComponent(nick)}`, location.href);
  const relay = new URL(bridge);
  relay.protocol = relay.protocol.replace("http", "ws");
  const quoted = /^[\w.][\w.-]*$/.test(nick) ? nick : `'${nick.replaceAll("'", `'\\''`)}'`;
  write($("link"), link.href);
  write($("command"), `xcher get ${quoted} --all --relay ${relay.href}`);
}

for (const button of document.querySelectorAll("[data-do=copy]")) {
  button.onclick = async () => {
    const text = $(button.dataset.of);
    getSelection().selectAllChildren(text);
    // Pages without https have the old way only.
    await (navigator.clipboard?.writeText(text.textContent) ?? document.execCommand("copy"));
    write(button, "Copied");
    say("Copied");
    setTimeout(write, 2000, button, "Copy");
  };
}
