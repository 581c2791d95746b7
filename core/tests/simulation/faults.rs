//! Faults of the network, hosts that are killed, and outsiders.

use crate::net::{End, Life};
use crate::world::{OUTSIDER, World, relay};

impl World {
    pub(crate) fn inject_fault(&mut self) {
        match self.rng.u16(..) {
            0..60 if !self.wires.is_empty() => {
                let wire = self.rng.usize(..self.wires.len());
                self.wires[wire].cut = true;
                self.totals.cuts += 1;
            }
            60..100 => self.outsider(),
            100..104 => {
                self.relay = relay();
                for wire in self.wires.iter_mut().filter(|wire| wire.ends[1].host.is_none()) {
                    wire.cut = true;
                    wire.life[1] = Life::Closed;
                }
            }
            120..150 if self.is_outside => self.attack(),
            104..120 => {
                let host = self.rng.usize(..self.hosts.len());
                self.kill(host);
            }
            _ => {}
        }
    }

    /// Connects an outsider to a listener.
    pub(crate) fn outsider(&mut self) {
        let ports: Vec<_> = self
            .hosts
            .iter()
            .enumerate()
            .flat_map(|(host, h)| {
                h.listeners.values().map(move |(port, purpose)| (host, *port, *purpose))
            })
            .collect();
        if ports.is_empty() {
            return;
        }
        let (host, port, purpose) = ports[self.rng.usize(..ports.len())];
        self.last_conn += 1;
        let from = End { host: Some(OUTSIDER), conn: self.last_conn };
        self.connect(from, host, purpose);
        let says: &[u8] = match self.rng.u8(0..5) {
            0 => b"GET / HTTP/1.1\r\n\r\n",
            1 => b"\x16\x03\x01\xff\xfe",
            2 => b"not bytes of a file",
            3 => b"X_FILELIST half a li",
            _ => b"",
        };
        let wire = self.wires.last_mut().unwrap();
        wire.ends[1].conn = u64::from(port);
        wire.life[0] = Life::Closed;
        wire.flows[0].bytes.extend(says);
        wire.flows[0].closed = true;
        self.totals.outsiders += 1;
    }
}
