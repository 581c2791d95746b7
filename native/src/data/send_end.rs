//! The result of sending a file.

use std::io;

use xcher_core::secure::SecureError;

use super::throttle::Stopped;

/// The result of sending.
#[derive(Debug)]
pub(crate) enum SendEnd {
    /// All bytes are sent, and the end of the stream after them.
    Complete,
    /// The file had fewer bytes than announced.
    FileShrank {
        /// Bytes sent.
        sent: u64,
    },
    /// The file changed while it was read.
    FileChanged,
    /// The file cannot be read.
    FileError(io::Error),
    /// The connection failed, or the transfer was cancelled.
    SocketError(io::Error),
    /// The bytes cannot be encrypted as agreed.
    SecureError(SecureError),
}

impl From<Stopped> for SendEnd {
    fn from(_: Stopped) -> Self {
        Self::SocketError(io::ErrorKind::ConnectionAborted.into())
    }
}
