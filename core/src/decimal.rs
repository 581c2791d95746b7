//! Parses and writes decimal digits without sign, space and group separators.

use alloc::vec::Vec;

/// Parses `digits`; returns `None` for no digit, any other byte or a number above `u64::MAX`.
pub(crate) fn parse(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut value = 0u64;
    // Nineteen digits always fit, so only the rest needs checked arithmetic.
    let (head, rest) = digits.split_at(digits.len().min(19));
    for byte in head {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Appends the digits of `number`.
pub(crate) fn put(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Splits off a last field of one to fifteen digits, eight digits at a time. Returns `None` if the text is
/// too short for this or ends in anything else; the field may still be a valid number.
#[inline]
pub(crate) fn split_last(fields: &str) -> Option<(&str, u64)> {
    let (rest, last) = fields.as_bytes().split_last_chunk()?;
    let (mut digits, mut number) = digits_at_end(*last);
    if digits == 8 && rest.last() != Some(&b' ') {
        let (more, first) = digits_at_end(*rest.last_chunk()?);
        digits += more;
        number += first * 100_000_000;
    }
    let (name, field) = fields.split_at_checked(fields.len() - digits)?;
    let name = name.strip_suffix(' ')?;
    (1..16).contains(&field.len()).then_some((name, number))
}

/// Counts the digits at the end of the bytes, and returns the number that they form.
#[inline]
fn digits_at_end(bytes: [u8; 8]) -> (usize, u64) {
    const fn all(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    let word = u64::from_le_bytes(bytes);
    // Sets the high bit of each byte that is not a digit. Without its own high bit no byte carries over.
    let low = word & all(0x7f);
    let other = (word | (low + all(0x7f - b'9')) | !(low + all(0x80 - b'0'))) & all(0x80);
    let digits = other.leading_zeros() / 8;
    let values = word & all(0x0f) & !(u64::MAX.checked_shr(8 * digits).unwrap_or(0));
    (digits as usize, eight(values))
}

/// Combines the values of eight digits, the first in the lowest byte: digits to pairs, pairs to fours,
/// fours to all eight.
#[inline]
fn eight(values: u64) -> u64 {
    const PAIR: u64 = 0x0000_00ff_0000_00ff;
    let pairs = values * 10 + (values >> 8);
    let first = (pairs & PAIR).wrapping_mul(100 + (1_000_000 << 32));
    let second = ((pairs >> 16) & PAIR).wrapping_mul(1 + (10_000 << 32));
    first.wrapping_add(second) >> 32
}

/// Parses a TCP port, 1–65535.
pub(crate) fn port(digits: &str) -> Option<u16> {
    parse(digits.as_bytes()).and_then(|value| u16::try_from(value).ok()).filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_accepts_exactly_the_range_of_u64() {
        assert_eq!(parse(b"0"), Some(0));
        assert_eq!(parse(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse(b"18446744073709551616"), None);
        assert_eq!(parse(b"00000000000000000000001"), Some(1));
        for bad in ["", "+1", "-1", " 1", "1 ", "1_000", "0x10", "12a", "9999999999999999999x"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn the_fast_split_agrees_with_parse() {
        use alloc::format;
        use alloc::string::String;
        let name = "a name that is long enough";
        for length in 0..=20 {
            for first in '0'..='9' {
                let mut field = String::from(first);
                field.extend("9081726354453627180".chars().cycle().take(length));
                for odd in ["", "x", "/", ":", "\u{7f}", "é", "\0", " "] {
                    for at in 0..=field.len() {
                        let mut field = field.clone();
                        field.insert_str(at, odd);
                        let fields = format!("{name} {field}");
                        let (left, right) = fields.rsplit_once(' ').expect("a space");
                        if let Some(got) = split_last(&fields) {
                            assert_eq!(Some(got), parse(right.as_bytes()).map(|n| (left, n)));
                        } else {
                            let usual = odd.is_empty() && field.len() <= 15;
                            assert!(!usual, "{fields:?} should take the fast path");
                        }
                    }
                }
            }
        }
        assert_eq!(split_last("é 1"), None);
        assert_eq!(split_last("0123456789éééé 1"), Some(("0123456789éééé", 1)));
    }

    #[test]
    fn a_port_is_1_to_65535() {
        assert_eq!(port("1"), Some(1));
        assert_eq!(port("65535"), Some(65535));
        for bad in ["0", "65536", "", "-1", "http"] {
            assert_eq!(port(bad), None, "{bad:?}");
        }
    }
}
