//! A port at which this host listens and from which it dials: a NAT that lets an answer in to what it dialled
//! lets other connections in there too (section 5.8).

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::listen::BACKLOG;

/// Listens on a random free port of `ip`, from which [`connect_from`] can dial.
pub(super) fn listen(ip: IpAddr) -> io::Result<TcpListener> {
    bind(SocketAddr::new(ip, 0))?.listen(BACKLOG)
}

/// Connects to `to` from the port of a listener, or from one that other connections can use too.
pub(crate) async fn connect_from(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    if from.is_ipv4() != to.is_ipv4() {
        let error = format!("{to} cannot be reached from {from}");
        return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, error));
    }
    bind(from)?.connect(to).await
}

fn bind(at: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // Windows shares a port with the option above; Unix requires this one, and that one user owns both.
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(at)?;
    Ok(socket)
}
