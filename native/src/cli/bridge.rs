//! `xcher bridge`: a bridge to a relay elsewhere; and the port of one, for a relay that has its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use super::args::Common;
use super::bridge_args::{BridgeArgs, HttpAddress};
use super::exit::Failure;
use super::exposure;
use super::json::Line;
use super::output::Output;
use super::relay::{listen, read_again_at_hangup};
use super::signals::Signals;
use crate::bridge::{Bridge, Home};
use crate::descriptors::raise_limit;
use crate::http::{self, HttpConfig, Tls, WsBytes};

/// Runs a bridge until stopped.
pub(super) async fn run(common: &Common, args: &BridgeArgs) -> Result<(), Failure> {
    let mut signals = Signals::catch().map_err(Failure::local)?;
    let Some(relay) = common.relay.tcp() else {
        let got = &common.relay;
        return Err(Failure::usage(format!("expected the relay's HOST:PORT, got {got}")));
    };
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 9248));
    let http = args.http.unwrap_or(HttpAddress(Some(usual)));
    let Some(at) = http.0 else {
        return Err(Failure::usage("expected an address to listen on (--http), got off"));
    };
    raise_limit();
    read_again_at_hangup(common, args)?;
    let tls = args.tls()?;
    let front = Front::new(common, listen(at, "--http").await?, tls)?;
    let home = Home::Elsewhere(relay.to_owned());
    front.serve(common, args, home, async move { signals.stop().await }).await
}

/// The port of a bridge.
pub(super) struct Front {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    tls: Option<Tls>,
}

impl Front {
    /// Says where it is.
    pub(super) fn new(
        common: &Common,
        listener: TcpListener,
        tls: Option<Tls>,
    ) -> Result<Self, Failure> {
        let address = listener.local_addr().map_err(Failure::local)?;
        let front = Self { listener, address, tls };
        let url = front.url(address.ip());
        let output = Output::new(common);
        output.result(format_args!("http {url}")).map_err(Failure::unwritten)?;
        output.json(&Line::Http { url }).map_err(Failure::unwritten)?;
        exposure::warn_of_bridge(common, &output, address)?;
        Ok(front)
    }

    /// The page's, where this host is reached at `ip`.
    pub(super) fn url(&self, ip: IpAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", SocketAddr::new(ip, self.address.port()))
    }

    pub(super) async fn serve(
        self,
        common: &Common,
        args: &BridgeArgs,
        home: Home,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Failure> {
        let bridge = Bridge::new(home, args.lends(self.address.ip()));
        let config = HttpConfig {
            allow_origin: args.allow_origin.clone(),
            token: common.token()?,
            host_names: args.host_name.clone(),
            trusted_proxies: args.trusted_proxy.clone(),
            tls: self.tls,
            ..HttpConfig::default()
        };
        let tunnel = move |socket: WsBytes, client| {
            let (bridge, reached_at) = (bridge.clone(), socket.reached_at());
            async move { bridge.serve(socket, client, reached_at).await }
        };
        http::run(self.listener, config, tunnel, shutdown).await.map_err(Failure::local)
    }
}
