//! A file to be sent, opened before the requester is connected to.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicBool;

use xcher_core::FileName;
use xcher_core::stream::Hasher;

use crate::data::Mark;
use crate::files::{Shares, prefix_hash};

/// A file to be sent.
pub(super) struct OpenedFile {
    pub(super) file: File,
    /// The file's state when it was opened.
    pub(super) mark: Mark,
    /// The hash of the part that the requester already has.
    pub(super) prefix: Hasher,
}

impl OpenedFile {
    /// Opens a shared file and hashes its first `prefix_len` bytes. Blocks on the disk for as long as that
    /// takes.
    pub(super) fn open(
        shares: &Shares,
        name: &FileName,
        size: u64,
        prefix_len: u64,
        cancelled: &AtomicBool,
    ) -> Result<Self, Box<str>> {
        let unreadable = |error: io::Error| format!("the file cannot be read: {error}");
        let (file, _) = shares.open_file(name, size).map_err(|error| error.to_string())?;
        let mark = Mark::of(&file).map_err(unreadable)?;
        if mark.length() != size {
            return Err("the file changed while it was opened".into());
        }
        let prefix = match prefix_len {
            0 => Hasher::new(),
            len => prefix_hash(&file, len, cancelled).map_err(unreadable)?,
        };
        Ok(Self { file, mark, prefix })
    }
}
