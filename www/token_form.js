/** The form for the token of a bridge that checks tokens. */
import { keepInTab, keptInTab } from "./browser_storage.js";
import { $ } from "./element.js";
import { put, unput } from "./language.js";
import { setToken } from "./connection.js";
import { refusal } from "./token_check.js";

/**
 * Calls `go` once the bridge needs no token, or has one. Returns true if the user is asked first.
 * `config` is that of the bridge: `token` if it needs one, `tokens` if it checks them.
 */
export function tokenForm({ token: isNeeded, tokens: isChecked = isNeeded }, bridge, show, go) {
  const field = $("token");
  field.value = keptInTab("token") ?? "";
  field.required = isNeeded;
  if (isChecked) setToken(field.value || undefined);
  $("token-skip").hidden = isNeeded;
  $("enter-token").hidden = !isChecked;
  const ask = () => {
    unput($("token-why"));
    show();
    field.select();
  };
  $("enter-token").onclick = ask;
  $("token-skip").onclick = () => use("");
  $("token-form").onsubmit = async (event) => {
    event.preventDefault();
    const why = await refusal(bridge, field.value);
    if (!why) return use(field.value);
    put($("token-why"), ...why);
    field.select();
  };
  function use(token) {
    field.value = token;
    keepInTab("token", token);
    setToken(token || undefined);
    go();
  }
  if (!isNeeded || field.value) return false;
  ask();
  return true;
}
