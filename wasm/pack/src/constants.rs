//! Constants of the core that JavaScript needs before the module is loaded, or without it.

use xcher_core::PARTIAL_EXPIRY;
use xcher_core::code::{MAX_NICK_ATTEMPTS, MAX_TRIES};
use xcher_core::tunnel::{PATH, SUBPROTOCOL};

/// Returns the source of `constants.js`.
pub(crate) fn script(version: &str) -> String {
    let expiry = PARTIAL_EXPIRY.as_millis();
    format!(
        "export const version = \"{version}\";\n\
         export const SUBPROTOCOL = \"{SUBPROTOCOL}\";\n\
         export const TUNNEL_PATH = \"{PATH}\";\n\
         export const MAX_NICK_ATTEMPTS = {MAX_NICK_ATTEMPTS};\n\
         export const MAX_CODE_ATTEMPTS = {MAX_TRIES};\n\
         export const PARTIAL_EXPIRY_MS = {expiry};\n"
    )
}
