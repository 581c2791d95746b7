//! Connections from a chosen local port: a NAT shows what it makes of that port towards each destination.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// Connects to the first address of `host` that accepts, an IPv4 one if there is one: NATs are there.
pub(super) async fn to_host(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut addresses: Vec<_> = lookup_host((host, port)).await?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no such host");
    for address in addresses {
        match to(address, None).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Connects from a port that can be used again, or from `local`, which another connection of [`to`] has.
pub(super) async fn to(remote: SocketAddr, local: Option<SocketAddr>) -> io::Result<TcpStream> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    let any = if remote.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
    socket.bind(local.unwrap_or(SocketAddr::new(any, 0)))?;
    socket.connect(remote).await
}
