//! The bytes of a month, counted by one process or by several that share a record.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use xcher_core::tunnel::{
    MAX_QUOTA_ADDRESSES, Month, QuotaAccount, QuotaLimits, QuotaRecord, Quotas, Reset, Spent,
};

/// A time in November 2026, and one in December.
const NOVEMBER: u64 = 1_795_000_000;
const DECEMBER: u64 = 1_796_083_200;

fn limits(address: Option<u64>, total: Option<u64>) -> QuotaLimits {
    QuotaLimits { address, total, users: BTreeMap::from([("amy".to_owned(), 1000)]) }
}

fn address(text: &str) -> QuotaAccount {
    QuotaAccount::address(text.parse().unwrap())
}

fn user(name: &str) -> QuotaAccount {
    QuotaAccount::User(name.to_owned())
}

#[test]
fn each_account_ends_at_its_quota_and_begins_again_with_the_month() {
    let mut quotas = Quotas::new(limits(Some(100), Some(5000)), NOVEMBER);
    let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
    assert_eq!(quotas.spend(&one, 99, NOVEMBER), None);
    quotas.check(&one, NOVEMBER).unwrap();
    assert_eq!(quotas.spend(&one, 1, NOVEMBER), Some(Spent::Account));
    // Once only: what is open is told once.
    assert_eq!(quotas.spend(&one, 1, NOVEMBER), None);
    let error = quotas.check(&one, NOVEMBER).unwrap_err().to_string();
    let text = "your address has used up the 100 B of 2026-11: connect directly, or come back on \
                2026-12-01";
    assert_eq!(error, text);
    quotas.check(&other, NOVEMBER).unwrap();
    assert_eq!(quotas.spend(&user("amy"), 1000, NOVEMBER), Some(Spent::Account));
    assert!(
        quotas.check(&user("amy"), NOVEMBER).unwrap_err().to_string().starts_with("your token")
    );
    // A user without a quota is counted, and not limited.
    assert_eq!(quotas.spend(&user("bob"), 3898, NOVEMBER), None);
    quotas.check(&user("bob"), NOVEMBER).unwrap();
    assert_eq!(quotas.spend(&other, 1, NOVEMBER), Some(Spent::Total));
    assert!(
        quotas.check(&user("bob"), NOVEMBER).unwrap_err().to_string().starts_with("this bridge")
    );
    assert_eq!(quotas.largest(2), [(user("bob"), 3898), (user("amy"), 1000)]);
    for account in [&one, &other, &user("amy"), &user("bob")] {
        quotas.check(account, DECEMBER).unwrap();
    }
    assert_eq!((quotas.total(), quotas.largest(9)), (0, vec![]));
}

#[test]
fn clock_that_is_set_back_begins_no_month_anew() {
    let mut quotas = Quotas::new(limits(Some(100), None), DECEMBER);
    let one = address("192.0.2.1");
    quotas.spend(&one, 100, DECEMBER);
    quotas.check(&one, NOVEMBER).unwrap_err();
    quotas.check(&one, 0).unwrap_err();
    // Nor does a process that starts then.
    let record = quotas.record(None, NOVEMBER);
    let mut next = Quotas::new(limits(Some(100), None), NOVEMBER);
    next.record(Some(record), NOVEMBER);
    next.check(&one, NOVEMBER).unwrap_err();
    // A clock that was wrong once is put right by the operator.
    assert!(next.reset(&Reset::All, NOVEMBER));
    assert_eq!(next.month(), Month::at(NOVEMBER));
    next.check(&one, NOVEMBER).unwrap();
    let current =
        QuotaRecord { month: Month::at(DECEMBER), total: 9, ..next.record(None, NOVEMBER) };
    assert_eq!(next.record(Some(current), NOVEMBER).month, Month::at(NOVEMBER));
}

#[test]
fn addresses_of_one_ipv6_64_share_a_quota() {
    let mut quotas = Quotas::new(limits(Some(1000), None), NOVEMBER);
    for host in 0..1000_u64 {
        let ip = Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(host) << 20);
        quotas.spend(&QuotaAccount::address(ip.into()), 1, NOVEMBER);
    }
    quotas.check(&address("2001:db8::ffff"), NOVEMBER).unwrap_err();
    quotas.check(&address("2001:db8:0:1::1"), NOVEMBER).unwrap();
}

/// A client that has a whole network fills the table: nobody who is near the quota gains by it.
#[test]
fn hopping_through_networks_forgets_only_who_used_little() {
    let quota = 1000;
    let mut quotas = Quotas::new(limits(Some(quota), None), NOVEMBER);
    let near = address("192.0.2.1");
    quotas.spend(&near, quota / 2, NOVEMBER);
    let prefix = |n: u32| -> IpAddr { Ipv6Addr::from_bits(u128::from(n) << 64).into() };
    let hops = u32::try_from(3 * MAX_QUOTA_ADDRESSES).unwrap();
    for n in 0..hops {
        quotas.spend(&QuotaAccount::address(prefix(n)), 400, NOVEMBER + u64::from(n));
    }
    assert!(quotas.largest(usize::MAX).len() <= MAX_QUOTA_ADDRESSES);
    assert_eq!(quotas.used(&near), quota / 2);
    assert_eq!(quotas.used(&QuotaAccount::address(prefix(hops - 1))), 400, "the newest is counted");
    assert_eq!(quotas.used(&QuotaAccount::address(prefix(0))), 0, "the oldest is forgotten");
    assert_eq!(quotas.total(), quota / 2 + 400 * u64::from(hops));
    // So is the record.
    let record = quotas.record(None, NOVEMBER + u64::from(hops));
    assert!(record.addresses.len() <= MAX_QUOTA_ADDRESSES);
    quotas.recorded();
    let mut other = Quotas::new(limits(Some(quota), None), NOVEMBER);
    for n in hops..2 * hops {
        other.spend(&QuotaAccount::address(prefix(n)), 450, NOVEMBER);
    }
    let both = other.record(Some(record), NOVEMBER);
    assert!(both.addresses.len() <= MAX_QUOTA_ADDRESSES);
    assert_eq!(both.addresses[&"192.0.2.1".parse::<IpAddr>().unwrap()], quota / 2);
}

