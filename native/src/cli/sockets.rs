//! Listening sockets.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::cli::exit::{CliError, ExitCode};

/// Listens on the address that `option` names.
pub(crate) async fn listen(at: SocketAddr, option: &str) -> Result<TcpListener, CliError> {
    TcpListener::bind(at).await.map_err(|error| {
        let message = format!("cannot listen on {at} ({option}): {error}");
        CliError::new(ExitCode::Unreachable, message)
    })
}
