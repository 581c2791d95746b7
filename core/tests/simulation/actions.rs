//! The actions of the hosts, as their drivers carry them out.

use std::net::IpAddr;

use xcher_core::peer::{Action, ConnId, ListenerId, Path, Purpose};
use xcher_core::secure::record;
use xcher_core::stream::{Hasher, Seal};

use crate::host::{Due, Listening, Sending, size_of};
use crate::net::{End, Use};
use crate::places::Place;
use crate::receiving::Receiving;
use crate::world::{Weather, World};

impl World {
    pub fn act(&mut self, host: usize, action: Action) {
        let end = |conn: ConnId| End { host: Some(host), conn: conn.0 };
        match action {
            Action::DialRelay { conn } => {
                let port = self.new_port(host);
                self.dial_relay(host, conn, port, Use::Relay);
            }
            Action::DialRendezvous { conn, listener, port } => {
                self.dial_rendezvous(host, conn, listener, port);
            }
            Action::Punch { listener, to, is_caller } => self.punch(host, listener, to, is_caller),
            Action::Dial { conn, to, path: Path::Punched, link: Some(control), .. } => {
                self.dial_over_link(host, conn, to, control);
            }
            Action::Dial { conn, to, path, purpose, .. } => {
                self.dial(host, conn, (to, path), purpose);
            }
            Action::Listen { listener, ip, path, purpose, link } => {
                self.listen(host, (listener, ip), path, purpose, link);
            }
            Action::StopListening { listener } => {
                self.hosts[host].listeners.remove(&listener);
                self.punching.close(host, listener);
            }
            Action::Write { conn, bytes } => {
                if !self.passes_base_protocol(end(conn), &bytes) {
                    return;
                }
                let (flow, data) = self.flow_from(end(conn)).expect("a connection to write to");
                assert!(!data, "a packet was written to a data connection");
                flow.bytes.extend(bytes);
            }
            Action::Pause { conn } => self.pause(end(conn), true),
            Action::Resume { conn } => self.pause(end(conn), false),
            Action::Close { conn } => self.close(end(conn)),
            Action::Link { .. } => unreachable!("no host makes links"),
            Action::List { session } => {
                let due = self.hosts[host].list(session, &mut self.rng);
                self.hosts[host].due.push(due);
            }
            Action::Find { session, name } => {
                let bytes = self.hosts[host].files.get(name.as_str());
                let size = bytes.map(|bytes| size_of(name.as_str(), bytes));
                self.hosts[host].due.push(Due::Found(session, size));
            }
            Action::FindPartial { transfer, name, size, from } => {
                let length = self.find_partial(host, transfer, Self::file_id(&name, size, from));
                let left = &self.hosts[host].found[&transfer].bytes;
                let has = (length > 0).then(|| (length, *blake3::hash(left).as_bytes()));
                self.hosts[host].due.push(Due::PartialFound(transfer, has));
            }
            Action::Open { transfer, name, size, length, .. } => {
                let file = &self.hosts[host].files[name.as_str()];
                assert_eq!(size, file.len() as u64);
                let digest = *blake3::hash(&file[..length as usize]).as_bytes();
                self.hosts[host].opened.push(transfer);
                self.hosts[host].due.push(Due::Opened(transfer, digest));
            }
            Action::Send { transfer, conn, name, size, from, seal } => {
                assert_eq!(size, size_of(name.as_str(), &self.hosts[host].files[name.as_str()]));
                let mut bytes = self.hosts[host].content(&name, &mut self.rng);
                let from = bytes.len().min(from as usize);
                if let (true, 1.., Some(last)) =
                    (self.hosts[host].liar, from, bytes.len().checked_sub(1))
                    && from < last
                {
                    // The file changed: the partial file is not its beginning.
                    bytes[0] ^= 1;
                    bytes[last] ^= 1;
                }
                let bytes = match seal {
                    Some(seal) => sealed(&bytes, from, seal, &mut self.rng),
                    None => bytes[from..].to_vec(),
                };
                self.hosts[host].sending.insert(transfer, Sending { conn, bytes, sent: 0 });
            }
            Action::Receive { transfer, conn, name, size, from, seal } => {
                let bytes = self.begin_receiving(host, transfer, from);
                let begun = Hasher::new().update(&bytes).clone();
                let receiving = Receiving {
                    conn,
                    bytes,
                    limit: size.limit(),
                    batch: None,
                    seal: seal.map(|seal| seal.receiver(begun).unwrap()),
                    name,
                    over: false,
                };
                self.hosts[host].received.insert(transfer, receiving);
            }
            Action::SendBatch { transfer, conn, files, seal } => {
                let mut sender = seal.batch_sender().unwrap();
                let mut bytes = Vec::new();
                for (name, size) in files {
                    let content = self.hosts[host].content(&name, &mut self.rng);
                    let there = self.hosts[host].files.contains_key(name.as_str())
                        && content.len() as u64 == size;
                    sender.file(there.then_some(&content[..]), &mut bytes).unwrap();
                }
                sender.finish(&mut bytes).unwrap();
                self.hosts[host].sending.insert(transfer, Sending { conn, bytes, sent: 0 });
            }
            Action::ReceiveBatch { transfer, conn, files, seal } => {
                let sizes = files.iter().map(|file| file.size).collect();
                let receiving = Receiving {
                    conn,
                    bytes: Vec::new(),
                    limit: 0,
                    batch: Some((seal.batch_receiver(sizes).unwrap(), files.clone(), Vec::new())),
                    seal: None,
                    name: files[0].name.clone(),
                    over: false,
                };
                self.hosts[host].received.insert(transfer, receiving);
            }
            Action::Pin { nick, key } => self.hosts[host].pins.push((nick, key)),
            Action::RelayVerified { .. } => {}
            Action::Store { transfer, .. } => {
                let fails = self.weather == Weather::Rough && self.rng.u8(..) < 5;
                let due = if fails { Due::StoreFailed(transfer) } else { Due::Stored(transfer) };
                self.hosts[host].due.push(due);
            }
            Action::Abandon { transfer } => self.abandon(host, transfer),
            Action::Notify(event) => {
                self.hosts[host].notify(&event);
                self.record(host, &event);
            }
        }
    }

