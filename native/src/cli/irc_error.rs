//! Explains why the server of an IRC channel cannot be used, and what to do.

use xcher_core::peer::Error;

use super::system_reason::{is_system, shortened};
use crate::host::NOT_ENCRYPTED;
use crate::relay_address::RelayAddress;

/// Explains why a host is not online at the server of a channel; `None` for what every relay has in common.
pub(super) fn irc_text(relay: &RelayAddress, error: &Error) -> Option<String> {
    let text = match error {
        Error::Unreachable(why) if is_system(why) => {
            format!("no IRC server at {relay} ({}); check the URL", shortened(why))
        }
        Error::Unreachable(why) => {
            format!("cannot use the IRC server at {relay}: {why}{}", hint(why))
        }
        // The quotes are those of a relay's own words.
        Error::Relay(words) => {
            let why = words.trim_matches('"');
            format!("cannot use {relay}: {why}{}", hint(why))
        }
        Error::Closed(Some(why)) => format!("disconnected from {relay}: {why}{}", hint(why)),
        _ => return None,
    };
    Some(text)
}

/// Returns what to do about a reason why the server cannot be used.
fn hint(reason: &str) -> &'static str {
    const HINTS: [(&str, &str); 6] = [
        (NOT_ENCRYPTED, ", or permit it with --irc-cleartext"),
        ("needs a channel key", "; name a file with the key with --irc-channel-key-file"),
        ("server password", "; name a file with it with --irc-server-password-file"),
        ("for registered accounts", " with --irc-account and --irc-password-file"),
        (
            "offers no SASL login",
            "; leave out --irc-password-file, or use --irc-server-password-file",
        ),
        (
            "changed the nick",
            "; log in with --irc-account and --irc-password-file, or choose --nick",
        ),
    ];
    HINTS.iter().find(|(part, _)| reason.contains(part)).map_or("", |(_, hint)| hint)
}
