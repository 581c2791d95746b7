//! NATs and firewalls: the address at which others see a host, and the packets that reach it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The address and port at which others see a port of a host (RFC 5382).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// Its own: a firewall, or nothing.
    Untranslated,
    /// The same one for every destination.
    EndpointIndependent,
    /// Another one for each destination.
    Symmetric,
}

/// The packets from outside that reach a port that has sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    All,
    /// Those from an address that it has sent to.
    Address,
    /// Those from an address and port that it has sent to.
    AddressAndPort,
}

/// The way from one or more hosts to the internet.
#[derive(Clone, Debug)]
pub struct Gateway {
    pub address: IpAddr,
    pub mapping: Mapping,
    pub filter: Filter,
    /// Answers what it does not let through with a reset, instead of nothing.
    pub refuses: bool,
    /// Lets hosts inside reach others inside at its own address.
    pub hairpins: bool,
    /// Its place on a line, and its distance from that line, in milliseconds.
    position: [u64; 2],
    /// The ports outside of ports inside, for each destination where that matters.
    outside: BTreeMap<(SocketAddr, Option<SocketAddr>), SocketAddr>,
    /// The packets that it expects: to a port outside, from an address.
    expected: BTreeSet<(SocketAddr, SocketAddr)>,
    last_port: u16,
    /// The number of hosts that it has had.
    hosts: u8,
}

/// The fate of a packet from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It reaches a port of a host.
    Inside(SocketAddr),
    Refused,
    Dropped,
}

impl Gateway {
    /// A host that everyone reaches at its own address.
    pub fn open(address: IpAddr, rng: &mut fastrand::Rng) -> Self {
        Self {
            address,
            mapping: Mapping::Untranslated,
            filter: Filter::All,
            refuses: rng.bool(),
            hairpins: false,
            position: [rng.u64(0..100), if rng.bool() { 0 } else { rng.u64(1..30) }],
            outside: BTreeMap::new(),
            expected: BTreeSet::new(),
            last_port: 30_000,
            hosts: 0,
        }
    }

    /// A firewall that does not translate.
    pub fn firewall(address: IpAddr, rng: &mut fastrand::Rng) -> Self {
        let filter = if rng.bool() { Filter::Address } else { Filter::AddressAndPort };
        Self { filter, ..Self::open(address, rng) }
    }

    pub fn nat(address: IpAddr, rng: &mut fastrand::Rng) -> Self {
        let (mapping, filter) = match rng.u8(0..8) {
            0 => (Mapping::EndpointIndependent, Filter::All),
            1 => (Mapping::EndpointIndependent, Filter::Address),
            2..5 => (Mapping::EndpointIndependent, Filter::AddressAndPort),
            5 => (Mapping::Symmetric, Filter::All),
            6 => (Mapping::Symmetric, Filter::Address),
            _ => (Mapping::Symmetric, Filter::AddressAndPort),
        };
        Self { mapping, filter, hairpins: rng.u8(0..8) == 0, ..Self::open(address, rng) }
    }

    pub fn translates(&self) -> bool {
        self.mapping != Mapping::Untranslated
    }

    /// Returns true if a host behind it is reached without having sent anything.
    pub fn is_open(&self) -> bool {
        self.mapping == Mapping::Untranslated && self.filter == Filter::All
    }

    /// Returns the last byte of the address of one more host inside.
    pub fn new_host(&mut self) -> u8 {
        self.hosts += 1;
        self.hosts + 1
    }

    /// A packet leaves: returns where others see it come from, and expects answers.
    pub fn leave(&mut self, from: SocketAddr, to: SocketAddr) -> SocketAddr {
        let seen = match self.mapping {
            Mapping::Untranslated => from,
            Mapping::EndpointIndependent => self.port_outside((from, None)),
            Mapping::Symmetric => self.port_outside((from, Some(to))),
        };
        if self.filter != Filter::All {
            self.expected.insert((seen, to));
        }
        seen
    }

    fn port_outside(&mut self, of: (SocketAddr, Option<SocketAddr>)) -> SocketAddr {
        let next = SocketAddr::new(self.address, self.last_port + 1);
        let seen = *self.outside.entry(of).or_insert(next);
        self.last_port = self.last_port.max(seen.port());
        seen
    }

