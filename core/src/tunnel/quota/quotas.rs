//! The bytes of all accounts in a month, and their limits.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use super::used::{Used, make_room};
use super::{Month, QuotaAccount};
use crate::HumanSize;

/// The most bytes of a month; `None` means unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Of the clients of one IPv4 address or one IPv6 /64. Without it, addresses are not counted apart.
    pub address: Option<u64>,
    /// Of all tunnels.
    pub total: Option<u64>,
    /// Of each user that has a limit of its own.
    pub users: BTreeMap<String, u64>,
}

/// The bytes of a month, as they are kept on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaRecord {
    /// The month.
    pub month: Month,
    /// The bytes of all tunnels.
    pub total: u64,
    /// Those of each user.
    pub users: BTreeMap<String, u64>,
    /// Those of each address that is counted apart.
    pub addresses: BTreeMap<IpAddr, u64>,
}

/// What some bytes have used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// The quota of their account.
    Account,
    /// That of all tunnels.
    Total,
}

/// What to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reset {
    /// The bytes of one account; those of all tunnels stay.
    Account(QuotaAccount),
    /// The bytes of all accounts and tunnels. The month becomes that of the clock.
    All,
}

/// The reason why a tunnel may carry no more in this month.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuotaError {
    /// The user has used up its quota.
    User {
        /// The quota.
        quota: u64,
        /// The month.
        month: Month,
    },
    /// The address has used up its quota.
    Address {
        /// The quota.
        quota: u64,
        /// The month.
        month: Month,
    },
    /// All tunnels together have.
    Total {
        /// The quota.
        quota: u64,
        /// The month.
        month: Month,
    },
}

impl fmt::Display for QuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whose, quota, month) = match self {
            Self::User { quota, month } => ("your token has", quota, month),
            Self::Address { quota, month } => ("your address has", quota, month),
            Self::Total { quota, month } => ("this bridge has", quota, month),
        };
        let (quota, next) = (HumanSize(*quota), month.next());
        write!(
            f,
            "{whose} used up the {quota} of {month}: connect directly, or come back on {next}-01"
        )
    }
}

impl core::error::Error for QuotaError {}

/// Counts the bytes of tunnels in a month, and decides who may use more.
///
/// Times are in seconds since 1970. Where several processes share a record, each adds to it what it has counted
/// since it did so last: [`Quotas::record`], then [`Quotas::recorded`] once the record is safe.
#[derive(Debug)]
pub struct Quotas {
    limits: QuotaLimits,
    month: Month,
    total: Used,
    users: BTreeMap<String, Used>,
    addresses: BTreeMap<IpAddr, Used>,
}

impl Quotas {
    /// Returns counts of zero.
    pub fn new(limits: QuotaLimits, now: u64) -> Self {
        let (total, month) = (Used::default(), Month::at(now));
        Self { limits, month, total, users: BTreeMap::new(), addresses: BTreeMap::new() }
    }

    /// Applies these limits to what is used already. Counts stay.
    pub fn set_limits(&mut self, limits: QuotaLimits) {
        self.limits = limits;
    }

    /// Returns the limits in force.
    pub fn limits(&self) -> &QuotaLimits {
        &self.limits
    }

    /// Counts bytes that a tunnel has carried, in whichever direction. Returns what they have used up, if these
    /// were the bytes to do so.
    pub fn spend(&mut self, account: &QuotaAccount, bytes: u64, now: u64) -> Option<Spent> {
        self.begin_month(now);
        let reaches = |before: u64, quota: Option<u64>| {
            quota.is_some_and(|quota| before < quota && before.saturating_add(bytes) >= quota)
        };
        let quota = self.quota(account);
        let used = match account {
            QuotaAccount::User(name) => Some(match self.users.get_mut(name) {
                Some(used) => used,
                None => self.users.entry(name.clone()).or_default(),
            }),
            QuotaAccount::Address(_) if self.limits.address.is_none() => None,
            QuotaAccount::Address(ip) if self.addresses.contains_key(ip) => {
                self.addresses.get_mut(ip)
            }
            QuotaAccount::Address(ip) => make_room(&mut self.addresses, self.limits.address)
                .then(|| self.addresses.entry(*ip).or_default()),
        };
        let is_account_spent = used.is_some_and(|used| {
            let before = used.bytes();
            used.add(bytes, now);
            reaches(before, quota)
        });
        let is_total_spent = reaches(self.total.bytes(), self.limits.total);
        self.total.add(bytes, now);
        match (is_total_spent, is_account_spent) {
            (true, _) => Some(Spent::Total),
            (false, true) => Some(Spent::Account),
            (false, false) => None,
        }
    }

    /// Returns whether a tunnel may carry more.
    ///
    /// # Errors
    ///
    /// [`QuotaError`] if the account or all tunnels together have used up their quota.
    pub fn check(&mut self, account: &QuotaAccount, now: u64) -> Result<(), QuotaError> {
        self.begin_month(now);
        let month = self.month;
        if let Some(quota) = self.limits.total.filter(|quota| self.total.bytes() >= *quota) {
            return Err(QuotaError::Total { quota, month });
        }
        match (self.quota(account).filter(|quota| self.used(account) >= *quota), account) {
            (None, _) => Ok(()),
            (Some(quota), QuotaAccount::User(_)) => Err(QuotaError::User { quota, month }),
            (Some(quota), QuotaAccount::Address(_)) => Err(QuotaError::Address { quota, month }),
        }
    }

    /// Begins a new month, with counts of zero, if it is time. So do the other calls that take the time.
    pub fn begin_month(&mut self, now: u64) {
        self.go_on_to(Month::at(now));
    }

