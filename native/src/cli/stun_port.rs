//! The UDP port for STUN, before and after it is served.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::StartArgs;
use crate::cli::sockets::reuse_port;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::http::Http;
use crate::stun::Stun;

/// A UDP port that is open.
pub(crate) struct StunPort {
    socket: UdpSocket,
    at: SocketAddr,
}

impl StunPort {
    /// Opens the port, and prints its address.
    pub(crate) fn open(
        output: &Output,
        at: SocketAddr,
        start: &StartArgs,
    ) -> Result<Self, CliError> {
        let socket = bind(at, start).map_err(|error| {
            let message =
                format!("cannot listen on {at}: {error}; choose another address with --stun");
            CliError::new(ExitCode::Unreachable, message)
        })?;
        let at = socket.local_addr().map_err(CliError::local)?;
        output.result(format_args!("stun {at}")).map_err(CliError::unwritten)?;
        let address = at.to_string();
        output.json(&JsonEvent::Stun { address }).map_err(CliError::unwritten)?;
        Ok(Self { socket, at })
    }

    /// Serves the clients of a bridge until it drains: then the next process may need the port.
    pub(crate) fn start(self, http: Http) -> RunningStun {
        let Self { socket, at } = self;
        let stun = Stun::default();
        let serves = stun.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = serves.serve(socket, |client| http.admits(client)) => {}
                () = http.draining() => {}
            }
        });
        RunningStun { port: at.port(), stun }
    }
}

/// A port that is served.
pub(crate) struct RunningStun {
    pub(crate) port: u16,
    pub(crate) stun: Stun,
}

/// Opens a UDP port, beside another process if both are told to.
fn bind(at: SocketAddr, start: &StartArgs) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, None)?;
    if start.reuse_port {
        reuse_port(&socket)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    UdpSocket::from_std(socket.into())
}
