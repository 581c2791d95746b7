/** Someone wants to connect: the person is asked, one caller after the other. */
import { $, quoted, write } from "./element.js";

export function calling(tell) {
  const dialog = $("call");
  const calls = [];
  let title;

  function next() {
    if (dialog.open || !calls.length) return;
    const [, nick, address] = calls[0];
    $("call-title").replaceChildren(nick ? quoted(nick) : "Someone", " wants to connect");
    write($("call-address"), address);
    title ??= document.title;
    document.title = `${nick ?? "Someone"} wants to connect`;
    dialog.returnValue = "";
    dialog.showModal();
  }

  dialog.onclose = () => {
    tell("answer", calls.shift()[0], dialog.returnValue === "yes");
    document.title = title;
    title = undefined;
    next();
  };

  return {
    take(...call) {
      calls.push(call);
      next();
    },
  };
}
