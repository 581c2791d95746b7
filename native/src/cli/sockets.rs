//! Listening sockets.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::inherited_sockets;
use crate::cli::options::StartArgs;

/// Connections that the system holds before they are accepted, as [`TcpListener::bind`] does.
const BACKLOG: u32 = 1024;

/// Listens on an address, which `option` sets; instead on the socket that the service manager opened for it.
pub(crate) async fn listen(
    at: SocketAddr,
    option: &str,
    start: &StartArgs,
) -> Result<TcpListener, CliError> {
    if let Some(socket) = inherited_sockets::take(option)? {
        return Ok(socket);
    }
    bind(at, start).map_err(|error| {
        let message =
            format!("cannot listen on {at}: {error}; choose another address with {option}");
        CliError::new(ExitCode::Unreachable, message)
    })
}

/// Listens on an address, beside another process if both are told to.
///
/// # Errors
///
/// The system's.
pub(crate) fn bind(at: SocketAddr, start: &StartArgs) -> io::Result<TcpListener> {
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

#[cfg(unix)]
fn reuse_port(socket: &TcpSocket) -> io::Result<()> {
    socket.set_reuseport(true)
}

#[cfg(not(unix))]
fn reuse_port(_: &TcpSocket) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system cannot share a port"))
}
