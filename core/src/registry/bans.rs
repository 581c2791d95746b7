//! What the operator keeps away: networks and nicks, for some time or until the relay ends.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use ipnet::{IpNet, Ipv6Net};

use super::networks;
use super::nicks::forms;
use crate::Nick;
use crate::addr::client_prefix;

/// The most bans at a time.
const MAX_BANS: usize = 10_000;
/// The prefix of an IPv6 client's network: one client can have any address in it.
const IPV6_PREFIX_LEN: u8 = 64;

/// Whom a ban concerns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Banned {
    /// Every client in this network.
    Network(IpNet),
    /// Every client that asks for this nick, or for one that looks like it.
    Nick(Nick),
}

impl Banned {
    /// Returns the client at this address: an IPv4 address, or the /64 of an IPv6 address.
    pub fn client(ip: IpAddr) -> Self {
        let prefix = client_prefix(ip);
        Self::Network(match prefix {
            IpAddr::V6(ip) => {
                Ipv6Net::new(ip, IPV6_PREFIX_LEN).map_or_else(|_| prefix.into(), IpNet::from)
            }
            IpAddr::V4(_) => prefix.into(),
        })
    }
}

impl fmt::Display for Banned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                network.addr().fmt(f)
            }
            Self::Network(network) => network.fmt(f),
            Self::Nick(nick) => nick.fmt(f),
        }
    }
}

/// More bans than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyBans;

impl fmt::Display for TooManyBans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "too many bans: the limit is {MAX_BANS}; lift one, or ban a whole network")
    }
}

impl core::error::Error for TooManyBans {}

/// The bans of a relay or a bridge, which are lost when it ends. Times are those of its owner.
#[derive(Clone, Debug, Default)]
pub struct Bans {
    /// The end of each ban, `None` if it has none.
    all: BTreeMap<Banned, Option<Duration>>,
    /// The banned nicks with each form.
    by_form: BTreeMap<Box<str>, Vec<Nick>>,
}

impl Bans {
    /// Adds a ban, or replaces its end. `until` is `None` for a ban without end.
    ///
    /// # Errors
    ///
    /// If there are 10,000 bans that have not ended.
    pub fn insert(
        &mut self,
        banned: Banned,
        until: Option<Duration>,
        now: Duration,
    ) -> Result<(), TooManyBans> {
        let banned = canonical(banned);
        if !self.all.contains_key(&banned) && self.all.len() >= MAX_BANS {
            self.forget_ended(now);
            if self.all.len() >= MAX_BANS {
                return Err(TooManyBans);
            }
        }
        if let Banned::Nick(nick) = &banned
            && !self.all.contains_key(&banned)
        {
            for form in forms_of(nick) {
                self.by_form.entry(form).or_default().push(nick.clone());
            }
        }
        self.all.insert(banned, until);
        Ok(())
    }

    /// Lifts a ban. Returns false if there was none for exactly this network or nick.
    pub fn remove(&mut self, banned: &Banned, now: Duration) -> bool {
        let banned = canonical(banned.clone());
        let Some(until) = self.all.remove(&banned) else { return false };
        if let Banned::Nick(nick) = &banned {
            for form in forms_of(nick) {
                if let Some(nicks) = self.by_form.get_mut(&form) {
                    nicks.retain(|other| other != nick);
                    if nicks.is_empty() {
                        self.by_form.remove(&form);
                    }
                }
            }
        }
        is_in_force(until, now)
    }

    /// Returns true if a client at this address is banned.
    pub fn bans_address(&self, ip: IpAddr, now: Duration) -> bool {
        if self.all.is_empty() {
            return false;
        }
        let whole = IpNet::from(ip.to_canonical());
        // A look-up for each length: the bans may be many.
        (0..=whole.max_prefix_len()).any(|len| {
            let network = IpNet::new(whole.addr(), len).map(|network| network.trunc());
            network.is_ok_and(|network| self.bans(&Banned::Network(network), now))
        })
    }

    /// Returns true if this nick, or one that looks like it, is banned.
    pub fn bans_nick(&self, nick: &Nick, now: Duration) -> bool {
        !self.by_form.is_empty()
            && forms_of(nick).iter().any(|form| {
                let nicks = self.by_form.get(form).into_iter().flatten();
                nicks.cloned().any(|nick| self.bans(&Banned::Nick(nick), now))
            })
    }

    /// Returns the bans in force, and when each ends.
    pub fn in_force(&self, now: Duration) -> impl Iterator<Item = (&Banned, Option<Duration>)> {
        let all = self.all.iter().map(|(banned, until)| (banned, *until));
        all.filter(move |(_, until)| is_in_force(*until, now))
    }

    fn bans(&self, banned: &Banned, now: Duration) -> bool {
        self.all.get(banned).is_some_and(|until| is_in_force(*until, now))
    }

