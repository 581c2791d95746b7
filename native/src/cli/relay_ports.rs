//! The ports and sockets at which hosts connect to a relay.

use std::net::SocketAddr;

use crate::cli::exit::CliError;
use crate::cli::inherited_sockets;
use crate::cli::options::{ListenAddress, RelayArgs, StartArgs};
use crate::cli::sockets::{OpenSocket, listen};
use crate::http::Tls;
use crate::relay::RelayListener;

/// Open ports and sockets.
#[derive(Default)]
pub(crate) struct RelayPorts {
    pub(crate) listeners: Vec<RelayListener>,
    /// Their addresses.
    pub(crate) at: Vec<ListenAddress>,
}

impl RelayPorts {
    /// Opens what `--listen` names, or takes the sockets of the service manager.
    pub(crate) async fn open(
        args: &RelayArgs,
        start: &StartArgs,
        tls: Option<&Tls>,
    ) -> Result<Self, CliError> {
        let mut ports = Self::default();
        let over_tls = inherited_sockets::take("--listen-tls", false)?;
        for socket in inherited_sockets::take("--listen", over_tls.is_empty())? {
            ports.add(socket, None);
        }
        for socket in over_tls {
            ports.add(socket, Some(needed(tls)?));
        }
        if ports.at.is_empty() {
            for ListenAddress { at, tls: has_tls } in &args.listen {
                let tls = has_tls.then(|| needed(tls)).transpose()?;
                ports.add(listen(at, "--listen", start).await?, tls);
            }
        }
        Ok(ports)
    }

    fn add(&mut self, socket: OpenSocket, tls: Option<&Tls>) {
        let OpenSocket { listener, at } = socket;
        let listener = match tls {
            None => listener.into(),
            Some(tls) => RelayListener::over_tls(listener, tls.clone()),
        };
        self.listeners.push(listener);
        self.at.push(ListenAddress { at, tls: tls.is_some() });
    }

    /// Returns the TCP port without TLS: one that other machines can reach, if there is one.
    pub(crate) fn plain(&self) -> Option<SocketAddr> {
        let plain = || self.at.iter().filter(|at| !at.tls).filter_map(ListenAddress::tcp);
        let is_far = |at: &SocketAddr| !at.ip().to_canonical().is_loopback();
        plain().find(is_far).or_else(|| plain().next())
    }
}

fn needed(tls: Option<&Tls>) -> Result<&Tls, CliError> {
    let text = "a port with TLS needs a certificate; name one with --tls-cert and --tls-key, or --acme-domain";
    tls.ok_or_else(|| CliError::usage(text))
}
