//! Connects a stream of a tunnel or a link to a loopback TCP connection, so that the rest of the host, file
//! transfers included, works with TCP sockets alone.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use tokio::net::{TcpListener, TcpStream};

use crate::tunnel::{Endpoint, Stream};

/// Connects a stream to a loopback connection, and returns the other end of that. Cuts both when `cut` is ready,
/// which is dropped when they have ended.
pub(super) async fn to_loopback(
    stream: Stream,
    cut: impl Future<Output = ()> + Send + 'static,
) -> io::Result<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let (near, accepted) = tokio::join!(TcpStream::connect(listener.local_addr()?), async {
        loop {
            let (far, from) = listener.accept().await?;
            // Another program of this machine may find the port first.
            if from.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
                return io::Result::Ok((far, from));
            }
        }
    });
    let (near, (far, from)) = (near?, accepted?);
    if near.local_addr()? != from {
        return Err(io::Error::other("another program intercepted a loopback connection"));
    }
    near.set_nodelay(true)?;
    tokio::spawn(async move {
        tokio::select! {
            () = Endpoint::tcp(far).copy(stream) => {}
            () = cut => {}
        }
    });
    Ok(near)
}
