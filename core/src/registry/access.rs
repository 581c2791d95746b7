//! Who may use the relay: lists of networks, keys and nicks that last, and nicks that belong to keys.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::net::IpAddr;

use ipnet::IpNet;

use super::networks::Networks;
use super::nick_pattern::{NickPattern, NickPatterns};
use crate::Nick;
use crate::secure::PublicKey;

/// What the operator wrote. A list of what is allowed refuses all others unless it is empty, and what is denied is
/// refused even if it is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRules {
    /// Networks of clients.
    pub allow_networks: Vec<IpNet>,
    /// Networks of clients.
    pub deny_networks: Vec<IpNet>,
    /// Keys of hosts at this relay (section 5.6).
    pub allow_keys: Vec<PublicKey>,
    /// Keys of hosts at this relay.
    pub deny_keys: Vec<PublicKey>,
    /// Nicks and those that look like them.
    pub allow_nicks: Vec<NickPattern>,
    /// Nicks and those that look like them.
    pub deny_nicks: Vec<NickPattern>,
    /// True if codes are refused: the patterns do not concern their nicks.
    pub deny_codes: bool,
    /// Nicks, with those that look like them, that only hosts with one of these keys get. They need not be allowed as
    /// well.
    pub reserved: Vec<(NickPattern, Vec<PublicKey>)>,
}

/// The same, prepared for comparison with many clients.
#[derive(Clone, Debug, Default)]
pub struct AccessLists {
    networks: Lists<Networks>,
    keys: Lists<BTreeSet<PublicKey>>,
    nicks: Lists<Patterns>,
    deny_codes: bool,
    reserved: Vec<BTreeSet<PublicKey>>,
    /// The indexes of the reservations of a nick.
    reservations: NickPatterns<usize>,
}

#[derive(Clone, Debug, Default)]
struct Lists<T> {
    allow: T,
    deny: T,
}

/// A list of patterns.
#[derive(Clone, Debug)]
struct Patterns {
    all: NickPatterns<()>,
    is_empty: bool,
}

impl Default for Patterns {
    fn default() -> Self {
        Self { all: NickPatterns::default(), is_empty: true }
    }
}

impl Patterns {
    fn matches(&self, nick: &Nick) -> bool {
        !self.is_empty && !self.all.find(nick).is_empty()
    }
}

impl<'a> FromIterator<&'a NickPattern> for Patterns {
    fn from_iter<I: IntoIterator<Item = &'a NickPattern>>(patterns: I) -> Self {
        let mut list = Self::default();
        for pattern in patterns {
            list.all.insert(pattern, ());
            list.is_empty = false;
        }
        list
    }
}

/// What the lists say of a nick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NickVerdict {
    Allowed,
    NotAllowed,
    /// It belongs to other keys, or to keys if the host has shown none.
    Reserved,
}

impl AccessLists {
    /// Prepares the rules.
    pub fn new(rules: AccessRules) -> Self {
        let AccessRules { allow_networks, deny_networks, allow_keys, deny_keys, .. } = rules;
        let mut reservations = NickPatterns::default();
        let mut reserved = Vec::new();
        for (pattern, keys) in rules.reserved {
            reservations.insert(&pattern, reserved.len());
            reserved.push(keys.into_iter().collect());
        }
        Self {
            networks: Lists {
                allow: allow_networks.into_iter().collect(),
                deny: deny_networks.into_iter().collect(),
            },
            keys: Lists {
                allow: allow_keys.into_iter().collect(),
                deny: deny_keys.into_iter().collect(),
            },
            nicks: Lists {
                allow: rules.allow_nicks.iter().collect(),
                deny: rules.deny_nicks.iter().collect(),
            },
            deny_codes: rules.deny_codes,
            reserved,
            reservations,
        }
    }

    /// Returns true if a client at this address may connect.
    pub fn allow_address(&self, ip: IpAddr) -> bool {
        let Lists { allow, deny } = &self.networks;
        !deny.contains(ip) && (allow.is_empty() || allow.contains(ip))
    }

    /// Returns true if a host needs a key that is allowed.
    pub fn need_key(&self) -> bool {
        !self.keys.allow.is_empty()
    }

    /// Returns true if something depends on the keys of hosts: a relay without a key of its own learns none.
    pub fn name_keys(&self) -> bool {
        self.need_key() || !self.keys.deny.is_empty() || !self.reserved.is_empty()
    }

    /// Returns true if something depends on nicks or keys, which a bridge alone does not know.
    pub fn concern_hosts(&self) -> bool {
        let Lists { allow, deny } = &self.nicks;
        self.name_keys() || self.deny_codes || !allow.is_empty || !deny.is_empty
    }

    /// Returns true if a host with this key, or that has shown none, may have a nick.
    pub(super) fn allow_key(&self, key: Option<PublicKey>) -> bool {
        match key {
            Some(key) if self.keys.deny.contains(&key) => false,
            Some(key) => !self.need_key() || self.keys.allow.contains(&key),
            None => !self.need_key(),
        }
    }

