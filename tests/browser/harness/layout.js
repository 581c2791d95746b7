/** What can be pressed, and how wide the page is. */

/** The least width and height of what a finger presses, in pixels (WCAG 2.5.5). */
const MIN_TARGET = 44;
/** A screen of 1280 by 1024 pixels at 200 % and 400 %, in CSS pixels. */
export const ZOOMED = { "200 %": { width: 640, height: 512 }, "400 %": { width: 320, height: 256 } };

/** Returns what can be pressed and is smaller than a finger. */
export const smallTargets = (page) =>
  page.evaluate((least) => {
    const shown = (each) => each.checkVisibility() && !each.closest("#said");
    const pressed = [...document.querySelectorAll("button, .button, a, select, summary, textarea, input:not([type=file])")];
    // A label is as good a target as its box.
    const target = (each) => each.closest("label") ?? each;
    return pressed
      .filter((each) => shown(each))
      .map((each) => [each, target(each).getBoundingClientRect()])
      .filter(([, { width, height }]) => width < least - 0.5 || height < least - 0.5)
      .map(([each, { width, height }]) => `${each.outerHTML.slice(0, 80)}: ${width} x ${height}`);
  }, MIN_TARGET);

/** Returns by how many pixels the page is wider than the screen. */
export const excessWidth = (page) => page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
