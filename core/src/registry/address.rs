//! What the relay counts of everyone at one address.

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::IpAddr;
use core::time::Duration;

use crate::RelayLimits;
use crate::addr::client_prefix;
use crate::rate_limit::{Budget, Rate};

/// Addresses without a connection that are remembered until their budgets are whole again, so that to
/// connect anew gives nobody more. When there are too many, the one that is whole first is forgotten.
const MAX_DISCONNECTED: usize = 65_536;
/// What an answer costs beside its bytes.
const ANSWER_OVERHEAD_LEN: usize = 256;

/// All addresses that connections come from, and those that they came from lately.
#[derive(Default)]
pub(super) struct Addresses {
    all: BTreeMap<IpAddr, Address>,
    /// Those without a connection, by when their budgets are whole.
    left: BTreeSet<(Duration, IpAddr)>,
}

#[derive(Default)]
struct Address {
    connections: usize,
    answers: Budget,
    guesses: Budget,
}

impl Addresses {
    /// How many connections there are from this address.
    pub(super) fn connections(&self, from: IpAddr) -> usize {
        self.all.get(&client_prefix(from)).map_or(0, |address| address.connections)
    }

    pub(super) fn connected(&mut self, from: IpAddr, now: Duration) {
        while let Some((full_at, ip)) = self.left.first().copied()
            && full_at <= now
        {
            self.left.pop_first();
            self.all.remove(&ip);
        }
        let from = client_prefix(from);
        let address = self.all.entry(from).or_default();
        if address.connections == 0 {
            self.left.remove(&(address.full_at(), from));
        }
        address.connections += 1;
    }

    pub(super) fn disconnected(&mut self, from: IpAddr) {
        let from = client_prefix(from);
        let Some(address) = self.all.get_mut(&from) else { return };
        address.connections -= 1;
        if address.connections > 0 {
            return;
        }
        self.left.insert((address.full_at(), from));
        if self.left.len() > MAX_DISCONNECTED
            && let Some((_, ip)) = self.left.pop_first()
        {
            self.all.remove(&ip);
        }
    }

    /// Spends what an answer of so many bytes costs, if there is that much.
    pub(super) fn answer(
        &mut self,
        from: IpAddr,
        bytes: usize,
        limits: &RelayLimits,
        now: Duration,
    ) -> bool {
        let Some(address) = self.all.get_mut(&client_prefix(from)) else { return false };
        let rate = Rate::per_minute(limits.answer_bytes_per_minute);
        address.answers.spend_many(bytes.saturating_add(ANSWER_OVERHEAD_LEN), rate, now)
    }

    /// Whether this address may still try whether a nick is there.
    pub(super) fn may_guess(&self, from: IpAddr, limits: &RelayLimits, now: Duration) -> bool {
        let address = self.all.get(&client_prefix(from));
        address.is_some_and(|address| address.guesses.has(1, guesses(limits), now))
    }

    /// Spends one try, if there is one.
    pub(super) fn guess(&mut self, from: IpAddr, limits: &RelayLimits, now: Duration) -> bool {
        let address = self.all.get_mut(&client_prefix(from));
        address.is_some_and(|address| address.guesses.spend_one(guesses(limits), now))
    }
}

impl Address {
    fn full_at(&self) -> Duration {
        self.answers.full_at().max(self.guesses.full_at())
    }
}

fn guesses(limits: &RelayLimits) -> Rate {
    Rate { burst: limits.guesses, interval: limits.guess_interval }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_left_are_forgotten_in_time_and_number() {
        let limits = RelayLimits::default();
        let mut addresses = Addresses::default();
        let start = Duration::from_secs(9);
        for host in 0..MAX_DISCONNECTED as u32 + 10 {
            let ip = IpAddr::from(host.to_be_bytes());
            addresses.connected(ip, start);
            assert!(addresses.guess(ip, &limits, start));
            addresses.disconnected(ip);
        }
        assert_eq!(
            (addresses.all.len(), addresses.left.len()),
            (MAX_DISCONNECTED, MAX_DISCONNECTED)
        );
        addresses.connected([9, 9, 9, 9].into(), start + Duration::from_secs(1));
        assert_eq!((addresses.all.len(), addresses.left.len()), (1, 0));
    }
}
