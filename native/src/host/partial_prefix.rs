//! A partial file together with the hash of its bytes.

use std::io;

use xcher_core::stream::Hasher;

use crate::files::Partial;

/// A partial file and the hash of the bytes that it has.
pub(super) struct PartialPrefix {
    pub(super) partial: Partial,
    pub(super) prefix: Hasher,
}

impl PartialPrefix {
    /// Wraps a partial file without bytes.
    pub(super) fn empty(partial: Partial) -> Self {
        Self { partial, prefix: Hasher::new() }
    }

    /// Prepares to resume at `bytes`: the end of the partial file, or its start, which empties it.
    pub(super) fn resume_at(mut self, bytes: u64) -> io::Result<Self> {
        if self.partial.bytes() != bytes {
            self.partial.start_over()?;
            self.prefix = Hasher::new();
        }
        Ok(self)
    }
}
