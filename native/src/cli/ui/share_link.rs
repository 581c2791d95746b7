//! Commands and links with which others fetch what this host shares.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use xcher_core::Nick;

use super::shell_word::shell_word;
use crate::cli::options::Common;

/// The characters to escape in a link, as JavaScript's `encodeURIComponent` does.
const IN_A_LINK: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Returns `xcher get …` at this relay, to be typed on this host.
pub(crate) fn get_command(what: &str, common: &Common) -> String {
    format!("{} get {what}{}", program(), relay_option(common))
}

/// Returns ` --relay …`; nothing for a relay that is found without it.
pub(crate) fn relay_option(common: &Common) -> String {
    match common.relay.is_lan() || common.relay == Common::default_relay() {
        true => String::new(),
        false => format!(" --relay {}", shell_word(&common.relay.to_string())),
    }
}

/// Returns the link that opens a page on what `nick` shares. Browsers do not send what follows `#`.
pub(crate) fn to_nick(page: &str, nick: &Nick) -> String {
    let nick = utf8_percent_encode(nick.as_str(), IN_A_LINK).to_string();
    // A full stop at the end would be taken for that of a sentence.
    match nick.strip_suffix('.') {
        Some(start) => format!("{page}#{start}%2E"),
        None => format!("{page}#{nick}"),
    }
}

/// Returns how to start this program again from any folder.
pub(crate) fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let by_path = std::path::Path::new(&called).components().count() > 1;
    match std::env::current_exe() {
        Ok(path) if by_path => shell_word(&path.display().to_string()).into_owned(),
        _ => "xcher".to_owned(),
    }
}
