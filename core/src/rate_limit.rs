//! How often something may happen.

use core::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// How much there is of something: a burst at once, then one more every so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// How many at once.
    pub(crate) burst: u32,
    /// The time in which one comes back.
    pub(crate) every: Duration,
}

impl Rate {
    /// So many a minute: all of them at once, then evenly.
    pub(crate) fn per_minute(burst: u32) -> Self {
        Self { burst, every: MINUTE.checked_div(burst).unwrap_or_default() }
    }

    /// The time in which everything comes back.
    fn whole(self) -> Duration {
        self.every.saturating_mul(self.burst)
    }
}

/// What was spent of something that comes back.
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
        self.spend_one(Rate::per_minute(per_minute), now)
    }

    /// As [`spend`](Self::spend), of any rate.
    pub(crate) fn spend_one(&mut self, rate: Rate, now: Duration) -> bool {
        self.spend_many(1, rate, now)
    }

    /// Spends `cost` if there is that much. What costs more than there ever is takes all of it.
    pub(crate) fn spend_many(&mut self, cost: usize, rate: Rate, now: Duration) -> bool {
        let has = self.has(cost, rate, now);
        if has {
            let cost = u32::try_from(cost).unwrap_or(u32::MAX).min(rate.burst);
            let back = rate.every.saturating_mul(cost);
            self.whole_at = self.whole_at.max(now).saturating_add(back);
        }
        has
    }

    /// Whether there is that much.
    pub(crate) fn has(&self, cost: usize, rate: Rate, now: Duration) -> bool {
        let cost = u32::try_from(cost).unwrap_or(u32::MAX).min(rate.burst);
        let after = self.whole_at.max(now).saturating_add(rate.every.saturating_mul(cost));
        rate.burst > 0 && after.saturating_sub(now) <= rate.whole()
    }

    /// When everything spent so far will have come back.
    #[cfg(feature = "relay")]
    pub(crate) fn whole_at(&self) -> Duration {
        self.whole_at
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

    #[test]
    fn a_burst_comes_back_one_by_one() {
        let rate = Rate { burst: 10, every: Duration::from_secs(1) };
        let mut budget = Budget::default();
        let mut now = Duration::ZERO;
        assert_eq!((0..100).filter(|_| budget.spend_one(rate, now)).count(), 10);
        for _ in 0..30 {
            now += Duration::from_secs(1);
            assert_eq!((0..100).filter(|_| budget.spend_one(rate, now)).count(), 1);
        }
    }

    #[test]
    fn what_costs_more_than_there_ever_is_takes_all() {
        let rate = Rate::per_minute(600);
        let mut budget = Budget::default();
        let now = Duration::from_secs(5);
        assert!(budget.spend_many(usize::MAX, rate, now));
        assert!(!budget.has(1, rate, now));
        assert!(!budget.spend_many(20, rate, now + Duration::from_secs(1)));
        assert!(budget.spend_many(10, rate, now + Duration::from_secs(1)));
    }
}
