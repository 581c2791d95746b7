//! How often something may happen.

use core::time::Duration;

/// A token bucket: `per_minute` at once, then one for each share of a minute that has passed.
#[derive(Debug)]
pub(crate) struct Budget {
    left: f64,
    per_minute: f64,
    filled: Duration,
}

impl Budget {
    /// A full bucket.
    pub(crate) fn new(per_minute: u32, now: Duration) -> Self {
        Self { left: f64::from(per_minute), per_minute: f64::from(per_minute), filled: now }
    }

    /// Takes one, if one is left.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        let minutes = now.saturating_sub(self.filled).as_secs_f64() / 60.0;
        self.left = (self.left + minutes * self.per_minute).min(self.per_minute);
        self.filled = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_at_once_then_at_the_rate() {
        let mut budget = Budget::new(60, Duration::ZERO);
        assert_eq!((0..100).filter(|_| budget.take(Duration::ZERO)).count(), 60);
        assert!(!budget.take(Duration::from_millis(900)));
        assert!(budget.take(Duration::from_millis(1100)));
        assert!(!budget.take(Duration::from_millis(1200)));
    }
}