    /// A packet arrives from outside.
    pub fn enter(&self, from: SocketAddr, to: SocketAddr) -> Entry {
        let inside = match self.mapping {
            Mapping::Untranslated => Some(to),
            _ => self.outside.iter().find(|(_, seen)| **seen == to).map(|((inside, _), _)| *inside),
        };
        let is_expected = match self.filter {
            Filter::All => true,
            Filter::Address => {
                self.expected.iter().any(|(seen, of)| *seen == to && of.ip() == from.ip())
            }
            Filter::AddressAndPort => self.expected.contains(&(to, from)),
        };
        match inside.filter(|_| is_expected) {
            Some(inside) => Entry::Inside(inside),
            None => self.deny(),
        }
    }

    /// Returns the fate of a packet that it does not let through.
    pub fn deny(&self) -> Entry {
        if self.refuses { Entry::Refused } else { Entry::Dropped }
    }

    /// A reset came back: nothing more is expected.
    pub fn was_reset(&mut self, seen: SocketAddr, remote: SocketAddr) {
        self.expected.remove(&(seen, remote));
    }

    /// Returns the time from here to another gateway. No detour is shorter.
    pub fn delay_to(&self, other: &Self) -> Duration {
        let [[own, access], [place, far]] = [self.position, other.position];
        Duration::from_millis(own.abs_diff(place) + access + far)
    }

    /// Returns the time from here to the relay.
    pub fn delay_to_relay(&self) -> Duration {
        Duration::from_millis(self.position[0] + self.position[1])
    }

    /// Returns true if the relay's answer reaches this one before a packet of the other that was told at the
    /// same moment.
    pub fn is_told_before(&self, other: &Self) -> bool {
        self.delay_to_relay() < other.delay_to_relay() + other.delay_to(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nat(mapping: Mapping, filter: Filter) -> Gateway {
        let rng = &mut fastrand::Rng::with_seed(1);
        Gateway { mapping, filter, refuses: true, ..Gateway::nat([11, 0, 0, 9].into(), rng) }
    }

    #[test]
    fn mapping_and_filter_decide_what_enters() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (inside, relay, peer) = (at("192.168.0.2:5"), at("11.0.0.1:9247"), at("11.0.0.7:40"));
        for (mapping, filter, from_peer, from_its_other_port, from_others) in [
            (Mapping::EndpointIndependent, Filter::All, true, true, true),
            (Mapping::EndpointIndependent, Filter::Address, true, true, false),
            (Mapping::EndpointIndependent, Filter::AddressAndPort, true, false, false),
            (Mapping::Symmetric, Filter::All, true, true, true),
            (Mapping::Symmetric, Filter::Address, false, false, false),
            (Mapping::Symmetric, Filter::AddressAndPort, false, false, false),
        ] {
            let mut nat = nat(mapping, filter);
            let told = nat.leave(inside, relay);
            assert_eq!(nat.enter(relay, told), Entry::Inside(inside));
            let filters = filter != Filter::All;
            assert_eq!(nat.enter(peer, told) == Entry::Refused, filters, "before it sent");
            let seen = nat.leave(inside, peer);
            assert_eq!(seen == told, mapping == Mapping::EndpointIndependent);
            assert_eq!(nat.enter(peer, seen), Entry::Inside(inside), "an answer");
            let enters = |from: &str| nat.enter(at(from), told) == Entry::Inside(inside);
            let all = [enters("11.0.0.7:40"), enters("11.0.0.7:41"), enters("11.0.0.8:40")];
            assert_eq!(
                all,
                [from_peer, from_its_other_port, from_others],
                "{mapping:?} {filter:?}"
            );
            assert_eq!(nat.enter(peer, at("11.0.0.9:1")), Entry::Refused, "a port of no host");
        }
    }

    #[test]
    fn reset_closes_the_hole() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut nat = nat(Mapping::EndpointIndependent, Filter::AddressAndPort);
        let seen = nat.leave(at("192.168.0.2:5"), at("11.0.0.7:40"));
        nat.was_reset(seen, at("11.0.0.7:40"));
        assert_eq!(nat.enter(at("11.0.0.7:40"), seen), Entry::Refused);
    }
}
