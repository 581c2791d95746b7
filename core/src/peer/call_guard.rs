//! Which calls of strangers are taken up (section 6).

use alloc::collections::BTreeMap;
use core::net::IpAddr;
use core::time::Duration;

use crate::addr::AddrFault;
use crate::budget::Budget;

/// Addresses that did not speak XCHER when they were dialled, and how often anyone is.
pub(super) struct CallGuard {
    budget: Budget,
    dials_per_minute: u32,
    silent: BTreeMap<IpAddr, Silent>,
}

struct Silent {
    times: u32,
    until: Duration,
}

/// Addresses remembered. When it is full the one due first is forgotten.
const REMEMBERED: usize = 1024;
/// Failures in a row that cost nothing: a caller who gives up and calls again is no scanner.
const TOLERATED: u32 = 3;
/// The first back-off; each further one is twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(3600);

impl CallGuard {
    pub(super) fn new(dials_per_minute: u32) -> Self {
        Self { budget: Budget::default(), dials_per_minute, silent: BTreeMap::new() }
    }

    /// Whether a call from `ip` may be dialled now. A yes costs one of the budget.
    pub(super) fn admit(&mut self, ip: IpAddr, now: Duration) -> Result<(), AddrFault> {
        if self.silent.get(&ip).is_some_and(|silent| now < silent.until) {
            return Err(AddrFault::BackOff(ip));
        }
        if self.budget.spend(self.dials_per_minute, now) {
            Ok(())
        } else {
            Err(AddrFault::TooManyDials)
        }
    }

    /// What was dialled there spoke XCHER.
    pub(super) fn spoke(&mut self, ip: IpAddr) {
        self.silent.remove(&ip);
    }

    /// What was dialled there did not.
    pub(super) fn did_not_speak(&mut self, ip: IpAddr, now: Duration) {
        if self.silent.len() >= REMEMBERED
            && let Some(first) = self.silent.iter().min_by_key(|(_, s)| s.until).map(|(ip, _)| *ip)
        {
            self.silent.remove(&first);
        }
        let silent = self.silent.entry(ip).or_insert(Silent { times: 0, until: now });
        silent.times += 1;
        if let Some(doublings) = silent.times.checked_sub(TOLERATED + 1) {
            silent.until = now + FIRST.saturating_mul(1 << doublings.min(16)).min(LONGEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_did_not_speak_waits_longer_each_time() {
        let ip = IpAddr::from([8, 8, 8, 8]);
        let at = Duration::from_secs;
        let mut guard = CallGuard::new(100);
        for _ in 0..TOLERATED {
            guard.did_not_speak(ip, at(0));
            assert_eq!(guard.admit(ip, at(0)), Ok(()));
        }
        guard.did_not_speak(ip, at(0));
        assert_eq!(guard.admit(ip, at(9)), Err(AddrFault::BackOff(ip)));
        assert_eq!(guard.admit(ip, at(10)), Ok(()));
        guard.did_not_speak(ip, at(10));
        assert_eq!(guard.admit(ip, at(29)), Err(AddrFault::BackOff(ip)));
        guard.spoke(ip);
        assert_eq!(guard.admit(ip, at(29)), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut guard = CallGuard::new(1);
        for n in 0..3000u32 {
            guard.did_not_speak(IpAddr::from(n.to_be_bytes()), Duration::from_secs(u64::from(n)));
        }
        assert_eq!(guard.silent.len(), REMEMBERED);
    }
}
