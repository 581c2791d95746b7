/** Buttons that copy the text before them to the clipboard. */
import { button as makeButton, element, phrase, write } from "./element.js";
import { label, put, say } from "./language.js";

const NAMES = { code: "copy-code", link: "copy-link", command: "copy-command", text: "copy-text" };

/** Has a button copy the text before it: a `code`, `link`, `command` or `text`. */
export function copies(button, what) {
  label(button, () => say(NAMES[what]));
  const text = button.previousElementSibling;
  button.onclick = async () => {
    getSelection().selectAllChildren(text);
    // Pages without https have no clipboard API.
    await (navigator.clipboard?.writeText(text.textContent) ?? document.execCommand("copy"));
    write("said", "");
    put(document.getElementById("said"), "copied-text", { text: text.textContent });
    put(button, "copied");
    setTimeout(put, 2000, button, "copy");
  };
}

/** Adds a button that passes the link before it to other apps, where the browser can. */
function shares(button) {
  if (!navigator.share) return;
  const text = button.previousElementSibling;
  // The user may close the sheet.
  const share = () => navigator.share({ url: text.textContent }).catch(() => {});
  button.after(makeButton("share-link", "", share));
}

/** Returns a text with such a button. */
export function copied(text, what) {
  const button = phrase("button", { type: "button" }, "copy");
  const bar = element("div", { className: "bar" }, element("code", { "data-is": what }, text), button);
  copies(button, what);
  if (what === "link") shares(button);
  return bar;
}

for (const button of document.querySelectorAll("[data-copies]")) {
  copies(button, button.dataset.copies);
  if (button.dataset.copies === "link") shares(button);
}
