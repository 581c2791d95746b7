//! Decimal digits, and nothing else: no sign, no space, no group separator.

/// The number that `digits` spells, or `None` where there is no digit, another byte, or more than
/// a u64 holds.
pub(crate) fn parse(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut value = 0u64;
    // Nineteen digits always fit, so only what follows them needs the checked steps.
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

/// A TCP port as the wire spells it: 1–65535. Zero is no port.
pub(crate) fn port(digits: &str) -> Option<u16> {
    parse(digits.as_bytes()).and_then(|value| u16::try_from(value).ok()).filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_of_u64_and_nothing_more() {
        assert_eq!(parse(b"0"), Some(0));
        assert_eq!(parse(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse(b"18446744073709551616"), None);
        assert_eq!(parse(b"00000000000000000000001"), Some(1));
        for bad in ["", "+1", "-1", " 1", "1 ", "1_000", "0x10", "12a", "9999999999999999999x"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
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
