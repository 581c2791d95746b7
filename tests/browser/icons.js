import { writeFileSync } from "node:fs";
import { PNG } from "pngjs";
import { launch } from "./harness/browser.js";
import { drawn, ICONS } from "./harness/icons.js";

const FOLDER = new URL("../../www/icons/", import.meta.url);

const browser = await launch("chromium");
try {
  const { page } = await browser.user();
  for (const [name, icon] of Object.entries(ICONS)) {
    const picture = PNG.sync.read(Buffer.from(await drawn(page, icon)));
    writeFileSync(new URL(name, FOLDER), PNG.sync.write(picture, { deflateLevel: 9, deflateStrategy: 0, filterType: 0 }));
  }
} finally {
  await browser.close();
}
