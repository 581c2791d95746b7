export { XcherError } from "./error.js";
export { keptPeers } from "./key_store.js";
export { lendLinks } from "./lend_links.js";
export { Peer } from "./peer.js";
export { qr } from "./qr.js";
export { isCode, isOneTimeNick, numbered } from "./rules.js";
export { saveToDisk } from "./save_to_disk.js";
export { toZip } from "./zip.js";
export { version } from "./pkg/constants.js";
