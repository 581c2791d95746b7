//! Where the hosts are: in one network with the relay, or elsewhere with the relay outside.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xcher_core::addr::{Scope, scope};
use xcher_core::peer::{ConnId, ListenerId, Path, Purpose};
use xcher_core::registry;

use crate::gateway::{Entry, Gateway};
use crate::host::{Due, Host};
use crate::net::{End, Use, Wire};
use crate::world::World;

const RELAY_INSIDE: [u8; 4] = [10, 0, 0, 251];
const RELAY_OUTSIDE: [u8; 4] = [11, 0, 0, 1];
const BRIDGE_INSIDE: [u8; 4] = [10, 0, 0, 252];
const BRIDGE_OUTSIDE: [u8; 4] = [11, 0, 0, 2];
/// The relay's TCP port.
pub const RELAY_PORT: u16 = 9247;

/// The place of a host in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its gateway, by number.
    pub gateway: usize,
    /// Its own address.
    pub inner: IpAddr,
    /// The address at which others see it.
    pub seen: IpAddr,
}

impl Place {
    pub fn is_behind_nat(self) -> bool {
        self.inner != self.seen
    }
}

/// The network, and the addresses that are in use.
pub struct Places {
    pub gateways: Vec<Gateway>,
    /// True if the relay is outside, and hosts are behind NATs.
    pub is_outside: bool,
    /// The number of places that hosts have had.
    places: u8,
}

impl Places {
    /// NATs for some hosts each, if the relay is outside.
    pub fn new(is_outside: bool, rng: &mut fastrand::Rng) -> Self {
        let shared = if is_outside { 2 } else { 0 };
        let nat = |number| Gateway::nat(nat_address(number), rng);
        Self { gateways: (0..shared).map(nat).collect(), is_outside, places: 0 }
    }

    /// Returns a place that no host has had yet; reachable from everywhere or not.
    pub fn settle(&mut self, is_reachable: bool, rng: &mut fastrand::Rng) -> Place {
        self.places += 1;
        let number = self.gateways.len();
        let own: IpAddr = match self.is_outside {
            true => [12, 0, 0, self.places].into(),
            false => [10, 0, 0, self.places].into(),
        };
        let new = match rng.u8(0..6) {
            _ if is_reachable => Some(Gateway::open(own, rng)),
            0 => Some(Gateway::firewall(own, rng)),
            _ if !self.is_outside => Some(Gateway::firewall(own, rng)),
            1 => Some(Gateway::nat(nat_address(number), rng)),
            _ => None,
        };
        let gateway = match new {
            Some(new) => {
                self.gateways.push(new);
                number
            }
            None => usize::from(rng.u8(0..4) == 0),
        };
        let gateway_of = &mut self.gateways[gateway];
        // Networks behind NATs use the same addresses.
        let inner = match gateway_of.translates() {
            true => [192, 168, 0, gateway_of.new_host()].into(),
            false => own,
        };
        Place { gateway, inner, seen: gateway_of.address }
    }

    pub fn relay(&self) -> SocketAddr {
        let ip = if self.is_outside { RELAY_OUTSIDE } else { RELAY_INSIDE };
        SocketAddr::new(ip.into(), RELAY_PORT)
    }

    /// Returns the address of the ports that the bridge allocates.
    pub fn bridge(&self) -> IpAddr {
        if self.is_outside { BRIDGE_OUTSIDE.into() } else { BRIDGE_INSIDE.into() }
    }

    pub fn gateway_at(&self, ip: IpAddr) -> Option<usize> {
        self.gateways.iter().position(|gateway| gateway.address == ip)
    }

    /// A packet of a host leaves for an address: returns where the other end sees it come from, the gateway
    /// that it reaches and its fate there.
    pub fn route(
        &mut self,
        from: (Place, SocketAddr),
        to: SocketAddr,
        is_inside: bool,
    ) -> (SocketAddr, Option<usize>, Entry) {
        let (place, from) = from;
        if is_inside {
            return (from, Some(place.gateway), Entry::Inside(to));
        }
        let seen = self.gateways[place.gateway].leave(from, to);
        let Some(far) = self.gateway_at(to.ip()) else {
            return (seen, None, Entry::Dropped);
        };
        let gateway = &self.gateways[far];
        let entry = match far == place.gateway && !gateway.hairpins {
            true => gateway.deny(),
            false => gateway.enter(seen, to),
        };
        (seen, Some(far), entry)
    }
}

fn nat_address(number: usize) -> IpAddr {
    [11, 0, 0, 10 + number as u8].into()
}

impl World {
    pub(crate) fn place(&self, host: usize) -> Place {
        self.hosts[host].place
    }

