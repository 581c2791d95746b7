//! Which calls of strangers are taken up (section 6).

use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use crate::addr::AddrFault;
use crate::budget::Budget;

/// Addresses that did not speak XCHER when they were dialled, and how often anyone is.
pub(super) struct CallGuard {
    budget: Budget,
    dials_per_minute: u32,
    silent: Vec<Silent>,
}

struct Silent {
    ip: IpAddr,
    times: u32,
    until: Duration,
}

/// Addresses remembered. When it is full the one due first is forgotten.
const REMEMBERED: usize = 1024;
/// Failures in a row that cost nothing: a caller who gives up and calls again is no scanner.
const TOLERATED: u32 = 3;
/// Seconds of the first back-off; each further one is twice as long, up to [`LONGEST`].
const FIRST: u64 = 10;
const LONGEST: u64 = 3600;

impl CallGuard {
    pub(super) fn new(dials_per_minute: u32) -> Self {
        Self { budget: Budget::default(), dials_per_minute, silent: Vec::new() }
    }

    /// Whether a call from `ip` may be dialled now. A yes costs one of the budget.
    pub(super) fn admit(&mut self, ip: IpAddr, now: Duration) -> Result<(), AddrFault> {
        if self.silent.iter().any(|silent| silent.ip == ip && now < silent.until) {
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
        self.silent.retain(|silent| silent.ip != ip);
    }

    /// What was dialled there did not.
    pub(super) fn did_not_speak(&mut self, ip: IpAddr, now: Duration) {
        let known = self.silent.iter().position(|silent| silent.ip == ip);
        let times = 1 + known.map_or(0, |at| self.silent.swap_remove(at).times);
        let doublings = times.checked_sub(TOLERATED + 1);
        let back_off = doublings.map_or(0, |doublings| (FIRST << doublings.min(16)).min(LONGEST));
        if self.silent.len() >= REMEMBERED
            && let Some(first) = (0..self.silent.len()).min_by_key(|at| self.silent[*at].until)
        {
            self.silent.swap_remove(first);
        }
        self.silent.push(Silent {
            ip,
            times,
            until: now.saturating_add(Duration::from_secs(back_off)),
        });
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
        let again = IpAddr::from(2999u32.to_be_bytes());
        guard.did_not_speak(again, Duration::from_secs(3000));
        assert_eq!(guard.silent.len(), REMEMBERED, "who is known needs no room");
    }
}
