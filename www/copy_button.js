/** Buttons that copy the text before them to the clipboard. */
import { element, write } from "./element.js";

export function copies(button) {
  const text = button.previousElementSibling;
  button.onclick = async () => {
    getSelection().selectAllChildren(text);
    // Pages without https have no clipboard API.
    await (navigator.clipboard?.writeText(text.textContent) ?? document.execCommand("copy"));
    write("said", "");
    write("said", `Copied ${text.textContent}`);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  };
}

/** Returns a text with such a button. */
export function copied(text, what) {
  const button = element("button", { type: "button", ariaLabel: `Copy the ${what}` }, "Copy");
  const bar = element("div", { className: "bar" }, element("code", { "data-is": what }, text), button);
  copies(button);
  return bar;
}

document.querySelectorAll("[data-do=copy]").forEach(copies);
