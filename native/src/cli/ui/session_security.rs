//! Whether a session is encrypted, and with whom, for people.

use std::fmt;

use xcher_core::peer::{Known, Secrecy, WhyPlain};
use xcher_core::secure::PublicKey;

/// Who hears what is said in a session, in a few words.
pub(crate) struct SessionSecurity<'a> {
    pub(crate) secrecy: Secrecy,
    /// The safety words, where there are any.
    pub(crate) words: Option<&'a str>,
}

impl fmt::Display for SessionSecurity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.secrecy {
            Secrecy::Private { key, known } => {
                let known_by_code = known == Known::ByCode;
                let known = match known {
                    Known::Pinned => "the same as before",
                    Known::First => "seen for the first time",
                    Known::ByCode => "proved by the code",
                    Known::Unpinned => "not pinned",
                };
                let key = Short(key);
                write!(f, "the session is private: key {key}, {known}")?;
                match self.words {
                    // Who knows the code is who was told it: there is nothing to compare.
                    None if known_by_code => Ok(()),
                    words => write!(f, "; safety words: {}", words.unwrap_or("none yet")),
                }
            }
            Secrecy::Plain(why) => write!(f, "the session is not private: {}", why_plain(why)),
        }
    }
}

/// Why a session is not private, in a few words.
pub(crate) fn why_plain(why: WhyPlain) -> &'static str {
    match why {
        WhyPlain::Here => "--plain",
        WhyPlain::There => "the other side speaks the six packets alone",
    }
}

/// As much of a key as one looks at: `xcher peers` shows all of it.
struct Short(PublicKey);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.8}…", self.0.to_string())
    }
}
