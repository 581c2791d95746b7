//! Where the hosts are: in one network with the relay, or behind NATs with the relay outside; and the dials
//! that must not happen.

use std::net::{IpAddr, SocketAddr};

use xcher_core::addr::{Scope, scope};
use xcher_core::peer::{Path, Purpose};
use xcher_core::registry;

use crate::net::{End, Life, Wire};
use crate::world::{OUTSIDER, World};

const RELAY_INSIDE: [u8; 4] = [10, 0, 0, 251];
const RELAY_OUTSIDE: [u8; 4] = [11, 0, 0, 1];
const BRIDGE_INSIDE: [u8; 4] = [10, 0, 0, 252];
const BRIDGE_OUTSIDE: [u8; 4] = [11, 0, 0, 2];

/// The place of a host in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its own address.
    pub inner: IpAddr,
    /// The address at which others see it, its NAT's if it is behind one.
    pub seen: IpAddr,
}

impl Place {
    /// The place of a host in one network with the relay.
    pub fn inside(host: usize) -> Self {
        let ip = [10, 0, 0, host as u8 + 1].into();
        Self { inner: ip, seen: ip }
    }

    /// A place where the relay is outside. NATs are numbered from 1; 0 is the internet itself.
    pub fn outside(host: usize, nat: u8) -> Self {
        let own = host as u8 + 1;
        let inner = match nat {
            0 => [12, 0, 0, own],
            nat => [192, 168, nat, own],
        };
        let seen = if nat == 0 { inner } else { nat_address(nat) };
        Self { inner: inner.into(), seen: seen.into() }
    }

    pub fn is_behind_nat(self) -> bool {
        self.inner != self.seen
    }
}

fn nat_address(nat: u8) -> [u8; 4] {
    [11, 0, 0, 10 + nat]
}

impl World {
    pub(crate) fn place(&self, host: usize) -> Place {
        match self.hosts.get(host) {
            Some(host) => host.place,
            None => Place::inside(OUTSIDER),
        }
    }

    pub(crate) fn relay_address(&self) -> IpAddr {
        if self.is_outside { RELAY_OUTSIDE.into() } else { RELAY_INSIDE.into() }
    }

    /// Returns the address of the ports that the bridge allocates.
    pub(crate) fn bridge_address(&self) -> IpAddr {
        if self.is_outside { BRIDGE_OUTSIDE.into() } else { BRIDGE_INSIDE.into() }
    }

    /// Tells the relay that the bridge allocated a port to a host.
    pub(crate) fn allocate(&mut self, host: usize, port: u16) {
        let is_link = |wire: &&Wire| {
            wire.ends[0].host == Some(host) && wire.ends[1].host.is_none() && !wire.cut
        };
        if let Some(link) = self.wires.iter().find(is_link) {
            let conn = registry::ConnId(link.ends[1].conn);
            let at = SocketAddr::new(self.bridge_address(), port);
            self.relay_input(registry::Input::Allocated { conn, at });
        }
    }

    /// Returns true if a connection leads from one host to the other at this address.
    pub(crate) fn leads_to(&self, from: usize, target: usize, to: SocketAddr, path: Path) -> bool {
        let (from, place) = (self.place(from), self.place(target));
        let target = &self.hosts[target];
        if target.allocated.contains(&to.port()) {
            return to.ip() == self.bridge_address();
        }
        let is_neighbour = path == Path::Direct && from.seen == place.seen;
        let is_inside = place.is_behind_nat() && is_neighbour && to.ip() == place.inner;
        is_inside || !target.behind_nat && to.ip() == place.seen
    }

    /// Returns the two addresses of a connection, as one of its ends sees them.
    pub(crate) fn ends_of(&self, wire: &Wire, side: usize) -> (IpAddr, IpAddr) {
        let place = |end: End| end.host.map_or(Place::inside(OUTSIDER), |host| self.place(host));
        let [from, to] = wire.ends.map(place);
        let dialled = match wire.ends[1].host {
            None => self.relay_address(),
            Some(_) => wire.dialled.unwrap_or(to.inner),
        };
        let is_inside = from.is_behind_nat() && dialled == to.inner && wire.ends[1].host.is_some();
        match side {
            0 => (from.inner, dialled),
            _ => (dialled, if is_inside { from.inner } else { from.seen }),
        }
    }

    /// Asserts that a host may dial this address at all (sections 5.7 and 6).
    pub(crate) fn check_dial(&self, host: usize, to: SocketAddr, path: Path, purpose: Purpose) {
        assert!(to.port() >= 1024, "a system port is dialled");
        let own = self.place(host);
        match scope(to.ip()) {
            Scope::Global => {}
            Scope::Private if !self.is_outside => {}
            Scope::Private => {
                assert!(
                    own.is_behind_nat() && path == Path::Direct,
                    "{to} is dialled from {own:?}"
                );
                let first = |ip: IpAddr| ip.to_string().split('.').next().map(str::to_owned);
                assert_eq!(first(to.ip()), first(own.inner), "another private block is dialled");
                let of_host = |other: &crate::host::Host| {
                    other.place.inner == to.ip() && other.place.seen == own.seen
                };
                let is_named = self.hosts.iter().any(of_host)
                    || purpose == Purpose::Control && self.attacks.contains(&(own.seen, to));
                assert!(is_named, "{to} is dialled, which no host behind that NAT named");
            }
            other => panic!("an address of scope {other:?} is dialled: {to}"),
        }
    }

    /// Connects an attacker to the relay from any place, which calls hosts at addresses that are not its own.
    pub(crate) fn attack(&mut self) {
        let nat = self.rng.u8(0..3);
        let seen = Place::outside(OUTSIDER, nat).seen;
        let number = self.rng.u32(..);
        let mut says = format!("X_NICK evil-{number}\nX_CAPS from ticket near\n");
        for _ in 0..self.rng.usize(1..6) {
            let victim = self.rng.usize(..self.hosts.len());
            let ip: IpAddr = match self.rng.u8(0..10) {
                0 => [127, 0, 0, 1].into(),
                1 => [169, 254, 169, 254].into(),
                2 => [172, 17, 0, 2].into(),
                3 => [100, 64, 0, 1].into(),
                4 => "fd00::1".parse().unwrap(),
                5 => [192, 168, 1, 77].into(),
                6 => [10, 2, 0, 77].into(),
                7 => [12, 0, 0, 1].into(),
                _ => self.place(victim).inner,
            };
            // No host listens there.
            let to = SocketAddr::new(ip, if self.rng.bool() { 19_999 } else { 22 });
            self.attacks.push((seen, to));
            says += &format!("X_INIT host{victim} {seen} 19999\n");
            says += &format!("X_INIT host{victim} {ip} {}\n", to.port());
        }
        self.last_conn += 1;
        let from = End { host: Some(OUTSIDER), conn: self.last_conn };
        self.last_conn += 1;
        let relay = End { host: None, conn: self.last_conn };
        let mut wire = Wire::new(from, relay, false);
        wire.life[0] = Life::Closed;
        wire.flows[0].bytes.extend(says.into_bytes());
        wire.flows[0].closed = true;
        wire.seen = Some(seen);
        self.wires.push(wire);
        self.totals.attacks += 1;
    }
}
