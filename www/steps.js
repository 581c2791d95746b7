/** Long lists: as many rows as were scrolled to. */
import { button } from "./element.js";

const STEP = 200;

/** Shows in `list` a row for each item. */
export function steps(list, row) {
  let items = [];
  let shown = 0;
  const more = button("Show more", "more", grow, { hidden: true });
  list.after(more);
  new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && grow(), {
    rootMargin: "800px",
  }).observe(more);

  function grow() {
    const next = items.slice(shown, shown + STEP);
    shown += next.length;
    list.append(...next.map(row));
    more.hidden = shown === items.length;
  }

  return {
    /** Shows others, from the first. */
    set(all) {
      items = all;
      shown = 0;
      list.replaceChildren();
      grow();
    },
    /** There are more than before, at the end. */
    grown() {
      if (shown < STEP) grow();
      else more.hidden = false;
    },
  };
}
