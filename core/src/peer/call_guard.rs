//! Which calls of strangers are taken up (section 6).

use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use litemap::LiteMap;

use crate::Limits;
use crate::addr::{AddrError, client_prefix};
use crate::rate_limit::Budget;

/// Addresses that did not speak XCHER when they were dialled, and how often anyone is, and each caller.
pub(super) struct CallGuard {
    budget: Budget,
    dials_per_minute: u32,
    callers: LiteMap<IpAddr, Budget>,
    dials_of_caller: u32,
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
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            budget: Budget::default(),
            dials_per_minute: limits.dials_per_minute,
            callers: LiteMap::new(),
            dials_of_caller: limits.dials_per_caller,
            silent: Vec::new(),
        }
    }

    /// Whether a call from `ip` may be dialled now. A yes costs one of the budget.
    pub(super) fn admit(&mut self, ip: IpAddr, now: Duration) -> Result<(), AddrError> {
        if self.silent.iter().any(|silent| silent.ip == ip && now < silent.until) {
            return Err(AddrError::BackOff(ip));
        }
        // A caller that has used up its own budget uses up nobody else's.
        match self.spend_of(ip, now) && self.budget.spend(self.dials_per_minute, now) {
            true => Ok(()),
            false => Err(AddrError::TooManyDials),
        }
    }

    fn spend_of(&mut self, ip: IpAddr, now: Duration) -> bool {
        let caller = client_prefix(ip);
        if !self.callers.contains_key(&caller) {
            if self.callers.len() >= REMEMBERED {
                self.callers.retain(|_, budget| !budget.is_full(now));
            }
            if self.callers.len() >= REMEMBERED {
                return false;
            }
            self.callers.insert(caller, Budget::default());
        }
        let budget = self.callers.get_mut(&caller);
        budget.is_some_and(|budget| budget.spend(self.dials_of_caller, now))
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
        let mut guard = CallGuard::new(&Limits::default());
        for _ in 0..TOLERATED {
            guard.did_not_speak(ip, at(0));
            assert_eq!(guard.admit(ip, at(0)), Ok(()));
        }
        guard.did_not_speak(ip, at(0));
        assert_eq!(guard.admit(ip, at(9)), Err(AddrError::BackOff(ip)));
        assert_eq!(guard.admit(ip, at(10)), Ok(()));
        guard.did_not_speak(ip, at(10));
        assert_eq!(guard.admit(ip, at(29)), Err(AddrError::BackOff(ip)));
        guard.spoke(ip);
        assert_eq!(guard.admit(ip, at(29)), Ok(()));
    }

    #[test]
    fn one_caller_uses_up_nobody_elses_calls() {
        let mut guard = CallGuard::new(&Limits::default());
        let (one, other) = (IpAddr::from([8, 8, 8, 8]), IpAddr::from([9, 9, 9, 9]));
        let now = Duration::from_secs(100);
        let admitted = (0..1000).filter(|_| guard.admit(one, now).is_ok()).count();
        assert_eq!(admitted, 60);
        assert_eq!(guard.admit(other, now), Ok(()));
        // Of many together there is a bound all the same.
        let all = (0..1000u32).map(|n| IpAddr::from((n << 8).to_be_bytes()));
        assert_eq!(all.filter(|ip| guard.admit(*ip, now).is_ok()).count(), 240 - 61);
        assert!(guard.callers.len() <= REMEMBERED);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut guard = CallGuard::new(&Limits::default());
        for n in 0..3000u32 {
            guard.did_not_speak(IpAddr::from(n.to_be_bytes()), Duration::from_secs(u64::from(n)));
        }
        assert_eq!(guard.silent.len(), REMEMBERED);
        let again = IpAddr::from(2999u32.to_be_bytes());
        guard.did_not_speak(again, Duration::from_secs(3000));
        assert_eq!(guard.silent.len(), REMEMBERED, "who is known needs no room");
    }
}
