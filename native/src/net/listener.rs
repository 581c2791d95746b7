//! A port or socket at which a server listens, and the connections that it accepts.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
#[cfg(unix)]
use std::path::Path;

#[cfg(unix)]
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use super::accept::Accept;
#[cfg(unix)]
use super::accept::waiting;
#[cfg(unix)]
use super::unix_socket::{self, SocketFile};

/// The mode of the file of a Unix socket: the user of the server and its group may connect.
#[cfg(unix)]
const SOCKET_MODE: u32 = 0o660;

/// A TCP port or a Unix socket at which a server listens.
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Tcp {
        listener: TcpListener,
        /// Set if another process holds the socket, too.
        is_inherited: bool,
    },
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        /// Removed with it; `None` if the socket was inherited and the file is another's.
        file: Option<SocketFile>,
    },
}

/// A connection that a [`Listener`] accepted.
pub(crate) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(UnixSocket),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self(Kind::Tcp { listener, is_inherited: false })
    }
}

impl Listener {
    /// Listens at a Unix socket, for proxies on this machine. The file has mode 0660, and is removed on drop. The
    /// file of a socket at which nobody listens any more is replaced; any other file is left alone.
    ///
    /// # Errors
    ///
    /// If the path is in use or cannot be used.
    #[cfg(unix)]
    pub async fn unix(path: &Path) -> io::Result<Self> {
        let (listener, file) = unix_socket::bind(path, SOCKET_MODE).await?;
        Ok(Self(Kind::Unix { listener, file: Some(file) }))
    }

    /// Takes a socket that the service manager holds as well: what waits there is the next process's.
    #[cfg(all(unix, feature = "cli", not(target_vendor = "apple")))]
    pub(crate) fn inherited_tcp(listener: TcpListener) -> Self {
        Self(Kind::Tcp { listener, is_inherited: true })
    }

    /// Takes a socket whose file belongs to someone else.
    #[cfg(all(unix, feature = "cli", not(target_vendor = "apple")))]
    pub(crate) fn inherited_unix(listener: UnixListener) -> Self {
        Self(Kind::Unix { listener, file: None })
    }

    /// Returns the address of a TCP port.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn tcp_address(&self) -> io::Result<Option<SocketAddr>> {
        match &self.0 {
            Kind::Tcp { listener, .. } => listener.local_addr().map(Some),
            #[cfg(unix)]
            Kind::Unix { .. } => Ok(None),
        }
    }
}

impl Accept for Listener {
    type Connection = Accepted;

    async fn accept(&self) -> io::Result<Accepted> {
        match &self.0 {
            Kind::Tcp { listener, .. } => {
                let (stream, from) = listener.accept().await?;
                Ok(Accepted::Tcp(stream, from))
            }
            #[cfg(unix)]
            Kind::Unix { listener, .. } => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }

    fn accept_waiting(&self) -> io::Result<Option<Accepted>> {
        match &self.0 {
            Kind::Tcp { is_inherited: true, .. } => Ok(None),
            Kind::Tcp { listener, is_inherited: false } => {
                let accepted = listener.accept_waiting()?;
                Ok(accepted.map(|(stream, from)| Accepted::Tcp(stream, from)))
            }
            #[cfg(unix)]
            Kind::Unix { file: None, .. } => Ok(None),
            #[cfg(unix)]
            Kind::Unix { listener, file: Some(_) } => {
                let Some((socket, _)) = waiting(SockRef::from(listener).accept())? else {
                    return Ok(None);
                };
                socket.set_nonblocking(true)?;
                UnixStream::from_std(socket.into()).map(Accepted::Unix).map(Some)
            }
        }
    }
}

impl Accepted {
    /// Returns the address of the other end; `None` for a Unix socket, which has none.
    pub(crate) fn from(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(_, from) => Some(*from),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }
}

/// A connection to a Unix socket.
#[cfg(unix)]
pub(crate) type UnixSocket = UnixStream;
/// Where there are none, nothing is accepted from them.
#[cfg(not(unix))]
pub(crate) type UnixSocket = tokio::io::Empty;

/// Stands for the address of a client on this machine that has none.
pub(crate) const NO_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
