//! Names of hosts at a relay (section 2.3).

use alloc::boxed::Box;
use core::fmt;

use crate::{MAX_NICK_CHARS, Quoted, unicode};

/// A valid nick: 1–32 characters without white space, `/`, control characters and misplaced invisible
/// characters, and not `EOF`, which ends a list of nicks. Never used as a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nick(Box<str>);

impl Nick {
    /// Checks `text`.
    ///
    /// # Errors
    ///
    /// [`InvalidNick`], which names the rules and quotes the text.
    pub fn parse(text: &str) -> Result<Self, InvalidNick> {
        let allowed = |c: char| !(unicode::is_space_or_sign(c) || matches!(c, ' ' | '/'));
        // 32 characters are at most 128 bytes: a longer text is rejected without counting.
        let fits = !text.is_empty()
            && text.len() <= MAX_NICK_CHARS * 4
            && text.chars().count() <= MAX_NICK_CHARS;
        if fits
            && text.chars().all(allowed)
            && unicode::find_deceptive(text).is_none()
            && text != "EOF"
        {
            Ok(Self(text.into()))
        } else {
            Err(InvalidNick { got: Quoted(text).to_box() })
        }
    }

    /// Returns true if the nick consists of digits: it belongs to a code, and its next holder is another
    /// host (section 12.1).
    pub fn is_one_time(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Returns true if both nicks differ only in the case of ASCII letters: they name the same host. The
    /// relay detects other look-alikes (section 5.2) with tables that hosts do not have.
    pub fn eq_ignore_case(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    /// Returns the nick in lower case, which is equal for nicks of the same host.
    pub(crate) fn lower(&self) -> Box<str> {
        self.0.to_ascii_lowercase().into()
    }

    /// Returns the nick as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Nick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl core::borrow::Borrow<str> for Nick {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl core::str::FromStr for Nick {
    type Err = InvalidNick;

    fn from_str(text: &str) -> Result<Self, InvalidNick> {
        Self::parse(text)
    }
}

/// An invalid nick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidNick {
    /// The text, escaped and truncated.
    pub got: Box<str>,
}

impl fmt::Display for InvalidNick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected a nick of 1 to {MAX_NICK_CHARS} characters without white space, control characters \
             or \"/\", got {}",
            self.got
        )
    }
}

impl core::error::Error for InvalidNick {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eq_ignore_case_folds_ascii_letters_only() {
        let nick = |text: &str| Nick::parse(text).expect(text);
        for (one, other) in [("kim", "Kim"), ("ÅSa", "Åsa"), ("a-1", "A-1")] {
            assert!(nick(one).eq_ignore_case(&nick(other)), "{one} {other}");
        }
        for (one, other) in [("kim", "kin"), ("kim", "кim"), ("asa", "åsa"), ("Åsa", "åsa")] {
            assert!(!nick(one).eq_ignore_case(&nick(other)), "{one} {other}");
        }
    }

    #[test]
    fn parse_follows_section_2_3() {
        let longest = "é".repeat(32);
        for good in ["a", "bob", "Åsa", "日本", "a.b-c_d", "..", "😀", longest.as_str()] {
            assert!(Nick::parse(good).is_ok(), "{good:?}");
        }
        let long = "a".repeat(33);
        for bad in
            ["", " ", "a b", "a\tb", "a/b", "a\u{7f}", "a\u{202e}b", "\u{feff}", "EOF", &long]
        {
            assert!(Nick::parse(bad).is_err(), "{bad:?}");
        }
    }
}
