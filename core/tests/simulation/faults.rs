//! Faults of the network and the relay, hosts that are killed, and outsiders.

use std::net::SocketAddr;
use std::time::Duration;

use xcher_core::peer::Path;
use xcher_core::registry;

use crate::net::{End, Life, Use, Wire};
use crate::world::{OUTSIDER, World, relay};

/// The most deaths of the relay in a run: hosts must get on at last.
const MAX_RELAY_DEATHS: u64 = 8;
/// The most moves of hosts in a run.
const MAX_MOVES: u64 = 20;

impl World {
    pub(crate) fn inject_fault(&mut self) {
        match self.rng.u16(..) {
            0..60 if !self.wires.is_empty() => {
                let wire = self.rng.usize(..self.wires.len());
                self.cut(wire);
                self.totals.cuts += 1;
            }
            60..100 => self.outsider(),
            100..102 if self.may_relay_die() => self.kill_relay(),
            102..104 if self.may_relay_die() => self.drain_relay(),
            104..120 => {
                let host = self.rng.usize(..self.hosts.len());
                self.kill(host);
            }
            120..150 if self.places.is_outside => self.attack(),
            1000..1080 if self.totals.moves < MAX_MOVES => {
                let host = self.rng.usize(..self.hosts.len());
                self.move_host(host);
            }
            1100..1120 if self.is_calling() => self.kill_relay(),
            1120..1180 if self.is_calling() => self.drain_relay(),
            // The moments at which the relay is needed.
            160..1000 if self.is_relay_needed() => self.kill_relay(),
            _ => {}
        }
    }

    fn may_relay_die(&self) -> bool {
        self.relay_down_until <= self.now && self.totals.relay_deaths < MAX_RELAY_DEATHS
    }

    /// Returns true while a call is under way.
    fn is_calling(&self) -> bool {
        let mut books = self.hosts.iter().flat_map(|host| host.user.sessions.values());
        self.may_relay_die() && books.any(|book| !book.open && !book.failed && !book.ended)
    }

    /// Returns true while a host waits at a rendezvous, or claims its nick.
    fn is_relay_needed(&self) -> bool {
        if !self.may_relay_die() {
            return false;
        }
        let waits = |wire: &Wire| wire.of == Use::Rendezvous && !wire.cut;
        self.wires.iter().any(waits)
            || self.hosts.iter().any(|host| !host.online && host.user.was_online)
    }

    /// The relay asks the hosts to move, to itself: it gives nobody a nick that is taken. Then it dies.
    fn drain_relay(&mut self) {
        if self.relay_stops_at.is_none() {
            let within = Duration::from_secs(self.rng.u64(0..40));
            self.totals.drains += 1;
            self.relay_stops_at = Some(self.now + within);
            self.relay_input(registry::Input::Drain { within });
        }
    }

    /// The relay dies with all that it knew, and comes back at once or later.
    pub(crate) fn kill_relay(&mut self) {
        self.relay_stops_at = None;
        self.totals.relay_deaths += 1;
        self.relay = relay(self.totals.relay_deaths);
        for wire in self.wires.iter_mut().filter(|wire| wire.ends[1].host.is_none()) {
            wire.cut();
            wire.life[1] = Life::Closed;
        }
        if self.rng.bool() {
            self.relay_down_until = self.now + Duration::from_millis(self.rng.u64(1..100_000));
        }
    }

    /// A host is in another network from now on. Its connections break, or nothing arrives any more.
    pub(crate) fn move_host(&mut self, host: usize) {
        let is_reachable = self.rng.bool();
        let place = self.places.settle(is_reachable, &mut self.rng);
        let left = std::mem::replace(&mut self.hosts[host].place, place);
        self.hosts[host].left.push(left);
        self.hosts[host].allocated.clear();
        for index in 0..self.wires.len() {
            if self.wires[index].ends.iter().any(|end| end.host == Some(host)) {
                let is_opening = self.wires[index].life.contains(&Life::Opening);
                if is_opening || self.rng.bool() {
                    self.cut(index);
                } else if !self.wires[index].cut {
                    self.wires[index].hangs = true;
                }
            }
        }
        self.punching.move_host(host);
        self.totals.moves += 1;
    }

    /// Connects an outsider to a listener.
    pub(crate) fn outsider(&mut self) {
        let mut ports = Vec::new();
        for (host, it) in self.hosts.iter().enumerate() {
            for (listener, open) in &it.listeners {
                // What a callee accepts from the caller's address is taken for the caller's.
                if open.path != Path::Punched || self.punching.is_of_caller(host, *listener) {
                    ports.push((host, *listener, open.port));
                }
            }
        }
        if ports.is_empty() {
            return;
        }
        let (host, listener, port) = ports[self.rng.usize(..ports.len())];
        self.last_conn += 1;
        let from = End { host: Some(OUTSIDER), conn: self.last_conn };
        let at = SocketAddr::new([10, 0, 0, 251].into(), 9);
        let own = SocketAddr::new(self.place(host).inner, port);
        self.connect(from, (host, listener), [(at, own), (own, at)]);
        let says: &[u8] = match self.rng.u8(0..5) {
            0 => b"GET / HTTP/1.1\r\n\r\n",
            1 => b"\x16\x03\x01\xff\xfe",
            2 => b"not bytes of a file",
            3 => b"X_FILELIST half a li",
            _ => b"",
        };
        let wire = self.wires.last_mut().unwrap();
        wire.life[0] = Life::Closed;
        wire.flows[0].bytes.extend(says);
        wire.flows[0].closed = true;
        self.totals.outsiders += 1;
    }
}
