//! Constants of the core that JavaScript needs before the module is loaded, or without it.

// Not the crate: all of its cryptography would be compiled for this program, too.
#[path = "../../../core/src/before_module.rs"]
#[allow(unreachable_pub)]
mod before_module;

use before_module::{
    BRACKETS, ENDS, MAX_NICK_ATTEMPTS, MAX_TEXT_LEN, MAX_TRIES, PARTIAL_EXPIRY, PATH, QUOTES,
    SUBPROTOCOL, TEXT_NAME,
};

/// Returns the source of `constants.js`.
pub(crate) fn script(version: &str) -> String {
    let expiry = PARTIAL_EXPIRY.as_millis();
    format!(
        "export const version = \"{version}\";\n\
         export const SUBPROTOCOL = \"{SUBPROTOCOL}\";\n\
         export const TUNNEL_PATH = \"{PATH}\";\n\
         export const MAX_NICK_ATTEMPTS = {MAX_NICK_ATTEMPTS};\n\
         export const MAX_CODE_ATTEMPTS = {MAX_TRIES};\n\
         export const PARTIAL_EXPIRY_MS = {expiry};\n\
         export const MAX_TEXT_LEN = {MAX_TEXT_LEN};\n\
         export const TEXT_NAME = \"{TEXT_NAME}\";\n\
         export const QUOTES = {QUOTES:?};\n\
         export const ENDS = {ENDS:?};\n\
         export const BRACKETS = {BRACKETS:?};\n"
    )
}
