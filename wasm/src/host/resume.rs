//! The first bytes of files (section 14): JavaScript reads them, and this module computes their digests.

use xcher_core::FileName;
use xcher_core::peer::{Input, SessionId, TransferId};
use xcher_core::stream::Hasher;

use super::{Environment, Host};

/// The first bytes of a file, and their digest.
#[derive(Default)]
pub(super) struct Prefix {
    pub(super) bytes: u64,
    pub(super) digest: Hasher,
}

/// A prefix that JavaScript is reading or has read.
pub(super) struct PrefixRead {
    transfer: TransferId,
    /// Length to be read of a shared file; `None` for a partial file, which is read to its end.
    expected: Option<u64>,
    prefix: Prefix,
}

impl<E: Environment> Host<E> {
    /// Takes the end of the prefix that [`Environment::read_prefix`] or [`Environment::read_partial`] asked
    /// for: `complete` if all of it was supplied, false if it cannot be read.
    pub fn prefix_end(&mut self, transfer: TransferId, complete: bool) {
        if let Some(at) = self.prefix_of(transfer) {
            let PrefixRead { expected, prefix: Prefix { bytes, digest }, .. } = &self.prefixes[at];
            let (expected, bytes) = (*expected, *bytes);
            let digest = complete.then(|| *digest.finalize().as_bytes());
            self.input(match expected {
                None => Input::PartialFound { transfer, has: digest.map(|digest| (bytes, digest)) },
                Some(length) => {
                    let digest = digest.filter(|_| bytes == length);
                    let digest = digest.ok_or_else(|| "it cannot be read".into());
                    Input::Opened { transfer, digest }
                }
            });
        }
        self.turn();
    }

    /// Starts to read the first `length` bytes of a shared file.
    pub(super) fn read_prefix(
        &mut self,
        transfer: TransferId,
        session: SessionId,
        name: &FileName,
        length: u64,
    ) {
        self.expect_prefix(transfer, Some(length));
        self.environment.read_prefix(transfer, session, name, length);
    }

    /// Starts to read the partial file of a transfer.
    pub(super) fn read_partial(&mut self, transfer: TransferId) {
        self.expect_prefix(transfer, None);
        self.environment.read_partial(transfer);
    }

    /// Adds the next bytes of a prefix. Returns false if it is no longer needed.
    pub(super) fn add_to_prefix(&mut self, transfer: TransferId, piece: &[u8]) -> bool {
        let Some(at) = self.prefix_of(transfer) else { return false };
        let prefix = &mut self.prefixes[at].prefix;
        prefix.digest.update(piece);
        prefix.bytes += piece.len() as u64;
        true
    }

    /// Returns the prefix that a transfer resumes after.
    pub(super) fn take_prefix(&mut self, transfer: TransferId, from: u64) -> Prefix {
        let at = self.prefix_of(transfer);
        let prefix = at.map(|at| self.prefixes.swap_remove(at).prefix);
        prefix.filter(|prefix| prefix.bytes == from).unwrap_or_default()
    }

    /// Forgets the prefix of a transfer that is over, or that starts from the beginning.
    pub(super) fn forget_prefix(&mut self, transfer: TransferId) {
        self.prefixes.retain(|read| read.transfer != transfer);
    }

    fn expect_prefix(&mut self, transfer: TransferId, expected: Option<u64>) {
        self.prefixes.push(PrefixRead { transfer, expected, prefix: Prefix::default() });
    }

    fn prefix_of(&self, transfer: TransferId) -> Option<usize> {
        self.prefixes.iter().position(|read| read.transfer == transfer)
    }
}
