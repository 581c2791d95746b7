export { XcherError } from "./error.js";
export { keptPeers } from "./kept.js";
export { Peer } from "./peer.js";
export { version } from "./pkg/xcher.js";
