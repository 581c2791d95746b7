//! Delivers connections and bytes.

use xcher_core::peer::{BatchFileEnd, ConnId, Input, ListenerId, ReceiveEnd, TransferId};
use xcher_core::registry;
use xcher_core::stream::Receiver;

use crate::host::Due;
use crate::net::{End, Flow, Life};
use crate::receiving::{Arrived, Receiving};
use crate::world::{OUTSIDER, World};

impl World {
    /// The outgoing bytes of an end that is up.
    pub(crate) fn flow_from(&mut self, end: End) -> Option<(&mut Flow, bool)> {
        let wire = self.wires.iter_mut().find(|wire| wire.side(end).is_some())?;
        let side = wire.side(end)?;
        let data = wire.is_data();
        (wire.life[side] == Life::Up).then(|| (&mut wire.flows[side], data))
    }

    pub(crate) fn pause(&mut self, end: End, pause: bool) {
        if let Some(wire) = self.wires.iter_mut().find(|wire| wire.side(end).is_some()) {
            let side = wire.side(end).unwrap();
            wire.paused[side] = pause;
        }
    }

    pub(crate) fn close(&mut self, end: End) {
        self.unanswered.retain(|(host, conn, _)| Some(*host) != end.host || conn.0 != end.conn);
        if let Some(wire) = self.wires.iter_mut().find(|wire| wire.side(end).is_some()) {
            let side = wire.side(end).unwrap();
            wire.life[side] = Life::Closed;
            wire.flows[side].closed = true;
        }
        if let Some(host) = end.host.filter(|host| *host != OUTSIDER) {
            self.hosts[host].sending.retain(|_, sending| sending.conn.0 != end.conn);
            // Nothing is kept of the file of a batch that has not come whole.
            let is_batch = |of: &Receiving| of.conn.0 == end.conn && of.batch.is_some();
            self.hosts[host].received.retain(|_, of| !is_batch(of));
        }
    }

    pub(crate) fn is_receiving(&self, end: End) -> bool {
        end.host.is_some_and(|host| {
            host != OUTSIDER
                && self.hosts[host].received.values().any(|r| r.conn.0 == end.conn && !r.over)
        })
    }

    pub(crate) fn arrive(&mut self, index: usize, side: usize) {
        let wire = &mut self.wires[index];
        let own = wire.ends[side];
        let (local, remote) = wire.views[side];
        wire.life[side] = Life::Up;
        let Some(host) = own.host else {
            let conn = registry::ConnId(own.conn);
            return self.relay_input(registry::Input::Connected { conn, from: remote });
        };
        let is_dialled = side == 0 && !wire.is_link();
        if is_dialled {
            return self.input(host, Input::Connected { conn: ConnId(own.conn), local, remote });
        }
        let listener = ListenerId(own.conn);
        let is_broken = wire.is_link() && wire.cut;
        if is_broken || !self.hosts[host].listeners.contains_key(&listener) {
            // The host stopped listening.
            wire.life[side] = Life::Closed;
            wire.cut();
            return;
        }
        let conn = self.hosts[host].peer.new_conn();
        self.wires[index].ends[side].conn = conn.0;
        self.input(host, Input::Accepted { listener, conn, local, remote });
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
        let (cut, data) = (wire.cut, wire.is_data());
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
