//! Connections to a relay's port with TLS.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connection::Connection;
use super::loopback::loopback_pair;
use super::tls_roots::{Service, TlsRoots};
use crate::relay_address::TlsAddress;

/// Time for the relay to complete the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to a relay.
///
/// # Errors
///
/// If there is no relay, or its certificate is invalid.
pub(super) async fn connect(at: &TlsAddress, tls_roots: &TlsRoots) -> io::Result<Connection> {
    let socket = TcpStream::connect((at.host.as_str(), at.port)).await?;
    start(at, socket, tls_roots).await
}

/// Starts TLS over a TCP connection to the relay.
///
/// # Errors
///
/// As [`connect`].
pub(super) async fn start(
    at: &TlsAddress,
    socket: TcpStream,
    tls_roots: &TlsRoots,
) -> io::Result<Connection> {
    socket.set_nodelay(true)?;
    let (local, remote): (SocketAddr, SocketAddr) = (socket.local_addr()?, socket.peer_addr()?);
    let silent = |_| {
        let text = "the relay does not answer in TLS; without tls:// its port is usually 9247";
        io::Error::new(io::ErrorKind::TimedOut, text)
    };
    let handshake = tls_roots.connect(&at.host, socket, Service::Relay);
    let mut relay = timeout(HANDSHAKE_TIMEOUT, handshake).await.map_err(silent)??;
    let (near, mut far) = loopback_pair().await?;
    tokio::spawn(async move {
        // Each end learns of the other's by the end of its own.
        let _ = tokio::io::copy_bidirectional(&mut relay, &mut far).await;
    });
    Ok(Connection::new(near, local, remote))
}
