//! Which datagrams are answered.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::answer;
use super::request::Request;
use crate::addr::client_prefix;
use crate::rate_limit::{Budget, Rate};

/// Requests of one address (IPv6: of one /64) that are answered in a minute (section 8).
const REQUESTS_PER_MINUTE: u32 = 600;
/// Addresses whose allowances are remembered. Above this the one whose allowance is full first
/// is forgotten.
const MAX_ADDRESSES: usize = 65_536;

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StunOutcome {
    /// The sender is told its address.
    Answered,
    /// The sender is told that its request demands what this server does not do.
    UnknownAttribute,
    /// It is ignored, because it is not a Binding request.
    NotARequest,
    /// It is ignored, because its address asks too often.
    Rate,
}

/// Answers Binding requests, so many of each address.
#[derive(Debug, Default)]
pub struct StunServer {
    budgets: BTreeMap<IpAddr, Budget>,
    /// The same addresses, by the time at which their budgets are full.
    full_at: BTreeSet<(Duration, IpAddr)>,
}

impl StunServer {
    /// Decides about a datagram, and appends the answer, if there is one, to `out`. `now` never decreases.
    pub fn receive(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> StunOutcome {
        let Some(request) = Request::read(datagram) else { return StunOutcome::NotARequest };
        if !self.spend(client_prefix(from.ip()), now) {
            return StunOutcome::Rate;
        }
        if request.unknown().next().is_some() {
            answer::unknown(&request, out);
            return StunOutcome::UnknownAttribute;
        }
        answer::success(&request, from, out);
        StunOutcome::Answered
    }

    fn spend(&mut self, from: IpAddr, now: Duration) -> bool {
        while let Some((full_at, ip)) = self.full_at.first().copied()
            && full_at <= now
        {
            self.forget_first(ip);
        }
        let budget = self.budgets.entry(from).or_default();
        let before = budget.full_at();
        let may = budget.spend_one(Rate::per_minute(REQUESTS_PER_MINUTE), now);
        let after = budget.full_at();
        self.full_at.remove(&(before, from));
        self.full_at.insert((after, from));
        if self.full_at.len() > MAX_ADDRESSES
            && let Some((_, ip)) = self.full_at.first().copied()
        {
            self.forget_first(ip);
        }
        may
    }

    fn forget_first(&mut self, ip: IpAddr) {
        self.full_at.pop_first();
        self.budgets.remove(&ip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_bounded_in_time_and_number() {
        let mut server = StunServer::default();
        let start = Duration::from_secs(9);
        for host in 0..MAX_ADDRESSES as u32 + 10 {
            assert!(server.spend(IpAddr::from(host.to_be_bytes()), start));
        }
        assert_eq!((server.budgets.len(), server.full_at.len()), (MAX_ADDRESSES, MAX_ADDRESSES));
        assert!(server.spend([9, 9, 9, 9].into(), start + Duration::from_secs(1)));
        assert_eq!((server.budgets.len(), server.full_at.len()), (1, 1));
    }
}
