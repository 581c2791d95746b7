//! How an IRC server compares names (`CASEMAPPING` of RPL_ISUPPORT).

use alloc::boxed::Box;
use alloc::string::String;

/// The characters that count as one. A server that names no mapping uses that of RFC 1459.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum CaseMapping {
    /// `A` to `Z`.
    Ascii,
    /// Those, and `[` `\` `]` are the upper case of `{` `|` `}`.
    StrictRfc1459,
    /// Those, and `~` is the upper case of `^`.
    #[default]
    Rfc1459,
}

impl CaseMapping {
    /// Parses the value of the token. Other mappings extend that of ASCII.
    pub(super) fn parse(value: &str) -> Self {
        match value {
            "rfc1459" => Self::Rfc1459,
            "strict-rfc1459" | "rfc1459-strict" => Self::StrictRfc1459,
            _ => Self::Ascii,
        }
    }

    /// Returns one form for all spellings of a name.
    pub(super) fn fold(self, name: &str) -> Box<str> {
        name.chars().map(|c| self.fold_char(c)).collect::<String>().into()
    }

    /// Returns true if both are spellings of one name.
    pub(super) fn eq(self, one: &str, other: &str) -> bool {
        let fold = |c| self.fold_char(c);
        one.chars().map(fold).eq(other.chars().map(fold))
    }

    fn fold_char(self, c: char) -> char {
        match (self, c) {
            (Self::Ascii, c) => c.to_ascii_lowercase(),
            (_, '[') => '{',
            (_, '\\') => '|',
            (_, ']') => '}',
            (Self::Rfc1459, '~') => '^',
            (_, c) => c.to_ascii_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_as_the_server_says() {
        for (mapping, equal, different) in [
            ("ascii", [("Kim", "kIM"), ("a[", "A[")], ("a[", "a{")),
            ("rfc1459", [("Kim[]\\~", "kim{}|^"), ("#A", "#a")], ("Å", "å")),
            ("strict-rfc1459", [("Kim[]\\", "kim{}|"), ("#A", "#a")], ("a~", "a^")),
            ("precis", [("Kim", "kim"), ("#A", "#a")], ("a[", "a{")),
        ] {
            let mapping = CaseMapping::parse(mapping);
            for (one, other) in equal {
                assert!(mapping.eq(one, other), "{mapping:?} {one} {other}");
                assert_eq!(mapping.fold(one), mapping.fold(other));
            }
            assert!(!mapping.eq(different.0, different.1), "{mapping:?} {different:?}");
        }
        assert!(CaseMapping::default().eq("a~", "a^"));
    }
}
