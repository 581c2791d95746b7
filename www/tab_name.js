/** The name of this tab, which it keeps when it is reloaded. */
import { keepInTab, keptInTab } from "./browser_storage.js";
import { tell } from "./messages.js";

const name = keptInTab("name") ?? crypto.randomUUID?.() ?? String(Math.random());
keepInTab("name", name);
tell("tab", name);