    /// Returns whether a host with this key may have this nick.
    pub(super) fn judge_nick(&self, nick: &Nick, key: Option<PublicKey>) -> NickVerdict {
        let (allowed, not_allowed) = (NickVerdict::Allowed, NickVerdict::NotAllowed);
        if nick.is_one_time() {
            return if self.deny_codes { not_allowed } else { allowed };
        }
        let Lists { allow, deny } = &self.nicks;
        if deny.matches(nick) {
            return not_allowed;
        }
        let reservations = self.reservations.find(nick);
        if !reservations.is_empty() {
            let mut keys = reservations.iter().filter_map(|at| self.reserved.get(*at));
            let is_own = key.is_some_and(|key| keys.any(|keys| keys.contains(&key)));
            return if is_own { allowed } else { NickVerdict::Reserved };
        }
        if allow.is_empty || allow.matches(nick) { allowed } else { not_allowed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nick(text: &str) -> Nick {
        Nick::parse(text).expect(text)
    }

    fn pattern(text: &str) -> NickPattern {
        NickPattern::parse(text).expect(text)
    }

    fn patterns(all: &[&str]) -> Vec<NickPattern> {
        all.iter().map(|text| pattern(text)).collect()
    }

    const KEY: PublicKey = PublicKey::new([1; 32]);
    const OTHER: PublicKey = PublicKey::new([2; 32]);

    #[test]
    fn without_rules_all_are_allowed() {
        let lists = AccessLists::default();
        assert!(lists.allow_address([9, 9, 9, 9].into()) && lists.allow_key(None));
        assert_eq!(lists.judge_nick(&nick("bob"), None), NickVerdict::Allowed);
        assert!(!lists.concern_hosts());
    }

    #[test]
    fn a_list_of_what_is_allowed_refuses_others_and_denial_wins() {
        let net = |text: &str| text.parse::<IpNet>().expect(text);
        let lists = AccessLists::new(AccessRules {
            allow_networks: [net("192.0.2.0/24"), net("2001:db8::/32")].into(),
            deny_networks: [net("192.0.2.128/25")].into(),
            allow_keys: [KEY, OTHER].into(),
            deny_keys: [OTHER].into(),
            allow_nicks: patterns(&["team-*"]),
            deny_nicks: patterns(&["team-x"]),
            ..AccessRules::default()
        });
        let ip = |text: &str| lists.allow_address(text.parse().expect(text));
        assert!(ip("192.0.2.1") && ip("::ffff:192.0.2.1") && ip("2001:db8::1"));
        assert!(!ip("192.0.2.200") && !ip("192.0.3.1") && !ip("::1") && !ip("::ffff:192.0.2.200"));
        assert!(lists.allow_key(Some(KEY)));
        let third = PublicKey::new([3; 32]);
        assert!(![None, Some(OTHER), Some(third)].into_iter().any(|key| lists.allow_key(key)));
        for (text, verdict) in [
            ("team-1", NickVerdict::Allowed),
            ("TEAM-2", NickVerdict::Allowed),
            ("team-x", NickVerdict::NotAllowed),
            ("tеam-x", NickVerdict::NotAllowed),
            ("bob", NickVerdict::NotAllowed),
            ("4821", NickVerdict::Allowed),
        ] {
            assert_eq!(lists.judge_nick(&nick(text), Some(KEY)), verdict, "{text}");
        }
    }

    #[test]
    fn a_reserved_nick_and_its_look_alikes_need_its_key() {
        let lists = AccessLists::new(AccessRules {
            reserved: [(pattern("bob"), [KEY].into()), (pattern("kim*"), [OTHER].into())].into(),
            allow_nicks: patterns(&["amy"]),
            deny_codes: true,
            ..AccessRules::default()
        });
        for text in ["bob", "BOB", "bоb", "ｂｏｂ"] {
            assert_eq!(lists.judge_nick(&nick(text), Some(KEY)), NickVerdict::Allowed, "{text}");
            for key in [None, Some(OTHER)] {
                assert_eq!(lists.judge_nick(&nick(text), key), NickVerdict::Reserved, "{text}");
            }
        }
        assert_eq!(lists.judge_nick(&nick("Kim-2"), Some(KEY)), NickVerdict::Reserved);
        assert_eq!(lists.judge_nick(&nick("bobby"), Some(KEY)), NickVerdict::NotAllowed);
        assert_eq!(lists.judge_nick(&nick("4821"), Some(KEY)), NickVerdict::NotAllowed);
    }

    #[test]
    fn tens_of_thousands_of_entries_are_prepared_and_compared_soon() {
        let many = 50_000u32;
        let key = |n: u32| {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&n.to_be_bytes());
            PublicKey::new(bytes)
        };
        let text = |n: u32| alloc::format!("host-{n}-");
        let lists = AccessLists::new(AccessRules {
            deny_networks: (0..many)
                .map(|n| IpNet::from(IpAddr::from((n << 8).to_be_bytes())))
                .collect(),
            allow_keys: (0..many).map(key).collect(),
            deny_nicks: (0..many).map(|n| pattern(&(text(n) + "*"))).collect(),
            ..AccessRules::default()
        });
        for n in 0..many {
            assert!(!lists.allow_address((n << 8).to_be_bytes().into()));
            assert!(lists.allow_address((n << 8 | 1).to_be_bytes().into()));
            assert!(lists.allow_key(Some(key(n))) && !lists.allow_key(Some(key(n + many))));
        }
        for n in (0..many).step_by(100) {
            let denied = nick(&(text(n) + "x"));
            assert_eq!(lists.judge_nick(&denied, None), NickVerdict::NotAllowed);
        }
        assert_eq!(lists.judge_nick(&nick("host-50000-"), None), NickVerdict::Allowed);
    }
}
