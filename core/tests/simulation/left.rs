//! What tries that came to nothing leave of a file, and that it is not sent again.

use xcher_core::FileName;
use xcher_core::peer::TransferId;
use xcher_core::secure::PublicKey;

use crate::world::{Weather, World};

/// Whose file, which, and of what size.
pub type Whose = (PublicKey, String, u64);

/// What is there of a file that is asked for.
pub struct Found {
    pub whose: Whose,
    pub bytes: Vec<u8>,
}

impl World {
    /// Looks for what is left of a file: what was kept, now and then less of it or something else.
    pub(crate) fn look_for(&mut self, host: usize, transfer: TransferId, whose: Whose) -> u64 {
        let kept = self.hosts[host].kept.remove(&whose);
        let mut bytes = kept.or_else(|| self.left_of(&whose)).unwrap_or_default();
        match self.rng.u8(0..16) {
            0 => bytes.truncate(self.rng.usize(0..=bytes.len())),
            1 if !bytes.is_empty() => {
                let at = self.rng.usize(..bytes.len());
                bytes[at] ^= 1 << self.rng.u8(0..8);
            }
            _ => {}
        }
        let length = bytes.len() as u64;
        self.hosts[host].found.insert(transfer, Found { whose, bytes });
        length
    }

    /// What another program may have left of a file.
    fn left_of(&mut self, (from, name, size): &Whose) -> Option<Vec<u8>> {
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

    /// It goes on from there, or from the beginning. Bytes that are right are not sent again.
    pub(crate) fn go_on(&mut self, host: usize, transfer: TransferId, from: u64) -> Vec<u8> {
        let Some(Found { whose, mut bytes }) = self.hosts[host].found.remove(&transfer) else {
            assert_eq!(from, 0, "nothing was found to go on from");
            return Vec::new();
        };
        assert!(from == 0 || from == bytes.len() as u64, "all that was found, or nothing");
        let right = self
            .file_of(whose.0, &whose.1)
            .is_some_and(|file| file.len() as u64 == whose.2 && file.starts_with(&bytes));
        assert!(from == 0 || right, "what is no beginning of the file is not gone on from");
        if right {
            self.totals.right += bytes.len() as u64;
            if from == 0 {
                self.totals.again += bytes.len() as u64;
                let why = "without refusals no good byte is sent again";
                assert!(bytes.is_empty() || self.weather == Weather::Rough, "{why}");
            }
        }
        self.totals.resumed += u64::from(from > 0);
        bytes.truncate(from as usize);
        self.hosts[host].going.insert(transfer, whose);
        bytes
    }

    /// A try came to nothing: what there is stays.
    pub(crate) fn keep(&mut self, host: usize, transfer: TransferId) {
        let host = &mut self.hosts[host];
        if let Some(at) = host.opened.iter().position(|opened| *opened == transfer) {
            host.opened.swap_remove(at);
            return;
        }
        let received = host.received.remove(&transfer);
        let found = host.found.remove(&transfer);
        assert!(received.is_some() || found.is_some(), "it was being received, or looked for");
        let going = host.going.remove(&transfer);
        if let Some(Found { whose, bytes }) = found {
            host.kept.insert(whose, bytes);
        } else if let (Some(receiving), Some(whose)) = (received, going) {
            host.kept.insert(whose, receiving.bytes);
        }
    }

    /// Of which file it is: its name, its size and whose.
    pub(crate) fn whose(name: &FileName, size: u64, from: PublicKey) -> Whose {
        (from, name.as_str().to_owned(), size)
    }
}
