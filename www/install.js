/** The offer to install the page as an app, where the browser can: a button at the end of the page, and no banner. */
import { $ } from "./element.js";

const button = $("install");
let offered;

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  offered = event;
  button.hidden = false;
});
addEventListener("appinstalled", () => (button.hidden = true));
button.onclick = () => {
  // A browser asks once for each event, and sends another one where the user may still change their mind.
  button.hidden = true;
  offered.prompt();
};
