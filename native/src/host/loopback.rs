//! Loopback TCP connections for what is not a TCP connection, so that the rest of the host, file transfers
//! included, works with TCP sockets alone.

use std::io;
use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};

use crate::tunnel::{Endpoint, Stream};

/// Connects a stream of a tunnel or a link to a loopback connection, and returns the other end of that. Cuts both
/// when `cut` is ready, which is dropped when they have ended.
///
/// # Errors
///
/// As [`loopback_pair`].
pub(super) async fn to_loopback(
    stream: Stream,
    cut: impl Future<Output = ()> + Send + 'static,
) -> io::Result<TcpStream> {
    let (near, far) = loopback_pair().await?;
    tokio::spawn(async move {
        tokio::select! {
            () = Endpoint::tcp(far).copy(stream) => {}
            () = cut => {}
        }
    });
    Ok(near)
}

/// Returns both ends of a loopback connection.
///
/// # Errors
///
/// If the system has no port left.
pub(super) async fn loopback_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let near = TcpStream::connect(listener.local_addr()?).await?;
    let own = near.local_addr()?;
    near.set_nodelay(true)?;
    loop {
        let (far, from) = listener.accept().await?;
        // Another program of this machine may find the port first.
        if from == own {
            return Ok((near, far));
        }
    }
}