    fn forget_ended(&mut self, now: Duration) {
        let ended = self.all.iter().filter(|(_, until)| !is_in_force(**until, now));
        let ended: Vec<_> = ended.map(|(banned, _)| banned.clone()).collect();
        for banned in ended {
            self.remove(&banned, now);
        }
    }
}

fn is_in_force(until: Option<Duration>, now: Duration) -> bool {
    until.is_none_or(|until| until > now)
}

/// Returns the one form of a ban that is stored.
fn canonical(banned: Banned) -> Banned {
    match banned {
        Banned::Network(network) => Banned::Network(networks::canonical(network)),
        Banned::Nick(_) => banned,
    }
}

/// Returns what is compared of a nick: a nick of a code is alike to itself only.
fn forms_of(nick: &Nick) -> Vec<Box<str>> {
    match nick.is_one_time() {
        true => [nick.as_str().into()].into(),
        false => forms(nick).into(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn ip(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    fn network(text: &str) -> Banned {
        Banned::Network(text.parse().expect(text))
    }

    fn nick(text: &str) -> Nick {
        Nick::parse(text).expect(text)
    }

    fn bans(all: impl IntoIterator<Item = Banned>) -> Bans {
        let mut bans = Bans::default();
        for banned in all {
            bans.insert(banned, None, NOW).expect("room");
        }
        bans
    }

    #[test]
    fn a_network_is_banned_and_its_neighbours_are_not() {
        let bans = bans([
            network("192.0.2.9/24"),
            network("2001:db8:1::/48"),
            Banned::client(ip("8.8.8.8")),
        ]);
        for banned in ["192.0.2.0", "192.0.2.255", "::ffff:192.0.2.7", "2001:db8:1:2::3", "8.8.8.8"]
        {
            assert!(bans.bans_address(ip(banned), NOW), "{banned}");
        }
        for free in ["192.0.3.0", "192.0.1.255", "2001:db8:2::", "8.8.8.9", "::1"] {
            assert!(!bans.bans_address(ip(free), NOW), "{free}");
        }
        let all = self::bans([network("0.0.0.0/0"), network("::ffff:10.0.0.0/104")]);
        assert!(all.bans_address(ip("1.2.3.4"), NOW) && !all.bans_address(ip("::1"), NOW));
        assert!(self::bans([network("::ffff:10.0.0.0/104")]).bans_address(ip("10.9.9.9"), NOW));
    }

    #[test]
    fn an_ipv6_client_is_its_64_bit_prefix() {
        let client = Banned::client(ip("2001:db8:0:1::9"));
        assert_eq!(client.to_string(), "2001:db8:0:1::/64");
        assert_eq!(Banned::client(ip("::ffff:9.9.9.9")).to_string(), "9.9.9.9");
        let bans = bans([client]);
        assert!(bans.bans_address(ip("2001:db8:0:1:ffff::"), NOW));
        assert!(!bans.bans_address(ip("2001:db8:0:2::9"), NOW));
    }

    #[test]
    fn look_alikes_of_a_nick_are_banned() {
        let mut bans = bans([Banned::Nick(nick("kim")), Banned::Nick(nick("Kim"))]);
        for banned in ["kim", "KIM", "kіm", "ｋｉｍ"] {
            assert!(bans.bans_nick(&nick(banned), NOW), "{banned}");
        }
        assert!(!bans.bans_nick(&nick("tim"), NOW));
        // Lifting one leaves the other in force, and lifting both leaves nothing.
        assert!(bans.remove(&Banned::Nick(nick("kim")), NOW));
        assert!(!bans.remove(&Banned::Nick(nick("kim")), NOW));
        assert!(bans.bans_nick(&nick("kim"), NOW));
        assert!(bans.remove(&Banned::Nick(nick("Kim")), NOW));
        assert!(!bans.bans_nick(&nick("kim"), NOW));
        assert!(bans.all.is_empty() && bans.by_form.is_empty());
    }

    #[test]
    fn a_ban_ends_and_the_number_of_bans_is_limited() {
        let mut bans = Bans::default();
        for host in 0..MAX_BANS as u32 {
            let until = Some(NOW + Duration::from_secs(1 + u64::from(host % 2)));
            bans.insert(Banned::client(host.to_be_bytes().into()), until, NOW).expect("room");
        }
        let (more, name) = (Banned::client(ip("9.9.9.9")), Banned::Nick(nick("kim")));
        assert_eq!(bans.insert(more.clone(), None, NOW), Err(TooManyBans));
        let later = NOW + Duration::from_secs(1);
        assert!(
            !bans.bans_address(ip("0.0.0.0"), later) && bans.bans_address(ip("0.0.0.1"), later)
        );
        assert_eq!(bans.in_force(later).count(), MAX_BANS / 2);
        for banned in [more, name] {
            bans.insert(banned, None, later).expect("the ended ones make room");
        }
        assert_eq!(bans.all.len(), MAX_BANS / 2 + 2);
        assert_eq!(format!("{}", bans.in_force(later).last().expect("a nick").0), "kim");
    }
}