    fn listen(
        &mut self,
        host: usize,
        (listener, ip): (ListenerId, IpAddr),
        path: Path,
        purpose: Purpose,
        link: Option<ConnId>,
    ) {
        let is_own_of =
            |place: Place| ip == place.inner || ip.is_unspecified() && place.is_behind_nat();
        let is_own = path == Path::Bridge || self.hosts[host].places().any(is_own_of);
        assert!(is_own, "a host listens at another address");
        let is_of_link = path == Path::Punched && purpose == Purpose::Data;
        // Without a connection to the relay, no tunnel can be named either.
        assert!(link.is_some() || !is_of_link);
        assert!(link.is_none() || is_of_link || path == Path::Bridge);
        let link = link.filter(|_| is_of_link);
        let fails = self.weather == Weather::Rough && self.rng.u8(..) < 3;
        if fails {
            return self.hosts[host].due.push(Due::ListenFailed(listener));
        }
        let port = if path == Path::Bridge {
            self.last_allocated += 1;
            self.hosts[host].allocated.insert(self.last_allocated);
            self.last_allocated
        } else {
            self.new_port(host)
        };
        let open = Listening { port, purpose, path, link };
        self.hosts[host].listeners.insert(listener, open);
        self.hosts[host].due.push(Due::Listening(listener, port));
    }
}

/// A file's bytes as they cross an encrypted data connection, in records of any length.
fn sealed(bytes: &[u8], from: usize, seal: Seal, rng: &mut fastrand::Rng) -> Vec<u8> {
    let (begun, mut bytes) = bytes.split_at(from);
    let mut sender = seal.sender(Hasher::new().update(begun).clone()).unwrap();
    let mut sealed = Vec::new();
    while !bytes.is_empty() {
        // Often the length of a digest.
        let length = if rng.bool() { 32 } else { rng.usize(1..5000) };
        let (piece, rest) = bytes.split_at(length.min(bytes.len()));
        let mut record = vec![0; record::HEAD_LEN];
        record.extend(piece);
        record.extend([0; record::TAG_LEN]);
        sender.seal(&mut record).unwrap();
        sealed.extend(record);
        bytes = rest;
    }
    sealed.extend(sender.finish().unwrap());
    sealed
}
