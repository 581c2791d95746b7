/** Who is online, and who is connected. */
import { $, button, element, quoted } from "./element.js";
import { steps } from "./steps.js";

export function people(tell) {
  let nicks = [];
  let open = [];
  let viewed = "";
  let drawn = "";
  const list = steps($("people"), row);

  function row(nick) {
    const here = open.filter((session) => (session.nick ?? session.address) === nick);
    const link = element(
      "a",
      { href: `#${encodeURIComponent(nick)}`, ariaCurrent: nick === viewed ? "page" : null },
      quoted(nick),
    );
    const made = element("li", { "data-nick": nick }, link);
    if (here.length) {
      made.dataset.connected = "";
      made.append(
        button("End", "end", () => here.forEach(({ id }) => tell("hangUp", id)), {
          ariaLabel: `End the session with ${nick}`,
          title: `Connected from ${here.map(({ address }) => address).join(", ")}`,
        }),
      );
    }
    return made;
  }

  /** Draws only what differs from what is there, and keeps the focus. */
  function draw() {
    const also = open.map(({ nick, address }) => nick ?? address);
    const all = [...new Set([...also, ...nicks])].sort((a, b) => a.localeCompare(b));
    const now = JSON.stringify([all, also, viewed]);
    if (now === drawn) return;
    drawn = now;
    const held = document.activeElement?.closest("#people li")?.dataset.nick;
    list.set(all);
    $("alone").hidden = all.length > 0;
    if (held) [...$("people").children].find((li) => li.dataset.nick === held)?.firstChild.focus();
  }

  return {
    who(online, me) {
      nicks = online.filter((nick) => nick !== me);
      draw();
    },
    sessions(all) {
      open = all;
      draw();
    },
    viewed(nick) {
      viewed = nick;
      draw();
    },
  };
}
