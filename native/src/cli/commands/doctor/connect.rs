//! Connections from a chosen local port: a NAT shows what it makes of that port towards each destination.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpStream, lookup_host};

use crate::host::connect_from;

/// Connects to the first address of `host`, a name and a port, that accepts, an IPv4 one if there is one: NATs are
/// there.
pub(super) async fn to_host(host: &str) -> io::Result<TcpStream> {
    let mut addresses: Vec<_> = lookup_host(host).await?.collect();
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
    let any = if remote.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
    connect_from(local.unwrap_or(SocketAddr::new(any, 0)), remote).await
}