    /// Returns the month that is counted. A clock that is set back does not begin an earlier one.
    pub fn month(&self) -> Month {
        self.month
    }

    /// Returns the bytes of all tunnels in this month.
    pub fn total(&self) -> u64 {
        self.total.bytes()
    }

    /// Returns the bytes of an account in this month.
    pub fn used(&self, account: &QuotaAccount) -> u64 {
        let used = match account {
            QuotaAccount::User(name) => self.users.get(name),
            QuotaAccount::Address(ip) => self.addresses.get(ip),
        };
        used.map_or(0, Used::bytes)
    }

    /// Returns an account's limit.
    pub fn quota(&self, account: &QuotaAccount) -> Option<u64> {
        match account {
            QuotaAccount::User(name) => self.limits.users.get(name).copied(),
            QuotaAccount::Address(_) => self.limits.address,
        }
    }

    /// Returns the accounts that have used most, and how much, at most this many.
    pub fn largest(&self, count: usize) -> Vec<(QuotaAccount, u64)> {
        let users = self.users.iter().map(|(name, used)| (QuotaAccount::User(name.clone()), used));
        let addresses = self.addresses.iter().map(|(ip, used)| (QuotaAccount::Address(*ip), used));
        let mut all: Vec<_> = users
            .chain(addresses)
            .map(|(account, used)| (account, used.bytes()))
            .filter(|(_, bytes)| *bytes > 0)
            .collect();
        all.sort_by(|(one, its), (other, others)| others.cmp(its).then_with(|| one.cmp(other)));
        all.truncate(count);
        all
    }

    /// Forgets what was used. Returns false for an account that has used nothing.
    ///
    /// Not between [`Self::record`] and [`Self::recorded`], which would bring it back.
    pub fn reset(&mut self, reset: &Reset, now: u64) -> bool {
        let used = match reset {
            Reset::Account(QuotaAccount::User(name)) => self.users.get_mut(name),
            Reset::Account(QuotaAccount::Address(ip)) => self.addresses.get_mut(ip),
            Reset::All => {
                let all = self.users.values_mut().chain(self.addresses.values_mut());
                all.chain([&mut self.total]).for_each(Used::reset);
                self.month = Month::at(now);
                return true;
            }
        };
        let used = used.filter(|used| used.bytes() > 0);
        used.map(Used::reset).is_some()
    }

    /// Returns true if there are counts that the record lacks.
    pub fn is_changed(&self) -> bool {
        self.total.is_reset
            || self.total.pending + self.total.in_flight > 0
            || self.users.values().chain(self.addresses.values()).any(|used| used.is_reset)
    }

    /// Returns the record with what was counted since it was [`Self::recorded`], where `current` is what the record
    /// has now, the counts of other processes included; or `None` if it has nothing.
    ///
    /// If it cannot be written, the next call includes the same counts.
    pub fn record(&mut self, current: Option<QuotaRecord>, now: u64) -> QuotaRecord {
        self.begin_month(now);
        let is_reset = self.total.is_reset;
        match current {
            // The month that a reset ended.
            Some(current) if current.month > self.month && is_reset => self.take(None),
            Some(current) => {
                self.go_on_to(current.month);
                let is_this_month = current.month == self.month;
                self.take(is_this_month.then_some(current));
            }
            None => self.keep(),
        }
        let bytes = |used: &Used| Some(used.bytes()).filter(|bytes| *bytes > 0);
        QuotaRecord {
            month: self.month,
            total: self.total.bytes(),
            users: collect(&self.users, bytes),
            addresses: collect(&self.addresses, bytes),
        }
    }

    /// The result of the last [`Self::record`] is written.
    pub fn recorded(&mut self) {
        let all = self.users.values_mut().chain(self.addresses.values_mut());
        all.chain([&mut self.total]).for_each(Used::end);
        self.users.retain(|_, used| used.bytes() > 0);
        self.addresses.retain(|_, used| used.bytes() > 0);
    }

    /// Takes over a record of this month, or one of an earlier one, which has nothing of this.
    fn take(&mut self, current: Option<QuotaRecord>) {
        let (total, users, addresses) = match current {
            Some(record) => (record.total, record.users, record.addresses),
            None => (0, BTreeMap::new(), BTreeMap::new()),
        };
        self.total.begin(total);
        for (name, bytes) in &users {
            self.users.entry(name.clone()).or_default().recorded = *bytes;
        }
        for (name, used) in &mut self.users {
            used.begin(users.get(name).copied().unwrap_or(0));
        }
        for (ip, bytes) in &addresses {
            if self.addresses.contains_key(ip)
                || make_room(&mut self.addresses, self.limits.address)
            {
                self.addresses.entry(*ip).or_default().recorded = *bytes;
            }
        }
        for (ip, used) in &mut self.addresses {
            used.begin(addresses.get(ip).copied().unwrap_or(0));
        }
    }

    /// Goes on with what this process knows: there is no record.
    fn keep(&mut self) {
        let all = self.users.values_mut().chain(self.addresses.values_mut());
        for used in all.chain([&mut self.total]) {
            used.begin(used.recorded);
        }
    }

    fn go_on_to(&mut self, month: Month) {
        if month > self.month {
            self.month = month;
            self.total = Used::default();
            self.users = BTreeMap::new();
            self.addresses = BTreeMap::new();
        }
    }
}

fn collect<K: Clone + Ord>(
    all: &BTreeMap<K, Used>,
    bytes: impl Fn(&Used) -> Option<u64>,
) -> BTreeMap<K, u64> {
    all.iter().filter_map(|(key, used)| Some((key.clone(), bytes(used)?))).collect()
}