#[test]
fn full_table_of_addresses_near_their_quota_forgets_none() {
    let mut quotas = Quotas::new(limits(Some(10), None), NOVEMBER);
    let prefix = |n: usize| address(&format!("2001:db8:{:x}:{:x}::", n >> 16, n & 0xffff));
    for n in 0..MAX_QUOTA_ADDRESSES {
        quotas.spend(&prefix(n), 5, NOVEMBER);
    }
    quotas.spend(&address("192.0.2.1"), 5, NOVEMBER);
    assert_eq!(quotas.used(&address("192.0.2.1")), 0, "counted in the total alone");
    assert_eq!(quotas.total(), 5 * (MAX_QUOTA_ADDRESSES as u64 + 1));
    assert_eq!(quotas.used(&prefix(0)), 5);
}

#[test]
fn reset_reaches_the_record_and_leaves_what_comes_after() {
    let mut quotas = Quotas::new(limits(Some(100), None), NOVEMBER);
    let one = address("192.0.2.1");
    quotas.spend(&one, 100, NOVEMBER);
    let record = quotas.record(None, NOVEMBER);
    quotas.recorded();
    assert!(!quotas.reset(&Reset::Account(user("amy")), NOVEMBER), "it used nothing");
    assert!(!quotas.is_changed());
    assert!(quotas.reset(&Reset::Account(one.clone()), NOVEMBER));
    assert!(quotas.is_changed());
    quotas.check(&one, NOVEMBER).unwrap();
    quotas.spend(&one, 7, NOVEMBER);
    let record = quotas.record(Some(record), NOVEMBER);
    assert_eq!(record.addresses.values().collect::<Vec<_>>(), [&7]);
    assert_eq!(record.total, 107, "that of all tunnels stays");
    quotas.recorded();
    assert_eq!(quotas.used(&one), 7);
}

#[test]
fn addresses_are_not_counted_apart_without_a_quota_for_them() {
    let mut quotas = Quotas::new(limits(None, Some(100)), NOVEMBER);
    quotas.spend(&address("192.0.2.1"), 60, NOVEMBER);
    assert!(quotas.record(None, NOVEMBER).addresses.is_empty());
    quotas.set_limits(limits(Some(100), Some(50)));
    quotas.check(&address("192.0.2.1"), NOVEMBER).unwrap_err();
}

/// Processes that overlap, each with failures of its disk, restarts and kills: no byte that was recorded is lost or
/// counted twice.
#[test]
fn processes_that_share_a_record_lose_and_double_nothing() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let accounts = [address("192.0.2.1"), address("2001:db8::1"), user("amy"), user("bob")];
        let new = || Quotas::new(limits(Some(1 << 40), None), NOVEMBER);
        let mut processes = [new(), new(), new()];
        // What each process has counted and not recorded.
        let mut unsaved = [[0_u64; 4]; 3];
        let (mut saved, mut file) = ([0_u64; 4], None);
        for step in 0..400 {
            let at = random.usize(..processes.len());
            let now = NOVEMBER + step;
            match random.u8(..10) {
                0..6 => {
                    let (which, bytes) = (random.usize(..4), random.u64(..10_000));
                    processes[at].spend(&accounts[which], bytes, now);
                    unsaved[at][which] += bytes;
                }
                6..9 => {
                    let record = processes[at].record(file.clone(), now);
                    // Bytes are counted while the disk writes.
                    let late = random.u64(..100);
                    processes[at].spend(&accounts[0], late, now);
                    // Else the disk is full.
                    if random.u8(..4) > 0 {
                        file = Some(record);
                        processes[at].recorded();
                        for (saved, unsaved) in saved.iter_mut().zip(&mut unsaved[at]) {
                            *saved += std::mem::take(unsaved);
                        }
                    }
                    unsaved[at][0] += late;
                }
                _ => {
                    // Killed: what is not recorded is lost, and nothing else.
                    processes[at] = new();
                    processes[at].record(file.clone(), now);
                    unsaved[at] = [0; 4];
                }
            }
            let of = |record: &QuotaRecord, account: &QuotaAccount| match account {
                QuotaAccount::Address(ip) => record.addresses.get(ip).copied(),
                QuotaAccount::User(name) => record.users.get(name).copied(),
                _ => unreachable!(),
            };
            if let Some(record) = &file {
                for (account, saved) in accounts.iter().zip(saved) {
                    assert_eq!(of(record, account).unwrap_or(0), saved, "seed {seed}, step {step}");
                }
                assert_eq!(record.total, saved.iter().sum::<u64>(), "seed {seed}, step {step}");
            }
            for (process, unsaved) in processes.iter().zip(&unsaved) {
                assert!(process.total() >= unsaved.iter().sum::<u64>());
                assert!(process.total() <= saved.iter().chain(unsaved).sum::<u64>());
            }
        }
    }
}
