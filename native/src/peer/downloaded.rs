//! Stored files.

use std::path::PathBuf;

/// A stored file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// Its path on disk; empty for a file that was read instead.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}
