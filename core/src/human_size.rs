//! Numbers of bytes, for people.

use core::fmt;

/// Shows a number of bytes in the largest binary unit that fits, with two decimals: `1.50 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HumanSize(pub u64);

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
/// 1024.00 of a unit, less what rounds down: from here on the next unit is used.
const MAX_SCALED: u64 = 1_048_570;

impl HumanSize {
    /// Returns true if both are shown alike.
    pub(crate) fn looks_like(self, other: Self) -> bool {
        self.rounded() == other.rounded()
    }

    /// Returns the number, in hundredths from KiB on, and the index of its unit.
    fn rounded(self) -> (u64, usize) {
        let Self(mut scaled) = self;
        if scaled < 1024 {
            return (scaled, 0);
        }
        let mut unit = 1;
        while scaled > MAX_SCALED {
            scaled >>= 10;
            unit += 1;
        }
        ((scaled * 100 + 512) >> 10, unit)
    }
}

impl fmt::Display for HumanSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = self.rounded();
        let name = UNITS.get(unit).unwrap_or(&"");
        match unit {
            0 => write!(f, "{value} {name}"),
            _ => write!(f, "{}.{:02} {name}", value / 100, value % 100),
        }
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
