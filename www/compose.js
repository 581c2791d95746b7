/** The dialog in which a person writes a text or link to send. Loaded only when it is needed. */
import { button, element, phrase } from "./element.js";
import { put, unput } from "./language.js";
import { MAX_TEXT_LEN } from "./npm/pkg/constants.js";

const title = element("h2", { id: "compose-title" });
const why = element("p", { id: "compose-why", className: "fault", role: "alert" });
const field = element("textarea", { id: "compose-text", rows: 5, required: true, dir: "auto" });
field.setAttribute("aria-describedby", why.id);
const send = element("button", { type: "submit", className: "main" });
const bar = element("div", { className: "bar" }, button("cancel", "", () => dialog.close()), send);
const label = phrase("label", { htmlFor: field.id }, "text-or-link");
const form = element("form", {}, title, label, field, why, bar);
const dialog = element("dialog", { id: "compose", className: "card" }, form);
dialog.setAttribute("aria-labelledby", title.id);
document.body.append(dialog);

/**
 * Resolves to a text, or to nothing if the user closes the dialog. `heading` is the id of its title and the values,
 * `action` that of its button; `text` is what a person has pasted: seen before it leaves, since a clipboard may have
 * something else than expected.
 */
export function compose(heading, action, text = "") {
  put(title, ...heading);
  put(send, action);
  unput(why);
  field.value = text;
  dialog.showModal();
  (text ? send : field).focus();
  return new Promise((resolve) => {
    let written;
    form.onsubmit = (event) => {
      event.preventDefault();
      const { size } = new Blob([field.value]);
      if (size > MAX_TEXT_LEN) {
        put(why, "text-too-long", { most: MAX_TEXT_LEN / 1024 });
        return field.focus();
      }
      written = field.value;
      dialog.close();
    };
    dialog.onclose = () => {
      field.value = "";
      resolve(written);
    };
  });
}

field.oninput = () => unput(why);
field.onkeydown = ({ key, ctrlKey, metaKey }) => {
  if (key === "Enter" && (ctrlKey || metaKey)) form.requestSubmit();
};
