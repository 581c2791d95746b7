//! Whether a session is encrypted, and with whom, for people.

use std::fmt;

use xcher_core::peer::{KeyStatus, Security, WhyUnencrypted};
use xcher_core::secure::PublicKey;

/// Who hears what is said in a session, in a few words.
pub(crate) struct SessionSecurity<'a> {
    pub(crate) security: Security,
    /// The safety words, where there are any.
    pub(crate) words: Option<&'a str>,
}

impl fmt::Display for SessionSecurity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.security {
            Security::Encrypted { key, status: known } => {
                let known_by_code = known == KeyStatus::ByCode;
                let known = match known {
                    KeyStatus::Pinned => "the same as before",
                    KeyStatus::FirstSeen => "seen for the first time",
                    KeyStatus::ByCode => "proved by the code",
                    KeyStatus::Unpinned => "not pinned",
                };
                let key = Short(key);
                write!(f, "the session is private: key {key}, {known}")?;
                match self.words {
                    // Who knows the code is who was told it: there is nothing to compare.
                    None if known_by_code => Ok(()),
                    words => write!(f, "; safety words: {}", words.unwrap_or("none yet")),
                }
            }
            Security::Unencrypted(why) => {
                write!(f, "the session is not private: {}", why_plain(why))
            }
        }
    }
}

/// Why a session is not private, in a few words.
pub(crate) fn why_plain(why: WhyUnencrypted) -> &'static str {
    match why {
        WhyUnencrypted::Disabled => "--plain",
        WhyUnencrypted::PeerUnsupported => "the other side speaks the six packets alone",
    }
}

/// As much of a key as one looks at: `xcher peers` shows all of it.
struct Short(PublicKey);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.8}…", self.0.to_string())
    }
}
