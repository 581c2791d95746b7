//! Beginnings of files that are there already (section 14): JavaScript reads them, and their sums are
//! made here.

use xcher_core::FileName;
use xcher_core::peer::{Input, SessionId, TransferId};
use xcher_core::stream::Hasher;

use super::{Host, Outside};

/// The first bytes of a file, and their sum.
#[derive(Default)]
pub(super) struct Begun {
    pub(super) bytes: u64,
    pub(super) digest: Hasher,
}

/// A beginning that is being read, or was.
pub(super) struct Beginning {
    transfer: TransferId,
    /// How many bytes of a file that this host shares; none where it is what an earlier try left.
    expected: Option<u64>,
    begun: Begun,
}

impl<O: Outside> Host<O> {
    /// Asks for what an earlier try left, or for so many bytes of a file that is to be sent.
    pub(super) fn look(
        &mut self,
        transfer: TransferId,
        name: &FileName,
        shared: Option<(SessionId, u64)>,
    ) {
        let expected = shared.map(|(_, length)| length);
        self.beginnings.push(Beginning { transfer, expected, begun: Begun::default() });
        self.outside.look(transfer, name, shared);
    }

    /// The next bytes of a beginning. Whether it is still wanted.
    pub(super) fn add(&mut self, transfer: TransferId, piece: &[u8]) -> bool {
        let Some(at) = self.beginning(transfer) else { return false };
        let begun = &mut self.beginnings[at].begun;
        begun.digest.update(piece);
        begun.bytes += piece.len() as u64;
        true
    }

    /// All of a beginning was supplied, or it cannot be read.
    pub(super) fn beginning_read(&mut self, transfer: TransferId, read: bool) {
        let Some(at) = self.beginning(transfer) else { return };
        let Beginning { expected, begun: Begun { bytes, digest }, .. } = &self.beginnings[at];
        let (expected, bytes) = (*expected, *bytes);
        let digest = read.then(|| *digest.finalize().as_bytes());
        self.input(match expected {
            None => Input::PartialFound { transfer, has: digest.map(|digest| (bytes, digest)) },
            Some(length) => {
                let digest = digest.filter(|_| bytes == length);
                Input::Opened { transfer, digest: digest.ok_or_else(|| "it cannot be read".into()) }
            }
        });
    }

    /// What a transfer goes on from.
    pub(super) fn begun(&mut self, transfer: TransferId, from: u64) -> Begun {
        let at = self.beginning(transfer);
        let begun = at.map(|at| self.beginnings.swap_remove(at).begun);
        begun.filter(|begun| begun.bytes == from).unwrap_or_default()
    }

    /// A transfer is over, or goes on from nothing.
    pub(super) fn stop_looking(&mut self, transfer: TransferId) {
        self.beginnings.retain(|beginning| beginning.transfer != transfer);
    }

    fn beginning(&self, transfer: TransferId) -> Option<usize> {
        self.beginnings.iter().position(|beginning| beginning.transfer == transfer)
    }
}
