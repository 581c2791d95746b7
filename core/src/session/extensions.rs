//! What a side can do beyond the six packets (section 9).

use alloc::vec::Vec;

/// The words that a line of X_CAPS may hold, and their longest length.
const MAX_WORDS: usize = 64;
const MAX_WORD_LEN: usize = 32;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $bit:literal, $word:literal;)*) => {
        impl Extensions {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
        }
        const WORDS: &[(&str, Extensions)] = &[$(($word, Extensions::$name)),*];
    };
}

/// A set of extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Extensions(u16);

words! {
    /// Everything is encrypted, and each side proves to hold its key (section 11).
    SECURE = 0, "secure";
    /// A file's sum follows its last byte, where that is private (section 13).
    VERIFY = 1, "verify";
    /// The ciphers of data connections may be AES (section 11.4).
    AES = 2, "aes";
    /// Both prove to know a code (section 12).
    CODE = 3, "code";
    /// A file goes on from where it stopped (section 14).
    RESUME = 4, "resume";
    /// The provider may listen for a data connection (section 15).
    PASSIVE = 5, "passive";
    /// Files keep their times and whether they are programs (section 16).
    STAT = 7, "stat";
    /// Many small files go in one data connection, where that is private (section 18).
    BATCH = 8, "batch";
    /// Files are offered (section 17).
    OFFER = 6, "offer";
    /// The requester reports what it stored (section 19).
    RECEIPT = 10, "receipt";
    /// An end of the connection is lent by a bridge (section 10.4): it is so where one side says it.
    BRIDGE = 9, "bridge";
    /// What a provider cannot include is named, where that is private (section 20).
    LEFT = 12, "left";
}

impl Extensions {
    /// Those of both sets.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of this set that are not in the other.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of the other set are in this one.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in force between a side that named this set and one that named the other.
    pub(super) const fn agreed(self, other: Self) -> Self {
        Self((self.0 & other.0) | ((self.0 | other.0) & Self::BRIDGE.0))
    }

    /// Reads what follows `X_CAPS`. Words that are not known say nothing.
    pub(super) fn parse(words: &str) -> Option<Self> {
        let mut set = Self::default();
        for (count, word) in words.split(' ').enumerate() {
            let is_word =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if count >= MAX_WORDS
                || word.is_empty()
                || word.len() > MAX_WORD_LEN
                || !word.bytes().all(is_word)
            {
                return None;
            }
            if let Some((_, one)) = WORDS.iter().find(|(known, _)| *known == word) {
                set = set.with(*one);
            }
        }
        Some(set)
    }

    /// Appends the line X_CAPS.
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"X_CAPS");
        for (word, one) in WORDS {
            if self.has(*one) {
                out.push(b' ');
                out.extend_from_slice(word.as_bytes());
            }
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn words_of_later_versions_say_nothing() {
        let set = Extensions::SECURE.with(Extensions::VERIFY);
        assert_eq!(Extensions::parse("x-2 verify secure future"), Some(set));
        let mut out = Vec::new();
        set.encode(&mut out);
        assert_eq!(out, b"X_CAPS secure verify\n");
    }

    #[test]
    fn one_side_knows_of_its_bridge() {
        let (set, bridge) = (Extensions::SECURE, Extensions::SECURE.with(Extensions::BRIDGE));
        assert_eq!(set.agreed(bridge), bridge);
        assert_eq!(bridge.agreed(set), bridge);
        assert_eq!(set.agreed(set), set);
        assert_eq!(set.agreed(Extensions::STAT), Extensions::default());
    }

    #[test]
    fn what_is_no_word_is_refused() {
        let many = String::from("a ").repeat(MAX_WORDS) + "a";
        let long = "a".repeat(MAX_WORD_LEN + 1);
        for bad in ["", "secure ", " secure", "a  b", "Secure", "sécure", &many, &long] {
            assert_eq!(Extensions::parse(bad), None, "{bad:?}");
        }
    }
}
