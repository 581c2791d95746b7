//! Numbers of bytes, for people.

use core::fmt;

/// Shows a number of bytes in the largest binary unit that fits, with two decimals: `1.50 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HumanSize(pub u64);

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

impl fmt::Display for HumanSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths =
            |unit: u32| (u128::from(self.0) * 100 + (1 << (10 * unit - 1))) >> (10 * unit);
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        // 1048575 bytes are 1.00 MiB, not 1024.00 KiB.
        let (unit, name) =
            (1..).zip(UNITS).find(|(unit, _)| hundredths(*unit) < 102_400).unwrap_or((6, "EiB"));
        let value = hundredths(unit);
        write!(f, "{}.{:02} {name}", value / 100, value % 100)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn shows_two_decimals_of_the_largest_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1536, "1.50 KiB"),
            (1_048_570, "1023.99 KiB"),
            (1_048_575, "1.00 MiB"),
            (4_294_967_297, "4.00 GiB"),
            (u64::MAX, "16.00 EiB"),
        ] {
            assert_eq!(HumanSize(bytes).to_string(), text);
        }
    }
}
