/** The form to go online, and the invitation. */
import { $, quoted, write } from "./element.js";

const nick = $("nick");
const token = $("token");

/**
 * Calls `go(nick, token)` once both are known; `withCode` if the link has a code, for which any nick will do.
 * Returns a function that asks again and says why.
 */
export function join({ tunnel, token: wanted }, withCode, go) {
  const known = localStorage.nick ?? withCode;
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
    else ask("This is not the token of this bridge. Ask its operator for it.", token);
  };
  if (known && (!wanted || token.value)) $("join").onsubmit();
  else ask("");
  return ask;
}

/** Checks the token. A WebSocket cannot tell a wrong token from an unreachable bridge. */
const fits = (tunnel) =>
  request(tunnel).then(
    ({ status }) => status !== 401,
    // A header cannot hold such a token.
    () => !/[^!-~]/.test(token.value),
  );

/** Returns why the bridge gives this client no tunnel, which the WebSocket does not tell; else undefined. */
export const refusal = (tunnel) =>
  request(tunnel).then(
    (answer) => (answer.status === 429 ? answer.text() : undefined),
    () => {},
  );

const request = (tunnel) =>
  fetch(tunnel, token.value ? { headers: { authorization: `Bearer ${token.value}` } } : {});

export function invite(me, bridge) {
  $("me").replaceChildren(quoted(me));
  $("me").hidden = false;
  const word = /^[\w.-]+$/.test(me) ? me : `'${me.replaceAll("'", `'\\''`)}'`;
  write("link", new URL(`#${encodeURIComponent(me)}`, location.href).href);
  write("command", `xcher get ${word} --all --relay ${bridge.href.replace("http", "ws")}`);
}
