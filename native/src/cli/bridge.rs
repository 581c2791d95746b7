//! `xcher bridge`: a bridge to a relay elsewhere; and the port of one, for a relay that has its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use super::args::Common;
use super::bridge_args::{BridgeArgs, HttpAddress};
use super::exit::CliError;
use super::exposure;
use super::json::Line;
use super::output::Output;
use super::relay::listen;
use super::reload::Reload;
use super::signals::{Hangups, Signals};
use crate::bridge::{Bridge, Home};
use crate::descriptors::raise_limit;
use crate::http::{Http, HttpConfig, Tls, WsBytes};

/// Runs a bridge until stopped.
pub(super) async fn run(common: &Common, args: &BridgeArgs) -> Result<(), CliError> {
    let mut signals = Signals::catch().map_err(CliError::local)?;
    let Some(relay) = common.relay.tcp() else {
        let got = &common.relay;
        return Err(CliError::usage(format!("expected the relay's HOST:PORT, got {got}")));
    };
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 9248));
    let http = args.http.unwrap_or(HttpAddress(Some(usual)));
    let Some(at) = http.0 else {
        return Err(CliError::usage("expected an address to listen on (--http), got off"));
    };
    raise_limit();
    let hangups = Hangups::catch().map_err(CliError::local)?;
    let tls = args.tls()?;
    let front = Front::new(common, listen(at, "--http").await?, tls)?;
    let (serving, listener) = front.start(args, Home::Elsewhere(relay.to_owned()))?;
    let http = serving.http.clone();
    tokio::spawn(Reload::new(common, None, Some(serving)).at_each(hangups));
    http.run(listener, async move { signals.stop().await }).await.map_err(CliError::local)
}

/// The port of a bridge.
pub(super) struct Front {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    tls: Option<Tls>,
    token: Option<String>,
}

impl Front {
    /// Says where it is.
    pub(super) fn new(
        common: &Common,
        listener: TcpListener,
        tls: Option<Tls>,
    ) -> Result<Self, CliError> {
        let (token, address) = (common.token()?, listener.local_addr().map_err(CliError::local)?);
        let front = Self { listener, address, tls, token };
        let url = front.url(address.ip());
        let output = Output::new(common);
        output.result(format_args!("http {url}")).map_err(CliError::unwritten)?;
        output.json(&Line::Http { url }).map_err(CliError::unwritten)?;
        exposure::warn_of_bridge(common, &output, address)?;
        Ok(front)
    }

    /// The page's, where this host is reached at `ip`.
    pub(super) fn url(&self, ip: IpAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", SocketAddr::new(ip, self.address.port()))
    }

    /// Makes the bridge that serves whoever comes to this port.
    pub(super) fn start(
        self,
        args: &BridgeArgs,
        home: Home,
    ) -> Result<(Serving, TcpListener), CliError> {
        let Self { listener, address, tls, token } = self;
        let bridge = Bridge::new(home, args.lends(address.ip()));
        let access = args.access(token.clone());
        let config = HttpConfig { access, tls: tls.clone(), ..HttpConfig::default() };
        let serves = bridge.clone();
        let tunnel = move |socket: WsBytes, client| {
            let (bridge, reached_at) = (serves.clone(), socket.reached_at());
            async move { bridge.serve(socket, client, reached_at).await }
        };
        let http = Http::new(config, tunnel).map_err(CliError::local)?;
        Ok((Serving { http, bridge, tls, address, token }, listener))
    }
}

/// A bridge and what can change of it while it serves.
pub(super) struct Serving {
    pub(super) http: Http,
    pub(super) bridge: Bridge,
    pub(super) tls: Option<Tls>,
    pub(super) address: SocketAddr,
    /// The one in force.
    pub(super) token: Option<String>,
}
