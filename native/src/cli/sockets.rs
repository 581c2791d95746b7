//! Listening sockets.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::inherited_sockets;

/// Listens on an address, which `option` sets; instead on the socket that the service manager opened for it.
pub(crate) async fn listen(at: SocketAddr, option: &str) -> Result<TcpListener, CliError> {
    if let Some(socket) = inherited_sockets::take(option)? {
        return Ok(socket);
    }
    TcpListener::bind(at).await.map_err(|error| {
        let message =
            format!("cannot listen on {at}: {error}; choose another address with {option}");
        CliError::new(ExitCode::Unreachable, message)
    })
}
