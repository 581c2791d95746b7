//! An established connection.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::tunnel::Tunnel;

/// An established connection and its two addresses.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// The tunnel that was opened with a connection to the relay, and that can open others.
    pub(super) tunnel: Option<Tunnel>,
}

impl Connection {
    pub(super) fn direct(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
        Ok(Self { stream, local, remote, tunnel: None })
    }
}
