//! An established connection.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use tokio::net::TcpStream;

use super::tunnel::Tunnel;

/// An established connection and its two addresses.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// The tunnel in which it is a stream, and which can open others.
    pub(super) tunnel: Option<Tunnel>,
    /// The reason why the other end closed it, known once it has.
    pub(super) why_closed: WhyClosed,
}

/// A reason that the connection itself cannot carry.
pub(super) type WhyClosed = Arc<OnceLock<Box<str>>>;

impl Connection {
    pub(super) fn new(stream: TcpStream, local: SocketAddr, remote: SocketAddr) -> Self {
        Self { stream, local, remote, tunnel: None, why_closed: WhyClosed::default() }
    }

    pub(super) fn direct(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
        Ok(Self::new(stream, local, remote))
    }
}
