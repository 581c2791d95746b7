/** Who we are, and how others find us. */
import { $, quoted, write } from "./element.js";
import { isCode } from "./format.js";

const nick = $("nick");
const token = $("token");

/** Calls `go(nick, token)` when it is settled. Returns what asks again, and says why. */
export function join({ tunnel, token: wanted }, go) {
  // Who has a code needs no nick that others know.
  const known = localStorage.nick ?? isCode(location.hash.slice(1));
  $("token-field").hidden = !wanted;
  token.required = wanted;
  $("unsafe").hidden = isSecureContext;
  const any = (words) => words.split(" ")[Math.floor(8 * Math.random())];
  const how = any("brave calm early happy kind merry quiet sunny");
  nick.value ||= localStorage.nick ?? `${how}-${any("crane fox hare lynx otter owl seal wren")}`;
  token.value ||= sessionStorage.token ?? "";

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
    if (event) localStorage.nick = me;
    if (!wanted) return go(me);
    sessionStorage.token = token.value;
    if (await fits(tunnel)) go(me, token.value);
    else ask("expected the token of this bridge, got another", token);
  };
  if (known && (!wanted || token.value)) $("join").onsubmit();
  else ask("");
  return ask;
}

/** A WebSocket does not tell a wrong token from a bridge that is gone. */
const fits = (tunnel) =>
  fetch(tunnel, { headers: { authorization: `Bearer ${token.value}` } }).then(
    ({ status }) => status !== 401,
    // No header can hold such a token.
    () => !/[^!-~]/.test(token.value),
  );

export function invite(me, bridge) {
  $("me").replaceChildren(quoted(me));
  $("me").hidden = false;
  const word = /^[\w.-]+$/.test(me) ? me : `'${me.replaceAll("'", `'\\''`)}'`;
  write("link", new URL(`#${encodeURIComponent(me)}`, location.href).href);
  write("command", `xcher get ${word} --all --relay ${bridge.href.replace("http", "ws")}`);
}
