/** Texts that peers have sent, as messages. `compose.js` writes them. */
import { copied } from "./copy_button.js";
import { $, button, element, phrase, quoted } from "./element.js";

/** The most messages on the screen. */
const MAX_MESSAGES = 20;

/** Shows a text above everything else, until the user closes it. */
export function textMessage(from, text) {
  const head = phrase("p", { className: "quiet" }, "text-from", { nick: quoted(from) });
  const row = element("div", { className: "message" }, head, copied(text, "text"));
  row.append(button("close-message", "", () => row.remove()));
  $("messages").prepend(row);
  $("messages").children[MAX_MESSAGES]?.remove();
}
