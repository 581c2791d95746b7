//! The time from one attempt to the next.

use std::time::Duration;

use super::failure::{Failure, Kind};

/// The first wait for an authority that does not answer, and the longest.
const UNREACHABLE_WAITS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60 * 60)];
/// The same, for one that answered: Let's Encrypt allows five failed validations an hour.
const REFUSED_WAITS: [Duration; 2] =
    [Duration::from_secs(5 * 60), Duration::from_secs(12 * 60 * 60)];
/// The longest wait that an authority can impose.
const MAX_IMPOSED_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the wait after this failure, the `count`th in a row. `jitter`, from 0 to 1, spreads servers that failed at the
/// same time over a fifth of it.
pub(super) fn wait_after(failure: &Failure, count: u32, jitter: f64) -> Duration {
    let [first, longest] = match failure.kind {
        Kind::Unreachable | Kind::Storage => UNREACHABLE_WAITS,
        Kind::Refused => REFUSED_WAITS,
    };
    let doubled = 1u32.checked_shl(count.saturating_sub(1)).unwrap_or(u32::MAX);
    let wait = first.saturating_mul(doubled).min(longest).mul_f64(1.0 + jitter / 5.0);
    let imposed = failure.retry_after.unwrap_or_default().min(MAX_IMPOSED_WAIT);
    wait.max(imposed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(kind: Kind, retry_after: Option<u64>, count: u32) -> u64 {
        let failure = Failure {
            kind,
            text: String::new(),
            cause: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        };
        wait_after(&failure, count, 0.0).as_secs()
    }

    #[test]
    fn waits_longer_after_each_failure_but_not_for_ever() {
        let unreachable =
            [1, 2, 3, 10, 11, 40, u32::MAX].map(|n| seconds(Kind::Unreachable, None, n));
        assert_eq!(unreachable, [5, 10, 20, 2560, 3600, 3600, 3600]);
        let refused = [0, 1, 2, 3, 9, 1000].map(|n| seconds(Kind::Refused, None, n));
        assert_eq!(refused, [300, 300, 600, 1200, 43_200, 43_200]);
        // In the first hour, fewer than the five that Let's Encrypt allows.
        let hour: u64 = (1..=4).map(|n| seconds(Kind::Refused, None, n)).sum();
        assert!(hour > 3600, "{hour}");
    }

    #[test]
    fn an_authority_can_impose_a_wait_of_a_day_at_most() {
        assert_eq!(seconds(Kind::Refused, Some(1), 1), 300);
        assert_eq!(seconds(Kind::Refused, Some(4000), 1), 4000);
        assert_eq!(seconds(Kind::Unreachable, Some(u64::MAX), 1), 86_400);
    }

    #[test]
    fn jitter_adds_a_fifth_at_most() {
        let failure = Failure {
            kind: Kind::Unreachable,
            text: String::new(),
            cause: String::new(),
            retry_after: None,
        };
        assert_eq!(wait_after(&failure, 1, 1.0), Duration::from_secs(6));
    }
}
