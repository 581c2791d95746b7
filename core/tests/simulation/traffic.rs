//! Connecting, and delivering bytes.

use std::net::SocketAddr;

use xcher_core::peer::{BatchFileEnd, ConnId, Input, Path, Purpose, ReceiveEnd, TransferId};
use xcher_core::registry;
use xcher_core::stream::Receiver;

use crate::host::{Arrived, Due};
use crate::net::{End, Flow, Life, Wire};
use crate::world::{OUTSIDER, Weather, World};

impl World {
    pub(crate) fn dial(
        &mut self,
        host: usize,
        conn: ConnId,
        (to, path): (SocketAddr, Path),
        purpose: Purpose,
    ) {
        self.check_dial(host, to, path, purpose);
        let target = self
            .hosts
            .iter()
            .position(|other| other.listeners.values().any(|(port, _)| *port == to.port()));
        let refused = self.weather == Weather::Rough && self.rng.u8(..) < 5;
        match target {
            Some(target) if !refused && self.leads_to(host, target, to, path) => {
                let listening = &self.hosts[target].listeners;
                let found = listening.values().find(|(port, _)| *port == to.port()).unwrap();
                assert_eq!(found.1, purpose, "both ends agree on the purpose of a connection");
                self.connect(End { host: Some(host), conn: conn.0 }, target, purpose);
            }
            _ => self.hosts[host].due.push(Due::ConnectFailed(conn)),
        }
        // The listener is found by its port when the connection arrives.
        if let Some(wire) = self.wires.last_mut()
            && wire.ends[0] == (End { host: Some(host), conn: conn.0 })
        {
            wire.ends[1].conn = u64::from(to.port());
            wire.dialled = Some(to.ip());
        }
    }

    pub(crate) fn connect(&mut self, from: End, target: usize, purpose: Purpose) {
        let to = End { host: Some(target), conn: 0 };
        self.wires.push(Wire::new(from, to, purpose == Purpose::Data));
    }

    /// The outgoing bytes of an end that is up.
    pub(crate) fn flow_from(&mut self, end: End) -> Option<(&mut Flow, bool)> {
        let wire = self.wires.iter_mut().find(|wire| wire.side(end).is_some())?;
        let side = wire.side(end)?;
        (wire.life[side] == Life::Up).then(|| (&mut wire.flows[side], wire.data))
    }

    pub(crate) fn pause(&mut self, end: End, pause: bool) {
        if let Some(wire) = self.wires.iter_mut().find(|wire| wire.side(end).is_some()) {
            let side = wire.side(end).unwrap();
            wire.paused[side] = pause;
        }
    }

    pub(crate) fn close(&mut self, end: End) {
        if let Some(wire) = self.wires.iter_mut().find(|wire| wire.side(end).is_some()) {
            let side = wire.side(end).unwrap();
            wire.life[side] = Life::Closed;
            wire.flows[side].closed = true;
        }
        if let Some(host) = end.host.filter(|host| *host != OUTSIDER) {
            self.hosts[host].sending.retain(|_, sending| sending.conn.0 != end.conn);
        }
    }

    pub(crate) fn is_receiving(&self, end: End) -> bool {
        end.host.is_some_and(|host| {
            host != OUTSIDER
                && self.hosts[host].received.values().any(|r| r.conn.0 == end.conn && !r.over)
        })
    }

    pub(crate) fn arrive(&mut self, index: usize, side: usize) {
        let own = self.wires[index].ends[side];
        self.wires[index].life[side] = Life::Up;
        let wire = &self.wires[index];
        let (local, remote) = self.ends_of(wire, side);
        let remote = wire.seen.unwrap_or(remote);
        match own.host {
            None => {
                let conn = registry::ConnId(own.conn);
                let from = SocketAddr::new(remote, 7);
                self.relay_input(registry::Input::Connected { conn, from });
            }
            Some(host) if side == 0 => {
                let (local, remote) = (SocketAddr::new(local, 7), SocketAddr::new(remote, 8));
                let conn = ConnId(own.conn);
                self.input(host, Input::Connected { conn, local, remote });
            }
            Some(host) => {
                let port = own.conn as u16;
                let found = self.hosts[host].listeners.iter().find(|(_, (p, _))| *p == port);
                let Some(listener) = found.map(|(listener, _)| *listener) else {
                    // The host stopped listening.
                    self.wires[index].life[side] = Life::Closed;
                    self.wires[index].cut = true;
                    return;
                };
                let conn = self.hosts[host].peer.new_conn();
                self.wires[index].ends[side].conn = conn.0;
                let (local, remote) = (SocketAddr::new(local, port), SocketAddr::new(remote, 9));
                self.input(host, Input::Accepted { listener, conn, local, remote });
            }
        }
    }

