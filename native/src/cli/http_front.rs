//! A bridge's HTTP ports, before and after the bridge is started.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::Notify;

use crate::bridge::{Bridge, Home};
use crate::cli::exit::CliError;
use crate::cli::exposure;
use crate::cli::options::{BridgeArgs, Common};
use crate::cli::sockets::OpenSocket;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::http::{Http, HttpConfig, Listener, Tls, WsBytes};
use crate::net::socket_address::SocketAddress;

/// Ports that are open, with the token and certificate for them.
pub(crate) struct Front {
    listeners: Vec<Listener>,
    /// Those of TCP ports.
    addresses: Vec<SocketAddr>,
    tls: Option<Tls>,
    token: Option<String>,
}

impl Front {
    /// Prints the URL of each port, or the path of a Unix socket.
    pub(crate) fn new(
        common: &Common,
        sockets: Vec<OpenSocket>,
        tls: Option<Tls>,
    ) -> Result<Self, CliError> {
        let (token, output) = (common.token()?, Output::new(common));
        let addresses = sockets.iter().filter_map(OpenSocket::tcp).collect();
        for OpenSocket { at, .. } in &sockets {
            let url = match at {
                SocketAddress::Tcp(at) => url(tls.as_ref(), *at),
                SocketAddress::Unix(_) => at.to_string(),
            };
            output.result(format_args!("http {url}")).map_err(CliError::unwritten)?;
            output.json(&JsonEvent::Http { url }).map_err(CliError::unwritten)?;
            if let SocketAddress::Tcp(at) = at {
                exposure::warn_of_bridge(common, &output, *at)?;
            }
        }
        let listeners = sockets.into_iter().map(|socket| socket.listener).collect();
        Ok(Self { listeners, addresses, tls, token })
    }

    /// Returns the page's URL at the first TCP port, for clients that reach this host at the address that `reached`
    /// returns for that port's.
    pub(crate) fn url(&self, reached: impl FnOnce(IpAddr) -> IpAddr) -> Option<String> {
        let at = self.addresses.first()?;
        Some(url(self.tls.as_ref(), SocketAddr::new(reached(at.ip()), at.port())))
    }

    /// Builds the bridge that serves these ports.
    pub(crate) fn start(
        self,
        args: &BridgeArgs,
        home: Home,
    ) -> Result<(RunningBridge, Vec<Listener>), CliError> {
        let Self { listeners, addresses, tls, token } = self;
        let bridge = Bridge::new(home, args.bridge_config(ip_of(&addresses)));
        let access = args.access(token.clone());
        let config = HttpConfig { access, tls, ..HttpConfig::default() };
        let serves = bridge.clone();
        let tunnel = move |socket: WsBytes, client| {
            let (bridge, reached_at) = (serves.clone(), socket.reached_at());
            async move { bridge.serve(socket, client, reached_at).await }
        };
        let http = Http::new(config, tunnel).map_err(CliError::local)?;
        Ok((RunningBridge { http, bridge, addresses, token, acme: None }, listeners))
    }
}

fn url(tls: Option<&Tls>, at: SocketAddr) -> String {
    let scheme = if tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{at}/")
}

/// Returns the local address for ports that a bridge allocates.
fn ip_of(addresses: &[SocketAddr]) -> IpAddr {
    // Without a port, only proxies on this machine connect.
    addresses.first().map_or(Ipv4Addr::LOCALHOST.into(), SocketAddr::ip)
}

/// A bridge and the parts of it that can change while it runs.
pub(crate) struct RunningBridge {
    pub(crate) http: Http,
    pub(crate) bridge: Bridge,
    /// Those of its TCP ports.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The token in force.
    pub(crate) token: Option<String>,
    /// Asks for a certificate that an authority has not issued so far.
    pub(crate) acme: Option<Arc<Notify>>,
}

impl RunningBridge {
    /// Applies these options to its ports.
    pub(crate) fn set_config(&self, args: &BridgeArgs) {
        self.bridge.set_config(args.bridge_config(ip_of(&self.addresses)));
    }
}
