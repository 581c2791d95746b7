//! Partial files of failed attempts, whose correct bytes must not be sent again.

use xcher_core::FileName;
use xcher_core::peer::TransferId;
use xcher_core::secure::PublicKey;

use crate::world::{Weather, World};

/// The provider's key, the name and the size of a file.
pub type FileId = (PublicKey, String, u64);

/// The bytes that exist of a requested file.
pub struct Found {
    pub id: FileId,
    pub bytes: Vec<u8>,
}

impl World {
    /// Looks up the partial file, now and then a shorter or a wrong one. Returns its length.
    pub(crate) fn find_partial(&mut self, host: usize, transfer: TransferId, id: FileId) -> u64 {
        let partial = self.hosts[host].partials.remove(&id);
        let mut bytes = partial.or_else(|| self.foreign_partial(&id)).unwrap_or_default();
        match self.rng.u8(0..16) {
            0 => bytes.truncate(self.rng.usize(0..=bytes.len())),
            1 if !bytes.is_empty() => {
                let at = self.rng.usize(..bytes.len());
                bytes[at] ^= 1 << self.rng.u8(0..8);
            }
            _ => {}
        }
        let length = bytes.len() as u64;
        self.hosts[host].found.insert(transfer, Found { id, bytes });
        length
    }

    /// A partial file that another program may have left.
    fn foreign_partial(&mut self, (from, name, size): &FileId) -> Option<Vec<u8>> {
        let mut bytes = self.file_of(*from, name)?.clone();
        if self.rng.bool() || bytes.len() as u64 != *size {
            return None;
        }
        bytes.truncate(self.rng.usize(0..=bytes.len()));
        Some(bytes)
    }

    fn file_of(&self, key: PublicKey, name: &str) -> Option<&Vec<u8>> {
        self.hosts.iter().find(|host| host.shown.contains(&key))?.files.get(name)
    }

    /// Begins to receive at an offset, and checks that correct bytes are not sent again.
    pub(crate) fn begin_receiving(
        &mut self,
        host: usize,
        transfer: TransferId,
        from: u64,
    ) -> Vec<u8> {
        let Some(Found { id, mut bytes }) = self.hosts[host].found.remove(&transfer) else {
            assert_eq!(from, 0, "resumed without a partial file");
            return Vec::new();
        };
        assert!(
            from == 0 || from == bytes.len() as u64,
            "resumed from another offset than the partial file has"
        );
        let right = self
            .file_of(id.0, &id.1)
            .is_some_and(|file| file.len() as u64 == id.2 && file.starts_with(&bytes));
        assert!(from == 0 || right, "resumed from a wrong beginning");
        if right {
            self.totals.correct += bytes.len() as u64;
            if from == 0 {
                self.totals.resent += bytes.len() as u64;
                let why = "correct bytes were sent again without a refusal";
                assert!(bytes.is_empty() || self.weather == Weather::Rough, "{why}");
            }
        }
        self.totals.resumed += u64::from(from > 0);
        bytes.truncate(from as usize);
        self.hosts[host].resumable.insert(transfer, id);
        bytes
    }

    /// Keeps the partial file of a failed attempt.
    pub(crate) fn abandon(&mut self, host: usize, transfer: TransferId) {
        let host = &mut self.hosts[host];
        if let Some(at) = host.opened.iter().position(|opened| *opened == transfer) {
            host.opened.swap_remove(at);
            return;
        }
        let received = host.received.remove(&transfer);
        let found = host.found.remove(&transfer);
        assert!(received.is_some() || found.is_some(), "abandoned a transfer without a file");
        let id = host.resumable.remove(&transfer);
        if let Some(Found { id, bytes }) = found {
            host.partials.insert(id, bytes);
        } else if let (Some(receiving), Some(id)) = (received, id) {
            host.partials.insert(id, receiving.bytes);
        }
    }

    /// Identifies a file.
    pub(crate) fn file_id(name: &FileName, size: u64, from: PublicKey) -> FileId {
        (from, name.as_str().to_owned(), size)
    }
}
