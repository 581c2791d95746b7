//! How often something may happen.

use core::time::Duration;

/// So many a minute: all of them at once, then evenly.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    /// When everything spent so far will have come back.
    whole_at: Duration,
}

impl Budget {
    /// Whether nothing of it is spent.
    pub(crate) fn is_whole(&self, now: Duration) -> bool {
        self.whole_at <= now
    }

    /// Spends one, if there is one.
    pub(crate) fn spend(&mut self, per_minute: u32, now: Duration) -> bool {
        const MINUTE: Duration = Duration::from_secs(60);
        if per_minute == 0 {
            return false;
        }
        let after = self.whole_at.max(now).saturating_add(MINUTE / per_minute);
        let enough = after.saturating_sub(now) <= MINUTE;
        if enough {
            self.whole_at = after;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_there_at_once_and_comes_back_evenly() {
        let mut budget = Budget::default();
        let start = Duration::from_secs(1000);
        let spent = (0..100).filter(|_| budget.spend(60, start)).count();
        assert_eq!(spent, 60);
        let later = start + Duration::from_secs(2);
        assert_eq!((0..100).filter(|_| budget.spend(60, later)).count(), 2);
        assert!(!Budget::default().spend(0, start));
        let mut endless = Budget::default();
        assert!((0..100_000).all(|_| endless.spend(u32::MAX, start)));
    }
}
