//! File sizes (section 2.4).

use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::decimal;

/// A file's size as the protocol states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// The size in bytes.
    Exact(u64),
    /// A rounded size with a unit, `700mb`, as in the base protocol's example; the end of the stream
    /// determines the length. Keeps its spelling, so that a request repeats the listed size.
    Approximate {
        /// The number before the unit.
        count: u64,
        /// The two letters of the unit as received.
        unit: [u8; 2],
    },
}

impl Size {
    /// The size of a stream of unknown length, such as piped input, written as `0tb`. A base-protocol peer
    /// reads this as a size that was rounded down.
    pub const UNKNOWN: Self = Self::Approximate { count: 0, unit: *b"tb" };

    /// Parses decimal bytes, or an integer with a 1024-based unit `kb`, `mb`, `gb` or `tb` in any case.
    /// Returns `None` for anything else and for more than `u64::MAX` bytes.
    #[inline]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(bytes) = decimal::parse(text.as_bytes()) {
            return Some(Self::Exact(bytes));
        }
        let (digits, unit) = text.as_bytes().split_last_chunk::<2>()?;
        let size = Self::Approximate { count: decimal::parse(digits)?, unit: *unit };
        size.checked_bytes().map(|_| size)
    }

    /// Returns the size in bytes; an approximate size counts as its rounded value.
    pub fn bytes(self) -> u64 {
        self.checked_bytes().unwrap_or(u64::MAX)
    }

    /// Returns the size in bytes, if it is exact.
    pub fn exact(self) -> Option<u64> {
        match self {
            Self::Exact(bytes) => Some(bytes),
            Self::Approximate { .. } => None,
        }
    }

    /// Returns true if the size is [`UNKNOWN`](Self::UNKNOWN), in any case of letters.
    pub fn is_unknown(self) -> bool {
        match self {
            Self::Exact(_) => false,
            Self::Approximate { count, unit } => count == 0 && unit.eq_ignore_ascii_case(b"tb"),
        }
    }

    /// Returns the maximum bytes of a file of this size: an approximate size may have been rounded down by
    /// almost one unit, and an unknown size has no limit.
    pub fn limit(self) -> u64 {
        match self {
            Self::Exact(bytes) => bytes,
            unknown if unknown.is_unknown() => u64::MAX,
            Self::Approximate { count, unit } => {
                Self::Approximate { count: count.saturating_add(1), unit }.bytes()
            }
        }
    }

    /// Appends the size in its wire format.
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        let (number, unit) = match &self {
            Self::Exact(bytes) => (*bytes, &[][..]),
            Self::Approximate { count, unit } => (*count, &unit[..]),
        };
        decimal::put(number, out);
        out.extend_from_slice(unit);
    }

    fn checked_bytes(self) -> Option<u64> {
        match self {
            Self::Exact(bytes) => Some(bytes),
            Self::Approximate { count, unit } => {
                let shift = match &unit.to_ascii_lowercase()[..] {
                    b"kb" => 10,
                    b"mb" => 20,
                    b"gb" => 30,
                    b"tb" => 40,
                    _ => return None,
                };
                count.checked_mul(1 << shift)
            }
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(bytes) => bytes.fmt(f),
            Self::Approximate { count, unit } => {
                count.fmt(f)?;
                unit.iter().try_for_each(|letter| f.write_char((*letter).into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn parses_bytes_and_the_base_protocols_units() {
        assert_eq!(Size::parse("0"), Some(Size::Exact(0)));
        assert_eq!(Size::parse("18446744073709551615"), Some(Size::Exact(u64::MAX)));
        for (text, bytes) in [
            ("700mb", 700 << 20),
            ("700MB", 700 << 20),
            ("1kb", 1024),
            ("3Gb", 3 << 30),
            ("2tb", 2 << 40),
        ] {
            let size = Size::parse(text).expect(text);
            assert_eq!((size.bytes(), size.exact()), (bytes, None));
            assert_eq!(size.to_string(), text, "a request repeats the spelling of the listing");
        }
        let unknown = Size::parse("0TB").expect("a size");
        assert!(unknown.is_unknown() && Size::UNKNOWN.is_unknown());
        assert_eq!((Size::UNKNOWN.to_string().as_str(), unknown.limit()), ("0tb", u64::MAX));
        for (text, limit) in [("0", 0), ("0kb", 1 << 10), ("0gb", 1 << 30), ("1tb", 2 << 40)] {
            let size = Size::parse(text).expect(text);
            assert_eq!((size.is_unknown(), size.limit()), (false, limit), "{text}");
        }
        for bad in [
            "",
            "mb",
            "-1",
            "+1",
            "1.5mb",
            "1 mb",
            "1b",
            "1xb",
            "18446744073709551616",
            "18446744073709551615kb",
            "EOF",
            "é1",
        ] {
            assert_eq!(Size::parse(bad), None, "{bad:?}");
        }
    }
}
