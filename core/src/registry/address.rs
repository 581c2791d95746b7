//! The relay's counters and budgets per address.

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::IpAddr;
use core::time::Duration;

use crate::RelayLimits;
use crate::addr::client_prefix;
use crate::rate_limit::{Budget, Rate};

/// Addresses without a connection that are kept until their budgets are full, so that reconnecting does not
/// reset them. Above this the address whose budgets are full first is dropped.
const MAX_DEPARTED: usize = 65_536;
/// Bytes that an answer costs in addition to its own.
const ANSWER_OVERHEAD_LEN: usize = 256;

/// All addresses with connections, and those with recent ones.
#[derive(Default)]
pub(super) struct Addresses {
    all: BTreeMap<IpAddr, Address>,
    /// Addresses without a connection, by the time at which their budgets are full.
    departed: BTreeSet<(Duration, IpAddr)>,
}

#[derive(Default)]
struct Address {
    connections: usize,
    answers: Budget,
    guesses: Budget,
}

impl Addresses {
    /// Returns the number of connections from this address.
    pub(super) fn connections(&self, from: IpAddr) -> usize {
        self.all.get(&client_prefix(from)).map_or(0, |address| address.connections)
    }

    pub(super) fn connected(&mut self, from: IpAddr, now: Duration) {
        while let Some((full_at, ip)) = self.departed.first().copied()
            && full_at <= now
        {
            self.departed.pop_first();
            self.all.remove(&ip);
        }
        let from = client_prefix(from);
        let address = self.all.entry(from).or_default();
        if address.connections == 0 {
            self.departed.remove(&(address.full_at(), from));
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
        self.departed.insert((address.full_at(), from));
        if self.departed.len() > MAX_DEPARTED
            && let Some((_, ip)) = self.departed.pop_first()
        {
            self.all.remove(&ip);
        }
    }

    /// Spends the cost of an answer of `bytes` bytes, if the budget allows it.
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

    /// Returns true if this address may probe for another nick.
    pub(super) fn may_guess(&self, from: IpAddr, limits: &RelayLimits, now: Duration) -> bool {
        let address = self.all.get(&client_prefix(from));
        address.is_some_and(|address| address.guesses.has(1, guesses(limits), now))
    }

    /// Spends one probe, if the budget allows it.
    pub(super) fn guess(&mut self, from: IpAddr, limits: &RelayLimits, now: Duration) -> bool {
        let address = self.all.get_mut(&client_prefix(from));
        address.is_some_and(|address| address.guesses.spend_one(guesses(limits), now))
    }

    /// Gives one probe back.
    pub(super) fn refund_guess(&mut self, from: IpAddr, limits: &RelayLimits) {
        if let Some(address) = self.all.get_mut(&client_prefix(from)) {
            address.guesses.refund(guesses(limits));
        }
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
    fn departed_addresses_are_bounded_in_time_and_number() {
        let limits = RelayLimits::default();
        let mut addresses = Addresses::default();
        let start = Duration::from_secs(9);
        for host in 0..MAX_DEPARTED as u32 + 10 {
            let ip = IpAddr::from(host.to_be_bytes());
            addresses.connected(ip, start);
            assert!(addresses.guess(ip, &limits, start));
            addresses.disconnected(ip);
        }
        assert_eq!((addresses.all.len(), addresses.departed.len()), (MAX_DEPARTED, MAX_DEPARTED));
        addresses.connected([9, 9, 9, 9].into(), start + Duration::from_secs(1));
        assert_eq!((addresses.all.len(), addresses.departed.len()), (1, 0));
    }
}
