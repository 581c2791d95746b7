/** The title of the tab: what is on the screen, what someone asks, and how far the transfers are. */

let view = "XCHER";
let progress = "";
/** Questions on the screen, the latest last. */
const questions = [];

const draw = () => (document.title = questions.at(-1)?.() ?? progress + view);

/** Names what is on the screen; nothing for the page's own. */
export function show(name) {
  view = name ? `${name} · XCHER` : "XCHER";
  draw();
}

/** Shows a question in place of everything else. `text` words it. Returns a function that takes it back. */
export function ask(text) {
  questions.push(text);
  draw();
  return () => {
    const at = questions.indexOf(text);
    if (at >= 0) questions.splice(at, 1);
    draw();
  };
}

/** Shows how far the transfers are, in words; nothing once they are over. */
export function move(percent) {
  progress = percent ? `${percent} · ` : "";
  draw();
}
