/** What someone else shares, to be fetched. */
import { $, button, element, fileName, quoted, write } from "./element.js";
import { count, size } from "./format.js";
import { steps } from "./steps.js";
import { forMany, forOne, into } from "./target.js";

export function files(tell) {
  let nick = "";
  let all = [];
  let found = [];
  let complete = false;
  let chosen = new Set();
  const list = steps($("list"), row);

  function row(file) {
    const box = element("input", {
      type: "checkbox",
      checked: chosen.has(file),
      onchange() {
        if (box.checked) chosen.add(file);
        else chosen.delete(file);
        offer();
      },
    });
    return element(
      "li",
      { "data-name": file.name },
      element("label", {}, box, fileName(file.name)),
      element("span", { className: "size" }, (file.approximate ? "about " : "") + size(file.size)),
      button("Get", "get", () => get([file]), { ariaLabel: `Get ${file.name}` }),
    );
  }

  async function get(some) {
    const from = nick;
    const target = some.length > 1 ? await forMany() : await forOne(some[0].name);
    $("into").textContent = into();
    if (target !== null) tell("get", from, some, target);
  }

  /** What the one button would fetch: the chosen, those the filter lets through, or all. */
  const offered = () => (chosen.size ? [...chosen] : found);

  function offer() {
    const some = offered();
    const bytes = some.reduce((sum, file) => sum + file.size, 0);
    const which = chosen.size ? "chosen" : found === all ? "" : "found";
    const what = which ? `${count(some.length, "file")} ${which}` : `all ${count(some.length, "file")}`;
    write($("get-many"), some.length ? `Get ${what} · ${size(bytes)}` : "Get");
    $("get-many").disabled = !some.length || !(complete || chosen.size);
  }

  function filter() {
    const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    found = words.length
      ? all.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)))
      : all;
    list.set(found);
    if (complete) tellState();
    offer();
  }

  function tellState() {
    const total = count(all.length, "file");
    const text = !all.length
      ? "Shares nothing at the moment."
      : found === all
        ? total
        : `${found.length.toLocaleString("en")} of ${total}`;
    write($("peer-state"), text);
  }

  function reset() {
    all = found = [];
    chosen = new Set();
    complete = false;
    $("filter").value = "";
    $("tools").hidden = $("again").hidden = true;
    list.set(all);
    write($("peer-state"), "");
    $("into").textContent = "";
  }

  let wait;
  $("filter").oninput = () => {
    clearTimeout(wait);
    wait = setTimeout(filter, 120);
  };
  $("get-many").onclick = () => get(offered());
  $("again").onclick = () => open(nick);

  function open(whom) {
    nick = whom;
    reset();
    if (nick) tell("open", nick);
    else tell("leave");
  }

  return {
    title: (whom) => $("peer-title").replaceChildren(whom ? quoted(whom) : ""),
    /** Lists what someone shares; nobody's, if there is no nick. */
    open,
    /** We are online again: what failed may do now. */
    again() {
      if (nick && !complete) open(nick);
    },
    listing(whom, state, part = [], why = "") {
      if (whom !== nick) return;
      if (state === "calling") return write($("peer-state"), "Waiting for an answer…");
      all.push(...part);
      $("tools").hidden = !all.length;
      if (state === "failed") {
        write($("peer-state"), why);
        $("again").hidden = false;
      } else {
        complete = state === "end";
        if (complete) {
          $("into").textContent = into();
          $("again").hidden = false;
          write($("again"), "Refresh");
          tellState();
        } else write($("peer-state"), `${count(all.length, "file")} so far…`);
      }
      if (found === all) list.grown();
      else filter();
      offer();
    },
  };
}
