//! Attackers that call hosts at addresses that are not theirs.

use std::net::{IpAddr, SocketAddr};

use crate::net::{End, Life, Use, Wire};
use crate::world::{OUTSIDER, World};

impl World {
    /// Connects an attacker to the relay from any place, which calls hosts at addresses that are not its own.
    pub(crate) fn attack(&mut self) {
        let place = self.rng.usize(..self.hosts.len());
        // Some attackers share the NAT of a host.
        let seen = match self.place(place) {
            place if place.is_behind_nat() && self.rng.bool() => place.seen,
            _ => [12, 0, 1, 1].into(),
        };
        let number = self.rng.u32(..);
        let mut says = format!("X_NICK evil-{number}\nX_CAPS from ticket near meet\n");
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
            for _ in 0..self.rng.usize(0..8) {
                says += &format!("X_MEET host{victim}\n");
            }
        }
        if self.rng.u8(0..8) == 0 {
            // A rendezvous by an invitation that is not its own.
            says = "X_MEET AAAAAAAAAAAAAAAAAAAAAA==\n".to_owned();
        }
        self.last_conn += 1;
        let from = End { host: Some(OUTSIDER), conn: self.last_conn };
        self.last_conn += 1;
        let relay = End { host: None, conn: self.last_conn };
        let (own, to) = (SocketAddr::new(seen, 7), self.places.relay());
        let mut wire = Wire::new(from, relay, Use::Relay, [(own, to), (to, own)]);
        wire.life[0] = Life::Closed;
        wire.flows[0].bytes.extend(says.into_bytes());
        // The relay closes one that stays and says nothing more.
        wire.flows[0].closed = self.rng.bool();
        self.wires.push(wire);
        self.totals.attacks += 1;
    }
}
