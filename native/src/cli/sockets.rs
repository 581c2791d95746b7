//! Listening sockets.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::cli::exit::{CliError, ExitCode};

/// Listens on an address, which `option` sets.
pub(crate) async fn listen(at: SocketAddr, option: &str) -> Result<TcpListener, CliError> {
    TcpListener::bind(at).await.map_err(|error| {
        let message =
            format!("cannot listen on {at}: {error}; choose another address with {option}");
        CliError::new(ExitCode::Unreachable, message)
    })
}
