//! How others get at what is here: a command for a terminal, a link for a browser.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use xcher_core::Nick;

/// What is written differently in a link, as in JavaScript's `encodeURIComponent`.
const IN_A_LINK: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Where a relay is that is not named.
const USUAL_RELAY: &str = "127.0.0.1:9247";

/// `get …` at this relay, as it is to be typed on this host.
pub(crate) fn get(whom_and_what: &str, relay: &str) -> String {
    let command = format!("{} get {whom_and_what}", program());
    match relay {
        USUAL_RELAY => command,
        relay => format!("{command} --relay {relay}"),
    }
}

/// The link that opens a page straight on someone. What follows `#` stays in the browser.
pub(crate) fn to_nick(page: &str, nick: &Nick) -> String {
    format!("{page}#{}", utf8_percent_encode(nick.as_str(), IN_A_LINK))
}

/// How this program was started, so that it can be started again from any folder.
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