    /// Returns true if a host is reached without having sent anything.
    pub(crate) fn is_open(&self, host: usize) -> bool {
        self.places.gateways[self.place(host).gateway].is_open()
    }

    /// Returns the host with this address behind this gateway.
    pub(crate) fn host_at(&self, gateway: usize, ip: IpAddr) -> Option<usize> {
        let is_there = |host: &Host| host.place.gateway == gateway && host.place.inner == ip;
        self.hosts.iter().position(is_there)
    }

    /// As [`Places::route`], from a port of a host.
    pub(crate) fn route(
        &mut self,
        host: usize,
        port: u16,
        to: SocketAddr,
    ) -> (SocketAddr, Option<usize>, Entry) {
        let place = self.place(host);
        let is_inside = self.host_at(place.gateway, to.ip()).is_some();
        self.places.route((place, SocketAddr::new(place.inner, port)), to, is_inside)
    }

    /// Connects a port of a host to the relay. Returns the address at which the relay sees it.
    pub(crate) fn dial_relay(
        &mut self,
        host: usize,
        conn: ConnId,
        port: u16,
        of: Use,
    ) -> Option<SocketAddr> {
        let relay = self.places.relay();
        let (seen, ..) = self.route(host, port, relay);
        if self.relay_down_until > self.now {
            self.hosts[host].due.push(Due::ConnectFailed(conn));
            return None;
        }
        self.last_conn += 1;
        let from = End { host: Some(host), conn: conn.0 };
        let to = End { host: None, conn: self.last_conn };
        let own = SocketAddr::new(self.place(host).inner, port);
        self.wires.push(Wire::new(from, to, of, [(own, relay), (relay, seen)]));
        Some(seen)
    }

    /// Returns the time that the relay's packets need: on a rendezvous alone, where it matters.
    pub(crate) fn delay_of(&self, relay: End) -> Duration {
        let wire = self.wires.iter().find(|wire| wire.side(relay).is_some());
        match wire.filter(|wire| wire.of == Use::Rendezvous).and_then(|wire| wire.ends[0].host) {
            Some(host) => self.places.gateways[self.place(host).gateway].delay_to_relay(),
            None => Duration::ZERO,
        }
    }

    /// Returns the listener of a host at this port.
    pub(crate) fn listener_at(&self, host: usize, port: u16) -> Option<ListenerId> {
        let mut all = self.hosts[host].listeners.iter();
        // The streams of a link have ports of their own.
        all.find(|(_, open)| open.port == port && open.link.is_none()).map(|(id, _)| *id)
    }

    /// Tells the relay that the bridge allocated a port to a host.
    pub(crate) fn allocate(&mut self, host: usize, port: u16) {
        let is_link =
            |wire: &&Wire| wire.is_to_relay() && wire.ends[0].host == Some(host) && !wire.cut;
        if let Some(link) = self.wires.iter().find(is_link) {
            let conn = registry::ConnId(link.ends[1].conn);
            let at = SocketAddr::new(self.places.bridge(), port);
            self.relay_input(registry::Input::Allocated { conn, at });
        }
    }

    /// Asserts that a host may dial this address at all (sections 5.7, 5.8 and 6).
    pub(crate) fn check_dial(&self, host: usize, to: SocketAddr, path: Path, purpose: Purpose) {
        assert!(to.port() >= 1024, "a system port is dialled");
        match scope(to.ip()) {
            Scope::Global => {}
            Scope::Private if !self.places.is_outside => {}
            Scope::Private => {
                // A host that came to another network dials by what it learned in the old one.
                let all = self.hosts[host].places();
                let own: Vec<_> = all.filter(|place| place.is_behind_nat()).collect();
                assert!(!own.is_empty() && path == Path::Direct, "{to} is dialled");
                let first = |ip: IpAddr| ip.to_string().split('.').next().map(str::to_owned);
                assert_eq!(first(to.ip()), first(own[0].inner), "another private block is dialled");
                let is_one_nat = |seen: IpAddr| own.iter().any(|own| own.seen == seen);
                let of_host = |place: Place| place.inner == to.ip() && is_one_nat(place.seen);
                let mut attacks = self.attacks.iter();
                let is_attack = attacks.any(|(seen, at)| *at == to && is_one_nat(*seen));
                let is_named = self.hosts.iter().flat_map(Host::places).any(of_host)
                    || purpose == Purpose::Control && is_attack;
                assert!(is_named, "{to} is dialled, which no host behind that NAT named");
            }
            other => panic!("an address of scope {other:?} is dialled: {to}"),
        }
    }

    /// Returns a port of a host that it has not used before.
    pub(crate) fn new_port(&mut self, host: usize) -> u16 {
        let host = &mut self.hosts[host];
        host.last_port += 1;
        host.last_port
    }
}
