//! Listening sockets.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::StartArgs;
use crate::net::listener::Listener;
use crate::net::socket_address::SocketAddress;

/// Connections that the system holds before they are accepted, as [`TcpListener::bind`] does.
const BACKLOG: u32 = 1024;

/// An open socket, and its address.
pub(crate) struct OpenSocket {
    pub(crate) listener: Listener,
    pub(crate) at: SocketAddress,
}

impl OpenSocket {
    /// Returns a TCP port's address.
    pub(crate) fn tcp(&self) -> Option<SocketAddr> {
        match self.at {
            SocketAddress::Tcp(at) => Some(at),
            SocketAddress::Unix(_) => None,
        }
    }
}

impl TryFrom<TcpListener> for OpenSocket {
    type Error = io::Error;

    fn try_from(listener: TcpListener) -> io::Result<Self> {
        let at = SocketAddress::Tcp(listener.local_addr()?);
        Ok(Self { listener: listener.into(), at })
    }
}

/// Listens on an address, which `option` sets.
pub(crate) async fn listen(
    at: &SocketAddress,
    option: &str,
    start: &StartArgs,
) -> Result<OpenSocket, CliError> {
    bind(at, start).await.map_err(|error| {
        let message =
            format!("cannot listen on {at}: {error}; choose another address with {option}");
        CliError::new(ExitCode::Unreachable, message)
    })
}

/// Listens on an address, at a TCP port beside another process if both are told to.
///
/// # Errors
///
/// The system's.
pub(crate) async fn bind(at: &SocketAddress, start: &StartArgs) -> io::Result<OpenSocket> {
    match at {
        SocketAddress::Tcp(at) => bind_tcp(*at, start)?.try_into(),
        #[cfg(unix)]
        SocketAddress::Unix(path) => {
            Ok(OpenSocket { listener: Listener::unix(path).await?, at: at.clone() })
        }
        #[cfg(not(unix))]
        SocketAddress::Unix(_) => {
            Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
        }
    }
}

fn bind_tcp(at: SocketAddr, start: &StartArgs) -> io::Result<TcpListener> {
    let socket = match at {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Connections of an earlier process that are still closing do not matter. On Windows the option has another
    // meaning.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    if start.reuse_port {
        reuse_port(&socket)?;
    }
    socket.bind(at)?;
    socket.listen(BACKLOG)
}

/// Lets other processes use the port of a socket, too.
#[cfg(unix)]
pub(crate) fn reuse_port(socket: &impl std::os::fd::AsFd) -> io::Result<()> {
    rustix::net::sockopt::set_socket_reuseport(socket, true).map_err(io::Error::from)
}

#[cfg(not(unix))]
pub(crate) fn reuse_port<T>(_: &T) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system cannot share a port"))
}
