/** Where the user switches notifications on and off: on the page of this browser, and in the first long transfer. */
import { canNotify, isOn, isUndecided, set } from "./attention.js";
import { $, element, notice, phrase } from "./element.js";

/** A transfer that is expected to last as long is worth the question, in seconds. */
const LONG = 20;

const box = element("input", { type: "checkbox", id: "attention" });
const offer = phrase("button", { type: "button", id: "attention-offer", "data-do": "notify-me", hidden: true, onclick: () => choose(true) }, "notify-me");

async function choose(on) {
  const is = await set(on);
  draw();
  if (on && !is) notice("notify-refused");
}

function draw() {
  box.checked = isOn();
  if (!isUndecided()) offer.hidden = true;
}

if (canNotify) {
  const label = element("label", { className: "bar" }, box, phrase("span", {}, "notify-while-hidden"));
  $("ask").closest("label").after(label);
  box.onchange = () => choose(box.checked);
  $("clear").before(offer);
  draw();
}

/** Offers notifications while transfers last for so many seconds more; not once they are over. */
export function offerFor(seconds) {
  if (!seconds) offer.hidden = true;
  else if (seconds > LONG && isUndecided()) offer.hidden = false;
}
