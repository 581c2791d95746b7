//! Months of the calendar, in UTC.

use core::fmt;

/// A month of the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// Months since the beginning of year 0.
    number: u32,
}

const SECONDS_A_DAY: u64 = 86_400;
/// The last day of the year 9999, in days since 1970.
const LAST_DAY: u64 = 2_932_896;
const FIRST: u32 = 1970 * 12;
const LAST: u32 = 9999 * 12 + 11;

impl Month {
    /// Returns the month of a time in seconds since 1970. A later one than the last is the last.
    pub fn at(unix_seconds: u64) -> Self {
        let days = u32::try_from((unix_seconds / SECONDS_A_DAY).min(LAST_DAY)).unwrap_or(u32::MAX);
        // Years begin with March here, so that the day that comes and goes is their last (the algorithm is Howard
        // Hinnant's, "chrono-compatible low-level date algorithms").
        let days = days + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        Self { number: (era * 400 + year_of_era) * 12 + from_march + 2 }
    }

    /// Parses `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let number = |digits: &str, len| {
            let are_digits = digits.len() == len && digits.bytes().all(|it| it.is_ascii_digit());
            digits.parse::<u32>().ok().filter(|_| are_digits)
        };
        let (year, month) = (number(year, 4)?, number(month, 2)?);
        let number = year * 12 + month.checked_sub(1).filter(|month| *month < 12)?;
        (FIRST..=LAST).contains(&number).then_some(Self { number })
    }

    /// Returns the month after this one; after the last, the last.
    pub fn next(self) -> Self {
        Self { number: (self.number + 1).min(LAST) }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.number / 12, self.number % 12 + 1)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn months_begin_and_end_at_midnight_in_utc() {
        for (seconds, month) in [
            (0, "1970-01"),
            (951_782_399, "2000-02"),
            (951_868_799, "2000-02"),
            (951_868_800, "2000-03"),
            (1_709_251_199, "2024-02"),
            (1_709_251_200, "2024-03"),
            (1_796_083_199, "2026-11"),
            (1_796_083_200, "2026-12"),
            (1_798_761_599, "2026-12"),
            (1_798_761_600, "2027-01"),
            (4_107_542_399, "2100-02"),
            (4_107_542_400, "2100-03"),
            (u64::MAX, "9999-12"),
        ] {
            assert_eq!(Month::at(seconds).to_string(), month, "{seconds}");
        }
    }

    #[test]
    fn every_day_is_in_the_month_before_it_or_the_next() {
        let mut month = Month::at(0);
        let mut days = 0;
        for day in 0..=LAST_DAY {
            let at = Month::at(day * SECONDS_A_DAY);
            if at == month {
                days += 1;
                continue;
            }
            assert_eq!(at, month.next());
            assert!((28..=31).contains(&days), "{month} has {days} days");
            (month, days) = (at, 1);
        }
        assert_eq!(month.next(), month);
    }

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        for seconds in [0, 951_868_800, 1_796_083_200, u64::MAX] {
            let month = Month::at(seconds);
            assert_eq!(Month::parse(&month.to_string()), Some(month));
        }
        for text in ["", "2026", "2026-00", "2026-13", "26-01", "2026-1", "+026-01", "1969-12"] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
    }
}
