//! Rules of the core that JavaScript applies by itself.

use wasm_bindgen::prelude::*;
use xcher_core::code::Code;
use xcher_core::{FileName, Nick, Platform};

/// Returns true if `text` is meant as a code: see [`Code::looks_like`].
#[wasm_bindgen(js_name = isCode)]
#[allow(unreachable_pub)]
pub fn is_code(text: &str) -> bool {
    Code::looks_like(text)
}

/// Returns true if `nick` is that of a code: see [`Nick::is_one_time`].
#[wasm_bindgen(js_name = isOneTimeNick)]
#[allow(unreachable_pub)]
pub fn is_one_time_nick(nick: &str) -> bool {
    Nick::parse(nick).is_ok_and(|nick| nick.is_one_time())
}

/// Returns the name to try when `name` is taken, for `number` 1, 2 and so on: see [`FileName::numbered`].
/// An invalid name is returned as it is.
#[wasm_bindgen]
#[allow(unreachable_pub)]
pub fn numbered(name: &str, number: u32) -> String {
    FileName::new(name).map_or_else(|_| name.into(), |name| name.numbered(number).to_string())
}

/// Returns true if a file can have this name on a disk, of Windows or of another system: see
/// [`FileName::check_platform`].
#[wasm_bindgen(js_name = isStorable)]
#[allow(unreachable_pub)]
pub fn is_storable(name: &str, is_windows: bool) -> bool {
    let platform = if is_windows { Platform::Windows } else { Platform::Unix };
    FileName::new(name).is_ok_and(|name| name.check_platform(platform).is_ok())
}
