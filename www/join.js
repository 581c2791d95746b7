/** Who to be: asked at the first visit, and whenever it is to change. */
import { $, element, write } from "./element.js";

const FIRST = "amber brave calm clever cosy early fair gentle happy keen kind lucky merry quick quiet sunny".split(" ");
const SECOND = "badger crane falcon fox hare heron lynx magpie marten otter owl robin seal sparrow swift wren".split(" ");

const any = (words) => words[crypto.getRandomValues(new Uint8Array(1))[0] % words.length];

/** Calls `go(nick, token)` when it is settled. */
export function join(bridge, wantsToken, go) {
  const nick = $("nick");
  const token = $("token");
  $("token-field").hidden = !wantsToken;
  token.required = wantsToken;
  nick.value = localStorage.nick ?? `${any(FIRST)}-${any(SECOND)}`;
  token.value = sessionStorage.token ?? "";

  function ask(why = "", field = nick) {
    document.body.dataset.view = "join";
    write($("join-why"), why);
    $("join-go").disabled = false;
    $("join-back").hidden = true;
    for (const each of [nick, token]) each.ariaInvalid = why && each === field ? "true" : null;
    field.focus();
    field.select();
  }

  async function settle() {
    const chosen = nick.value.trim().replace(/\s+/g, "-");
    if (!chosen || (wantsToken && !token.value)) return ask("", chosen ? token : nick);
    nick.value = chosen;
    $("join-go").disabled = true;
    write($("join-why"), "");
    localStorage.nick = chosen;
    if (wantsToken) {
      sessionStorage.token = token.value;
      if (!(await fits(bridge, token.value))) return ask("The bridge expects another token.", token);
    }
    go(chosen, wantsToken ? token.value : undefined);
  }

  $("join").onsubmit = (event) => {
    event.preventDefault();
    settle();
  };
  if (localStorage.nick) settle();
  else ask();
  return ask;
}

/** Asks in a way that tells a wrong token from a bridge that is gone, as a WebSocket does not. */
async function fits(bridge, token) {
  try {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(bridge, { headers })).status !== 401;
  } catch (error) {
    // No header can hold such a token.
    return !(error instanceof TypeError && /[^\x21-\x7e]/.test(token));
  }
}
