//! The listener for operators: a TCP port, or a Unix socket that its user and root alone can use.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::net::accept::Acceptor;
use crate::net::socket_address::SocketAddress;
#[cfg(unix)]
use crate::net::unix_socket::{self, SocketFile};

/// The mode of the socket's file: its user alone may connect, and root.
#[cfg(unix)]
const SOCKET_MODE: u32 = 0o600;

/// An open port or socket.
pub(crate) enum AdminListener {
    /// A TCP port.
    Tcp(Acceptor, SocketAddr),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(UnixListener, SocketFile),
}

/// A connection's bytes.
pub(super) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection for S {}

impl AdminListener {
    /// Listens.
    ///
    /// # Errors
    ///
    /// If the address is in use or cannot be used. The file of a Unix socket at which nobody listens is
    /// replaced; any other file is left alone.
    pub(crate) async fn bind(at: &SocketAddress) -> io::Result<Self> {
        match at {
            SocketAddress::Tcp(at) => {
                let listener = TcpListener::bind(at).await?;
                let at = listener.local_addr()?;
                Ok(Self::Tcp(Acceptor::new(listener), at))
            }
            #[cfg(unix)]
            SocketAddress::Unix(path) => {
                let (listener, file) = unix_socket::bind(path, SOCKET_MODE).await?;
                Ok(Self::Unix(listener, file))
            }
            #[cfg(not(unix))]
            SocketAddress::Unix(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
            }
        }
    }

    /// Returns the address that it listens on.
    pub(crate) fn address(&self) -> SocketAddress {
        match self {
            Self::Tcp(_, at) => SocketAddress::Tcp(*at),
            #[cfg(unix)]
            Self::Unix(_, file) => SocketAddress::Unix(file.path().to_owned()),
        }
    }

    /// Accepts the next connection, with its address if it has one. Cancel safe.
    pub(super) async fn accept(&mut self) -> io::Result<(Box<dyn Connection>, Option<IpAddr>)> {
        match self {
            Self::Tcp(acceptor, _) => {
                let (socket, from) = acceptor.accept().await?;
                Ok((Box::new(socket), Some(from.ip().to_canonical())))
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => loop {
                match listener.accept().await {
                    // Between its creation and its mode the file may have been open to others.
                    Ok((socket, _)) if is_permitted(&socket) => {
                        return Ok((Box::new(socket), None));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(%error, "cannot accept an operator's connection");
                        tokio::time::sleep(RETRY_DELAY).await;
                    }
                }
            },
        }
    }
}

/// Time without another attempt after the system could not accept a connection.
#[cfg(unix)]
const RETRY_DELAY: std::time::Duration = std::time::Duration::from_millis(200);

/// Returns true for a program of this user or of root.
#[cfg(unix)]
fn is_permitted(socket: &tokio::net::UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    socket.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn a_socket_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let at = SocketAddress::Unix(path.clone());
        let _listener = AdminListener::bind(&at).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
