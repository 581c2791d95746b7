//! Errors of opening a shared file.

use std::fmt;
use std::io;

/// The reason a file that a peer requests is not opened.
#[derive(Debug)]
pub enum OpenError {
    /// No such name, not a regular file, or a link that leaves the shared folder.
    NotShared,
    /// The file has another size than the one listed.
    Changed {
        /// Bytes, as the peer requested.
        expected: u64,
        /// Bytes now.
        got: u64,
    },
    /// The file has bytes, but the system reports no size for it.
    NoSize,
    /// The system does not permit reading it.
    Unreadable(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotShared => write!(f, "no such file is shared"),
            Self::Changed { expected, got } => {
                write!(f, "its size changed from {expected} to {got} bytes")
            }
            Self::NoSize => write!(f, "the system does not report its size"),
            Self::Unreadable(source) => write!(f, "it cannot be read: {source}"),
        }
    }
}

impl std::error::Error for OpenError {}
