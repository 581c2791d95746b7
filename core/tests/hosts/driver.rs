//! The driver's part: a host's files, and the bytes in its data connections.

use std::collections::BTreeMap;

use xcher_core::peer::{Action, ConnId, Input, ReceiveEnd, TransferId};
use xcher_core::secure::record;
use xcher_core::stream::{Hasher, Receiver, Seal};
use xcher_core::{FileName, Kind, Size};

use crate::net::Net;

pub(crate) struct Receiving {
    conn: ConnId,
    name: FileName,
    bytes: Vec<u8>,
    seal: Option<Receiver>,
}

impl Net {
    pub(crate) fn drive(&mut self, at: usize, action: Action) {
        let host = &mut self.hosts[at];
        match action {
            Action::List { session } => {
                host.looked_up += 1;
                self.answer(at, Input::Entries { session, entries: Vec::new(), done: true });
            }
            Action::Find { session, name } => {
                host.looked_up += 1;
                let size =
                    host.files.get(name.as_str()).map(|file| size_of(&name, file.len() as u64));
                self.give(at, Input::Found { session, size, kind: Kind::File });
            }
            Action::FindPartial { transfer, name, from, .. } => {
                host.partial_keys.push(from);
                let left = host.partials.get(name.as_str());
                let has = left.map(|left| (left.len() as u64, *blake3::hash(left).as_bytes()));
                self.answer(at, Input::PartialFound { transfer, has });
            }
            Action::Open { transfer, name, size, length, .. } => {
                let file = host.files.get(name.as_str()).filter(|file| file.len() as u64 == size);
                let file = file.filter(|_| !host.unreadable.contains(name.as_str()));
                let digest = file.map(|file| *blake3::hash(&file[..length as usize]).as_bytes());
                let digest = digest.ok_or_else(|| "it cannot be read".into());
                self.answer(at, Input::Opened { transfer, digest });
            }
            // A file that never progresses.
            Action::Send { transfer, conn, name, .. } if name.as_str().ends_with(", idle") => {
                host.sending.insert(conn, transfer);
            }
            Action::Send { transfer, conn, name, size, from, seal } => {
                let file = host.files[name.as_str()].clone();
                let length = file.len() as u64;
                assert_eq!(size, size_of(&name, length));
                host.sent += length - from;
                let bytes = sealed(&file, from as usize, seal);
                self.give(at, Input::Progress { transfer, bytes: length });
                if let Some(end) = self.other_end(at, conn) {
                    self.data.insert(end, bytes);
                    self.receive(end.0);
                }
                self.give(
                    at,
                    Input::SendEnded { transfer, bytes: length, unsent: Vec::new(), why: None },
                );
            }
            Action::Receive { transfer, conn, name, from, seal, .. } => {
                let mut bytes = host.partials.get(name.as_str()).cloned().unwrap_or_default();
                bytes.truncate(from as usize);
                assert_eq!(bytes.len() as u64, from, "the bytes before the offset exist");
                let begun = Hasher::new().update(&bytes).clone();
                let seal = seal.map(|seal| seal.receiver(begun).unwrap());
                host.receiving.insert(transfer, Receiving { conn, name, bytes, seal });
                self.receive(at);
            }
            Action::Store { transfer, .. } if host.delays_storing => host.unstored.push(transfer),
            Action::Store { transfer, .. } => {
                let Receiving { name, bytes, .. } = host.receiving.remove(&transfer).unwrap();
                host.partials.remove(name.as_str());
                host.stored.insert(name.as_str().to_owned(), bytes);
                self.give(at, Input::Stored { transfer, name });
            }
            Action::Abandon { transfer } => {
                host.abandoned.push(transfer);
                if let Some(Receiving { name, bytes, .. }) = host.receiving.remove(&transfer) {
                    host.partials.insert(name.as_str().to_owned(), bytes);
                }
            }
            other => panic!("unexpected action {other:?}"),
        }
    }

    /// A data connection breaks: reports the transfer that it carried.
    pub(crate) fn break_data(&mut self, at: usize, broken: ConnId) {
        let mut receiving = self.hosts[at].receiving.iter();
        let found = receiving.find(|(_, receiving)| receiving.conn == broken);
        if let Some((&transfer, receiving)) = found {
            let (bytes, end) = (receiving.bytes.len() as u64, ReceiveEnd::Broken("cut".into()));
            self.give(at, Input::ReceiveEnded { transfer, bytes, digests: None, end });
        } else if let Some(&transfer) = self.hosts[at].sending.get(&broken) {
            let why = Some("cut".into());
            self.give(at, Input::SendEnded { transfer, bytes: 0, unsent: Vec::new(), why });
        }
    }

    /// Gives the answer of a disk, later if the disk is slow.
    fn answer(&mut self, at: usize, input: Input<'static>) {
        match self.hosts[at].slow {
            true => self.hosts[at].held.push(input),
            false => self.give(at, input),
        }
    }

    /// Hands received bytes to the transfers that are ready for them.
    fn receive(&mut self, at: usize) {
        let mut ends: BTreeMap<TransferId, Input<'static>> = BTreeMap::new();
        for (transfer, receiving) in &mut self.hosts[at].receiving {
            let Some(came) = self.data.remove(&(at, receiving.conn)) else { continue };
            let (mut digests, mut end) = (None, ReceiveEnd::Eof);
            match receiving.seal.take() {
                None => receiving.bytes.extend(came),
                Some(mut seal) => {
                    let mut rest = &came[..];
                    while let Some((before, text)) = seal.receive(&mut rest).unwrap() {
                        receiving.bytes.extend(before.iter().flatten());
                        receiving.bytes.extend(text);
                    }
                    match seal.finish() {
                        Ok(both) => digests = both,
                        Err(error) => end = ReceiveEnd::Broken(error.to_string().into()),
                    }
                }
            }
            let (transfer, bytes) = (*transfer, receiving.bytes.len() as u64);
            ends.insert(transfer, Input::ReceiveEnded { transfer, bytes, digests, end });
        }
        for input in ends.into_values() {
            self.give(at, input);
        }
    }
}

/// The size of a file as listed; unknown for a pipe.
fn size_of(name: &FileName, length: u64) -> Size {
    if name.as_str().starts_with("pipe") { Size::UNKNOWN } else { Size::Exact(length) }
}

fn sealed(file: &[u8], from: usize, seal: Option<Seal>) -> Vec<u8> {
    let (begun, rest) = file.split_at(from);
    let Some(seal) = seal else { return rest.to_vec() };
    let mut sender = seal.sender(Hasher::new().update(begun).clone()).unwrap();
    let mut sealed = Vec::new();
    for piece in rest.chunks(100) {
        let mut record = [&[0; record::HEAD_LEN], piece, &[0; record::TAG_LEN]].concat();
        sender.seal(&mut record).unwrap();
        sealed.extend(record);
    }
    sealed.extend(sender.finish().unwrap());
    sealed
}
