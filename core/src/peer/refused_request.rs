//! Why this host refuses a request of the peer.

use core::fmt;

use crate::Size;
use crate::addr::AddrError;

/// Why a requested file is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusedRequest {
    /// It is not shared.
    NotShared,
    /// Its size has changed since it was listed.
    SizeChanged {
        /// The size in bytes that it has.
        size: u64,
        /// The size that was requested.
        requested: Size,
    },
    /// The requester's port must not be dialled.
    Port(AddrError),
    /// It is piped input, which was sent already or was requested from another byte than the first.
    PipedInput,
    /// The session has ended.
    SessionEnded,
}

impl fmt::Display for RefusedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotShared => f.write_str("not shared"),
            Self::SizeChanged { size, requested } => {
                write!(f, "changed since it was listed: {size} bytes, requested as {requested}")
            }
            Self::Port(error) => error.fmt(f),
            Self::PipedInput => f.write_str("piped input can be sent once, from its first byte"),
            Self::SessionEnded => f.write_str("the session has ended"),
        }
    }
}