    pub(crate) fn deliver(&mut self, index: usize, side: usize) {
        let wire = &mut self.wires[index];
        let (own, other) = (wire.ends[side], wire.ends[1 - side]);
        if wire.cut {
            wire.flows[1 - side].bytes.clear();
        }
        let flow = &mut wire.flows[1 - side];
        let most = match self.rng.u8(0..3) {
            0 => 1,
            1 => self.rng.usize(1..50),
            _ => flow.bytes.len().max(1),
        };
        let piece: Vec<u8> = flow.bytes.drain(..most.min(flow.bytes.len())).collect();
        let ended = piece.is_empty();
        let (cut, data) = (wire.cut, wire.data);
        if ended {
            wire.life[side] = Life::Closed;
            wire.flows[side].closed = true;
        }
        match own.host {
            Some(OUTSIDER) => {}
            None => {
                let conn = registry::ConnId(own.conn);
                self.relay_input(match ended {
                    true => registry::Input::Closed { conn },
                    false => registry::Input::Received { conn, bytes: &piece },
                });
            }
            Some(host) if data => self.deliver_data(host, ConnId(own.conn), &piece, ended, cut),
            Some(host) => {
                let conn = ConnId(own.conn);
                self.input(
                    host,
                    match ended {
                        true => Input::Closed { conn, why: cut.then(|| "reset".into()) },
                        false => Input::Received { conn, bytes: &piece },
                    },
                );
            }
        }
        // Reports the bytes as sent.
        if let (false, false, Some(host)) = (ended, data, other.host.filter(|h| *h != OUTSIDER)) {
            self.input(host, Input::Sent { conn: ConnId(other.conn), bytes: piece.len() });
        } else if let (false, None) = (ended, other.host) {
            let (conn, bytes) = (registry::ConnId(other.conn), piece.len());
            self.relay_input(registry::Input::Sent { conn, bytes });
        }
    }

    pub(crate) fn deliver_data(
        &mut self,
        host: usize,
        conn: ConnId,
        piece: &[u8],
        ended: bool,
        cut: bool,
    ) {
        let found = self.hosts[host].received.iter_mut().find(|(_, r)| r.conn == conn && !r.over);
        let Some((transfer, receiving)) = found else { return };
        let transfer = *transfer;
        let taken = receiving.take(piece);
        self.store_batch(host, transfer);
        let Some(receiving) = self.hosts[host].received.get_mut(&transfer) else { return };
        let bytes = receiving.bytes.len() as u64;
        let mut digests = None;
        let end = match (taken, ended, cut) {
            (Err(end), ..) => end,
            (Ok(()), true, true) => ReceiveEnd::Broken("reset".into()),
            (Ok(()), true, false) => match receiving.seal.take().map(Receiver::finish) {
                Some(Err(error)) => ReceiveEnd::Broken(error.to_string().into()),
                finished => {
                    digests = finished.and_then(Result::unwrap);
                    ReceiveEnd::Eof
                }
            },
            (Ok(()), false, _) => return self.input(host, Input::Progress { transfer, bytes }),
        };
        let batch = receiving.batch.take().map(|(batch, ..)| batch.finish());
        receiving.over = true;
        let end = match batch {
            // All files of a batch are stored already.
            Some(finished) => {
                self.hosts[host].received.remove(&transfer);
                match (finished, end) {
                    (Err(error), ReceiveEnd::Eof) => ReceiveEnd::Broken(error.to_string().into()),
                    (_, end) => end,
                }
            }
            None => end,
        };
        self.close(End { host: Some(host), conn: conn.0 });
        self.input(host, Input::ReceiveEnded { transfer, bytes, digests, end });
    }

    /// Stores the files of a batch that arrived.
    fn store_batch(&mut self, host: usize, transfer: TransferId) {
        let Some(receiving) = self.hosts[host].received.get_mut(&transfer) else { return };
        let Some((_, _, came)) = &mut receiving.batch else { return };
        let mut files = Vec::new();
        for (file, how) in std::mem::take(came) {
            let end = match how {
                Arrived::Complete(bytes) => {
                    self.hosts[host].stored.push((file.transfer, file.name.clone(), bytes));
                    BatchFileEnd::Stored(file.name)
                }
                Arrived::NotSent => BatchFileEnd::Missing,
                Arrived::Corrupt => BatchFileEnd::Altered,
            };
            self.totals.batched += 1;
            files.push((file.transfer, end));
        }
        // A driver may report no progress.
        if !files.is_empty() || self.rng.u8(..) < 40 {
            self.input(host, Input::BatchProgress { transfer, files });
        }
    }

    pub(crate) fn send_more(&mut self, host: usize, transfer: TransferId) {
        let Some(sending) = self.hosts[host].sending.get_mut(&transfer) else { return };
        let end = End { host: Some(host), conn: sending.conn.0 };
        let wire = self.wires.iter_mut().find(|wire| wire.side(end).is_some());
        let broken = wire
            .as_ref()
            .is_none_or(|wire| wire.cut || wire.life[1 - wire.side(end).unwrap()] == Life::Closed);
        let rest = sending.bytes.len() - sending.sent;
        if !broken && rest > 0 {
            let piece = self.rng.usize(1..=rest.min(4000));
            let wire = wire.unwrap();
            let side = wire.side(end).unwrap();
            wire.flows[side].bytes.extend(&sending.bytes[sending.sent..sending.sent + piece]);
            sending.sent += piece;
            let bytes = sending.sent as u64;
            return self.input(host, Input::Progress { transfer, bytes });
        }
        let bytes = sending.sent as u64;
        self.hosts[host].sending.remove(&transfer);
        self.close(end);
        self.hosts[host].due.push(Due::SendEnded(transfer, bytes, broken));
    }
}
