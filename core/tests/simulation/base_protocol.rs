//! Hosts that know the six packets alone: nothing else is sent to them (section 9).

use crate::net::{End, Use, Wire};
use crate::world::World;

const SIX: [&str; 5] = ["X_INIT", "X_FILELIST", "X_CHK", "X_REQUEST", "X_END"];
/// A relay's answers to what such a host asked for its nick.
const OF_RELAY: [&str; 7] = ["X_INIT", "X_NICK", "X_ADDR", "X_PING", "X_PONG", "X_ERR", "X_END"];

impl World {
    fn is_base(&self, end: End) -> bool {
        end.host.and_then(|host| self.hosts.get(host)).is_some_and(|host| host.is_base)
    }

    /// Checks what is written to such a host; returns false for what such a host does not say itself.
    pub(crate) fn passes_base_protocol(&self, from: End, bytes: &[u8]) -> bool {
        let is_caps = bytes.starts_with(b"X_CAPS ");
        let Some(wire) = self.wires.iter().find(|wire| wire.side(from).is_some()) else {
            return true;
        };
        if wire.of == Use::Control {
            self.check_base_protocol(wire, from, bytes, &SIX);
        }
        !(wire.is_to_relay() && is_caps && self.is_base(from))
    }

    /// Checks what the relay writes to such a host, and counts its X_INITs.
    pub(crate) fn relay_writes(&mut self, from: End, bytes: &[u8]) {
        let Some(wire) = self.wires.iter().find(|wire| wire.side(from).is_some()) else { return };
        self.check_base_protocol(wire, from, bytes, &OF_RELAY);
        let to = wire.ends[0].host.and_then(|host| self.hosts.get_mut(host));
        if let Some(host) = to {
            let lines = bytes.split(|byte| *byte == b'\n');
            host.inits += lines.filter(|line| line.starts_with(b"X_INIT ")).count();
        }
    }

    fn check_base_protocol(&self, wire: &Wire, from: End, bytes: &[u8], verbs: &[&str]) {
        let side = wire.side(from).unwrap();
        if !self.is_base(wire.ends[1 - side]) {
            return;
        }
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line = std::str::from_utf8(line).expect("an unencrypted line");
            let verb = line.split(' ').next().unwrap();
            assert!(verbs.contains(&verb), "a base-protocol host is sent {line:?}");
        }
    }
}
