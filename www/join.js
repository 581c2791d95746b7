/** The form to go online, and the invitation. */
import { keep, keepInTab, kept, keptInTab } from "./browser_storage.js";
import { $, quoted, write } from "./element.js";
import { put, unput } from "./language.js";

const nick = $("nick");
const token = $("token");

/**
 * Calls `go(nick, token)` once both are known; `withCode` if the link has a code, for which any nick will do.
 * Returns a function that asks again and says why.
 */
export function join({ tunnel, token: wanted, tokens: checked = wanted }, withCode, go) {
  const known = kept("nick") ?? withCode;
  $("token-field").hidden = !checked;
  token.required = wanted;
  $("unsafe").hidden = isSecureContext;
  const any = (words) => words.split(" ")[Math.floor(8 * Math.random())];
  const how = any("brave calm early happy kind merry quiet sunny");
  nick.value ||= kept("nick") ?? `${how}-${any("crane fox hare lynx otter owl seal wren")}`;
  token.value ||= keptInTab("token") ?? "";

  function ask(why, field = nick) {
    document.body.dataset.view = "join";
    if (why) put($("join-why"), ...why);
    else unput($("join-why"));
    $("join-go").disabled = false;
    field.select();
  }

  $("join").onsubmit = async (event) => {
    event?.preventDefault();
    const me = (nick.value = nick.value.trim().replace(/\s+/g, "-"));
    $("join-go").disabled = true;
    if (event) keep("nick", me);
    if (!checked || (!wanted && !token.value)) return go(me);
    keepInTab("token", token.value);
    const why = await refusal(tunnel);
    if (why) ask(why, token);
    else go(me, token.value);
  };
  if (known && (!wanted || token.value)) $("join").onsubmit();
  else ask();
  return ask;
}

const WRONG = ["wrong-token"];

/**
 * Returns the text and values of why the bridge refuses the token, if it does. A WebSocket cannot tell a refusal from an unreachable bridge.
 */
export const refusal = (tunnel) =>
  fetch(
    new URL("?check", new URL(tunnel, location.href)),
    token.value ? { headers: { authorization: `Bearer ${token.value}` } } : {},
  ).then(
    async (answer) => (answer.status === 401 ? WRONG : answer.status === 429 && ["bridge-says", { detail: await answer.text() }]),
    // A header cannot hold such a token.
    () => /[^!-~]/.test(token.value) && WRONG,
  );

export function invite(me, bridge) {
  $("me").replaceChildren(quoted(me));
  $("me").hidden = false;
  const word = /^[\w.-]+$/.test(me) ? me : `'${me.replaceAll("'", `'\\''`)}'`;
  write("link", new URL(`#${encodeURIComponent(me)}`, location.href).href);
  write("command", `xcher get ${word} --all --relay ${bridge.href.replace("http", "ws")}`);
}
