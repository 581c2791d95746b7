/** The form for a nick: to be found by others, or to call the peer of a link. */
import { anyNick, goOnline, isNamed, me, ownNick } from "./connection.js";
import { $, quoted } from "./element.js";
import { explain } from "./errors.js";
import { put, unput } from "./language.js";
import { busy } from "./transfers.js";

const field = $("nick");

/** Shows the form for a link to `callee`, for a change of the nick, or as one part of the home screen. */
export function joinForm({ callee, isChange = false } = {}) {
  if (isChange) field.value = me;
  field.value ||= ownNick() ?? (callee ? anyNick() : "");
  const [title, how, go] = callee
    ? ["connect-to", "connect-how", "connect"]
    : isChange
      ? ["change-nick", "change-how", "go-online"]
      : ["meet", "meet-how", "go-online"];
  put($("join-title"), title, () => ({ nick: quoted(callee ?? "") }));
  // On the first screen it is one part among others.
  $("join-title").ariaLevel = callee || isChange ? "1" : "2";
  put($("join-how"), how, () => ({ nick: quoted(callee ?? "") }));
  put($("join-go"), go);
  // The first screen has other things to do first.
  $("join-go").className = callee || isChange ? "main" : "";
  $("join-cancel").hidden = !isChange;
}

/** Says why the nick cannot be used; nothing without a reason. */
export function refuse(error) {
  if (error) put($("join-why"), "error", () => ({ error: explain(error) }));
  else unput($("join-why"));
}

/** Calls `back` when the user leaves the form. */
export function join(back) {
  $("join").onsubmit = (event) => {
    event.preventDefault();
    const nick = (field.value = field.value.trim().replace(/\s+/g, "-"));
    unput($("join-why"));
    // Files on their way by a code come over the connection that would be closed.
    if (!isNamed() && busy()) return put($("join-why"), "finish-first");
    goOnline(nick);
    if (nick !== me) back();
  };
  $("join-cancel").onclick = () => {
    field.value = me ?? "";
    unput($("join-why"));
    back();
  };
}
