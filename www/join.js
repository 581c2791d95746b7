/** Who we are: asked at the first visit, and whenever it is to change; and how others find us. */
import { $, quoted, write } from "./element.js";

const nick = $("nick");
const token = $("token");

/** Calls `go(nick, token)` when it is settled. Returns what asks again, and says why. */
export function join({ tunnel, token: wanted }, go) {
  $("token-field").hidden = !wanted;
  token.required = wanted;
  const random = crypto.getRandomValues(new Uint8Array(2));
  const any = (words, n) => words.split(" ")[random[n] % 8];
  nick.value =
    localStorage.nick ??
    `${any("brave calm early happy kind merry quiet sunny", 0)}-${any("crane fox hare lynx otter owl seal wren", 1)}`;
  token.value = sessionStorage.token ?? "";

  function ask(why, field = nick) {
    document.body.dataset.view = "join";
    write("join-why", why);
    $("join-go").disabled = false;
    field.select();
  }

  $("join").onsubmit = async (event) => {
    event?.preventDefault();
    const me = (nick.value = nick.value.trim().replace(/\s+/g, "-"));
    $("join-go").disabled = true;
    localStorage.nick = me;
    if (!wanted) return go(me);
    sessionStorage.token = token.value;
    if (await fits(tunnel)) go(me, token.value);
    else ask("expected the token of this bridge, got another", token);
  };
  if (localStorage.nick && (!wanted || token.value)) $("join").onsubmit();
  else ask("");
  return ask;
}

/** Asks in a way that tells a wrong token from a bridge that is gone, as a WebSocket does not. */
const fits = (tunnel) =>
  fetch(tunnel, { headers: { authorization: `Bearer ${token.value}` } }).then(
    ({ status }) => status !== 401,
    // No header can hold such a token.
    () => !/[^!-~]/.test(token.value),
  );

/** Shows the link to us, and the command for a terminal. */
export function invite(me, bridge) {
  $("me").replaceChildren(quoted(me));
  $("me").hidden = false;
  const word = /^[\w.-]+$/.test(me) ? me : `'${me.replaceAll("'", `'\\''`)}'`;
  write("link", new URL(`#${encodeURIComponent(me)}`, location.href).href);
  write("command", `xcher get ${word} --all --relay ${bridge.href.replace("http", "ws")}`);
}

for (const button of document.querySelectorAll("[data-do=copy]")) {
  const text = button.previousElementSibling;
  button.onclick = async () => {
    getSelection().selectAllChildren(text);
    // Pages without https have the old way only.
    await (navigator.clipboard?.writeText(text.textContent) ?? document.execCommand("copy"));
    write("said", "");
    write("said", `Copied ${text.textContent}`);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  };
}
