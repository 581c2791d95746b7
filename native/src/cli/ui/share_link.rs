//! Commands and links with which others fetch what this host shares.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use xcher_core::Nick;

use crate::cli::options::Common;

/// The characters to escape in a link, as JavaScript's `encodeURIComponent` does.
const IN_A_LINK: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Returns `xcher get …` at this relay, to be typed on this host.
pub(crate) fn get_command(what: &str, common: &Common) -> String {
    format!("{} get {what}{}", program(), relay_option(common))
}

/// Returns ` --relay …`; nothing for a relay that is found without it.
pub(crate) fn relay_option(common: &Common) -> String {
    let is_found = common.relay.is_lan() || common.relay == Common::default_relay();
    if is_found { String::new() } else { format!(" --relay {}", common.relay) }
}

/// Returns the link that opens a page on what `nick` shares. Browsers do not send what follows `#`.
pub(crate) fn to_nick(page: &str, nick: &Nick) -> String {
    format!("{page}#{}", utf8_percent_encode(nick.as_str(), IN_A_LINK))
}

/// Returns how to start this program again from any folder.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let by_path = std::path::Path::new(&called).components().count() > 1;
    match std::env::current_exe() {
        Ok(path) if by_path => {
            let path = path.display().to_string();
            if path.contains(' ') { format!("'{path}'") } else { path }
        }
        _ => "xcher".to_owned(),
    }
}
