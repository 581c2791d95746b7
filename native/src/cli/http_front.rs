//! The port of a bridge.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

use crate::bridge::{Bridge, Home};
use crate::cli::exit::CliError;
use crate::cli::exposure;
use crate::cli::options::{BridgeArgs, Common};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::http::{Http, HttpConfig, Tls, WsBytes};

/// The port of a bridge.
pub(crate) struct Front {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
    tls: Option<Tls>,
    token: Option<String>,
}

impl Front {
    /// Says where it is.
    pub(crate) fn new(
        common: &Common,
        listener: TcpListener,
        tls: Option<Tls>,
    ) -> Result<Self, CliError> {
        let (token, address) = (common.token()?, listener.local_addr().map_err(CliError::local)?);
        let front = Self { listener, address, tls, token };
        let url = front.url(address.ip());
        let output = Output::new(common);
        output.result(format_args!("http {url}")).map_err(CliError::unwritten)?;
        output.json(&JsonEvent::Http { url }).map_err(CliError::unwritten)?;
        exposure::warn_of_bridge(common, &output, address)?;
        Ok(front)
    }

    /// The page's, where this host is reached at `ip`.
    pub(crate) fn url(&self, ip: IpAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", SocketAddr::new(ip, self.address.port()))
    }

    /// Makes the bridge that serves whoever comes to this port.
    pub(crate) fn start(
        self,
        args: &BridgeArgs,
        home: Home,
    ) -> Result<(RunningBridge, TcpListener), CliError> {
        let Self { listener, address, tls, token } = self;
        let bridge = Bridge::new(home, args.bridge_config(address.ip()));
        let access = args.access(token.clone());
        let config = HttpConfig { access, tls: tls.clone(), ..HttpConfig::default() };
        let serves = bridge.clone();
        let tunnel = move |socket: WsBytes, client| {
            let (bridge, reached_at) = (serves.clone(), socket.reached_at());
            async move { bridge.serve(socket, client, reached_at).await }
        };
        let http = Http::new(config, tunnel).map_err(CliError::local)?;
        Ok((RunningBridge { http, bridge, tls, address, token }, listener))
    }
}

/// A bridge and what can change of it while it serves.
pub(crate) struct RunningBridge {
    pub(crate) http: Http,
    pub(crate) bridge: Bridge,
    pub(crate) tls: Option<Tls>,
    pub(crate) address: SocketAddr,
    /// The one in force.
    pub(crate) token: Option<String>,
}
