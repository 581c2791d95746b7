//! Token buckets.

use core::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// The rate of a token bucket: a burst, then one token per interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Tokens of a full bucket.
    pub(crate) burst: u32,
    /// Interval in which one token is refilled.
    pub(crate) interval: Duration,
}

impl Rate {
    /// Allows `burst` per minute: all at once, then evenly refilled.
    pub(crate) fn per_minute(burst: u32) -> Self {
        Self { burst, interval: MINUTE.checked_div(burst).unwrap_or_default() }
    }

    /// Returns the time in which an empty bucket is refilled.
    fn refill_time(self) -> Duration {
        self.interval.saturating_mul(self.burst)
    }
}

/// A token bucket.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    /// Time at which the bucket is full again.
    full_at: Duration,
}

impl Budget {
    /// Returns true if the bucket is full.
    pub(crate) fn is_full(&self, now: Duration) -> bool {
        self.full_at <= now
    }

    /// Takes one token, if available.
    pub(crate) fn spend(&mut self, per_minute: u32, now: Duration) -> bool {
        self.spend_one(Rate::per_minute(per_minute), now)
    }

    /// Takes one token at any rate, if available.
    pub(crate) fn spend_one(&mut self, rate: Rate, now: Duration) -> bool {
        self.spend_many(1, rate, now)
    }

    /// Takes `cost` tokens, if available. A cost above the burst takes all of them.
    pub(crate) fn spend_many(&mut self, cost: usize, rate: Rate, now: Duration) -> bool {
        let has = self.has(cost, rate, now);
        if has {
            let cost = u32::try_from(cost).unwrap_or(u32::MAX).min(rate.burst);
            let back = rate.interval.saturating_mul(cost);
            self.full_at = self.full_at.max(now).saturating_add(back);
        }
        has
    }

    /// Gives one token back.
    pub(crate) fn refund(&mut self, rate: Rate) {
        self.full_at = self.full_at.saturating_sub(rate.interval);
    }

    /// Returns true if `cost` tokens are available.
    pub(crate) fn has(&self, cost: usize, rate: Rate, now: Duration) -> bool {
        let cost = u32::try_from(cost).unwrap_or(u32::MAX).min(rate.burst);
        let after = self.full_at.max(now).saturating_add(rate.interval.saturating_mul(cost));
        rate.burst > 0 && after.saturating_sub(now) <= rate.refill_time()
    }

    /// Returns the time at which the bucket is full again.
    pub(crate) fn full_at(&self) -> Duration {
        self.full_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_allows_a_burst_and_refills_evenly() {
        let mut budget = Budget::default();
        let start = Duration::from_secs(1000);
        let spent = (0..100).filter(|_| budget.spend(60, start)).count();
        assert_eq!(spent, 60);
        let later = start + Duration::from_secs(2);
        assert_eq!((0..100).filter(|_| budget.spend(60, later)).count(), 2);
        assert!(!Budget::default().spend(0, start));
        let mut unlimited = Budget::default();
        assert!((0..100_000).all(|_| unlimited.spend(u32::MAX, start)));
    }

    #[test]
    fn a_burst_refills_one_token_per_interval() {
        let rate = Rate { burst: 10, interval: Duration::from_secs(1) };
        let mut budget = Budget::default();
        let mut now = Duration::ZERO;
        assert_eq!((0..100).filter(|_| budget.spend_one(rate, now)).count(), 10);
        for _ in 0..30 {
            now += Duration::from_secs(1);
            assert_eq!((0..100).filter(|_| budget.spend_one(rate, now)).count(), 1);
        }
    }

    #[test]
    fn a_cost_above_the_burst_takes_the_whole_bucket() {
        let rate = Rate::per_minute(600);
        let mut budget = Budget::default();
        let now = Duration::from_secs(5);
        assert!(budget.spend_many(usize::MAX, rate, now));
        assert!(!budget.has(1, rate, now));
        assert!(!budget.spend_many(20, rate, now + Duration::from_secs(1)));
        assert!(budget.spend_many(10, rate, now + Duration::from_secs(1)));
    }
}
