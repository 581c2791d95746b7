//! Where a server of this machine listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A TCP port or a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SocketAddress {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl SocketAddress {
    /// Returns true if other machines cannot reach it.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Tcp(at) => at.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(at) => at.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
