//! The security of a session, in a few words.

use std::fmt;

use xcher_core::peer::{KeyStatus, Security, WhyUnencrypted};
use xcher_core::secure::PublicKey;

/// Shows whether a session is encrypted, with which key, and the safety words if there are any.
pub(super) struct SessionSecurity<'a> {
    pub(super) security: Security,
    pub(super) words: Option<&'a str>,
}

impl fmt::Display for SessionSecurity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.security {
            Security::Encrypted { key, status } => {
                let status_text = match status {
                    KeyStatus::Pinned => "same as before",
                    KeyStatus::FirstSeen => "seen for the first time",
                    KeyStatus::ByCode => "authenticated by the code",
                    KeyStatus::Unpinned => "not pinned",
                };
                write!(f, "the session is encrypted: key {}, {status_text}", ShortKey(key))?;
                match self.words {
                    // The code has authenticated the peer: there is nothing to compare.
                    None if status == KeyStatus::ByCode => Ok(()),
                    words => write!(f, "; safety words: {}", words.unwrap_or("none yet")),
                }
            }
            Security::Unencrypted(why) => {
                write!(f, "the session is not encrypted: {}", why_unencrypted(why))
            }
        }
    }
}

pub(super) fn why_unencrypted(why: WhyUnencrypted) -> &'static str {
    match why {
        WhyUnencrypted::Disabled => "--plain is set",
        WhyUnencrypted::PeerUnsupported => "the peer supports only the base protocol",
    }
}

/// The beginning of a key; `xcher peers` shows all of it.
struct ShortKey(PublicKey);

impl fmt::Display for ShortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.8}…", self.0.to_string())
    }
}
