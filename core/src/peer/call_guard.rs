//! Limits the calls that are accepted, so that no caller can use a host as a port scanner (section 6).

use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use litemap::LiteMap;

use crate::Limits;
use crate::addr::{AddrError, client_prefix};
use crate::rate_limit::{Budget, Rate};

/// The rates of dials, and the addresses that did not speak XCHER when they were dialled.
pub(super) struct CallGuard {
    /// Of all callers together.
    budget: Budget,
    dials_per_minute: u32,
    callers: LiteMap<IpAddr, Budget>,
    dials_per_caller: u32,
    /// Of dials to addresses behind this host's own NAT that lead to no caller.
    near: Budget,
    near_dials_per_minute: u32,
    silent: Vec<Silent>,
}

/// An address that did not speak XCHER.
struct Silent {
    ip: IpAddr,
    /// Failures in a row.
    times: u32,
    /// Not dialled before then.
    until: Duration,
}

/// Addresses remembered. Of more, the one that may be dialled first is forgotten.
const MAX_REMEMBERED: usize = 1024;
/// Failures in a row without a back-off: a caller may give up and call again.
const TOLERATED_FAILURES: u32 = 3;
/// Seconds of the first back-off; each further one is twice as long.
const MIN_BACK_OFF_SECS: u64 = 10;
const MAX_BACK_OFF_SECS: u64 = 3600;

impl CallGuard {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            budget: Budget::default(),
            dials_per_minute: limits.dials_per_minute,
            callers: LiteMap::new(),
            dials_per_caller: limits.dials_per_caller,
            near: Budget::default(),
            near_dials_per_minute: limits.near_dials_per_minute,
            silent: Vec::new(),
        }
    }

    /// Admits a call from `ip`, at the cost of one dial of the budgets.
    pub(super) fn admit(&mut self, ip: IpAddr, now: Duration) -> Result<(), AddrError> {
        self.check_silent(ip, now)?;
        self.admit_own(ip, now)
    }

    /// Admits a dial of a call that this host made itself, at the same cost.
    pub(super) fn admit_own(&mut self, ip: IpAddr, now: Duration) -> Result<(), AddrError> {
        // A caller that has used up its own budget takes nothing of the common one.
        match self.spend_of(ip, now) && self.budget.spend(self.dials_per_minute, now) {
            true => Ok(()),
            false => Err(AddrError::TooManyDials),
        }
    }

    /// Admits a dial to an address behind this host's own NAT.
    pub(super) fn admit_near(&mut self, ip: IpAddr, now: Duration) -> Result<(), AddrError> {
        self.check_silent(ip, now)?;
        match self.near.spend(self.near_dials_per_minute, now)
            && self.budget.spend(self.dials_per_minute, now)
        {
            true => Ok(()),
            false => Err(AddrError::TooManyDials),
        }
    }

    /// A host behind the own NAT is the caller: its dial does not count.
    pub(super) fn near_spoke(&mut self) {
        self.near.refund(Rate::per_minute(self.near_dials_per_minute));
    }

    fn check_silent(&self, ip: IpAddr, now: Duration) -> Result<(), AddrError> {
        match self.silent.iter().any(|silent| silent.ip == ip && now < silent.until) {
            true => Err(AddrError::BackOff(ip)),
            false => Ok(()),
        }
    }

    fn spend_of(&mut self, ip: IpAddr, now: Duration) -> bool {
        let caller = client_prefix(ip);
        if !self.callers.contains_key(&caller) {
            if self.callers.len() >= MAX_REMEMBERED {
                self.callers.retain(|_, budget| !budget.is_full(now));
            }
            if self.callers.len() >= MAX_REMEMBERED {
                return false;
            }
            self.callers.insert(caller, Budget::default());
        }
        let budget = self.callers.get_mut(&caller);
        budget.is_some_and(|budget| budget.spend(self.dials_per_caller, now))
    }

    /// A host at this address spoke XCHER.
    pub(super) fn spoke(&mut self, ip: IpAddr) {
        self.silent.retain(|silent| silent.ip != ip);
    }

    /// A dial to this address failed, or led to something else.
    pub(super) fn did_not_speak(&mut self, ip: IpAddr, now: Duration) {
        let known = self.silent.iter().position(|silent| silent.ip == ip);
        let times = 1 + known.map_or(0, |at| self.silent.swap_remove(at).times);
        let doublings = times.checked_sub(TOLERATED_FAILURES + 1);
        let back_off = doublings
            .map_or(0, |doublings| (MIN_BACK_OFF_SECS << doublings.min(16)).min(MAX_BACK_OFF_SECS));
        if self.silent.len() >= MAX_REMEMBERED
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
    fn backs_off_longer_after_each_failure() {
        let ip = IpAddr::from([8, 8, 8, 8]);
        let at = Duration::from_secs;
        let mut guard = CallGuard::new(&Limits::default());
        for _ in 0..TOLERATED_FAILURES {
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
    fn one_caller_leaves_dials_to_others() {
        let mut guard = CallGuard::new(&Limits::default());
        let (one, other) = (IpAddr::from([8, 8, 8, 8]), IpAddr::from([9, 9, 9, 9]));
        let now = Duration::from_secs(100);
        let admitted = (0..1000).filter(|_| guard.admit(one, now).is_ok()).count();
        assert_eq!(admitted, 60);
        assert_eq!(guard.admit(other, now), Ok(()));
        // Many callers together share one budget.
        let all = (0..1000u32).map(|n| IpAddr::from((n << 8).to_be_bytes()));
        assert_eq!(all.filter(|ip| guard.admit(*ip, now).is_ok()).count(), 240 - 61);
        assert!(guard.callers.len() <= MAX_REMEMBERED);
    }

    #[test]
    fn near_dials_are_limited_unless_they_lead_to_a_caller() {
        let mut guard = CallGuard::new(&Limits::default());
        let now = Duration::from_secs(100);
        let all = |guard: &mut CallGuard, at| {
            let inner = (0..250).map(|host| IpAddr::from([192, 168, 1, host]));
            inner.filter(|ip| guard.admit_near(*ip, at).is_ok()).count()
        };
        assert_eq!(all(&mut guard, now), 8);
        assert_eq!(all(&mut guard, now + Duration::from_secs(60)), 8);
        let later = now + Duration::from_secs(120);
        for _ in 0..100 {
            assert_eq!(guard.admit_near([192, 168, 1, 2].into(), later), Ok(()));
            guard.near_spoke();
        }
        assert_eq!(all(&mut guard, later), 8);
        assert_eq!(guard.admit([9, 9, 9, 9].into(), later), Ok(()), "other calls are admitted");
    }

    #[test]
    fn remembers_a_bounded_number_of_addresses() {
        let mut guard = CallGuard::new(&Limits::default());
        for n in 0..3000u32 {
            guard.did_not_speak(IpAddr::from(n.to_be_bytes()), Duration::from_secs(u64::from(n)));
        }
        assert_eq!(guard.silent.len(), MAX_REMEMBERED);
        let again = IpAddr::from(2999u32.to_be_bytes());
        guard.did_not_speak(again, Duration::from_secs(3000));
        assert_eq!(guard.silent.len(), MAX_REMEMBERED, "a known address needs no room");
    }
}
