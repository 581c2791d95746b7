//! A bridge's HTTP ports, before and after the bridge is started.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::Notify;
use xcher_core::registry::{Account, Users};

use crate::bridge::{Bridge, Home};
use crate::cli::exit::CliError;
use crate::cli::exposure;
use crate::cli::inherited_sockets;
use crate::cli::options::{Admission, BridgeArgs, Common, StartArgs};
use crate::cli::sockets::{OpenSocket, listen};
use crate::cli::stun_port::{RunningStun, StunPort};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::http::{Access, Http, HttpConfig, Listener, Quota, Tls, WsBytes};
use crate::net::socket_address::SocketAddress;

/// Ports that are open, with the token and certificate for them.
pub(crate) struct Front {
    listeners: Vec<Listener>,
    /// Those of TCP ports.
    addresses: Vec<SocketAddr>,
    tls: Option<Tls>,
    token: Option<String>,
    users: Option<Arc<Users>>,
    stun: Option<StunPort>,
}

impl Front {
    /// Prints the URL of each port, or the path of a Unix socket; then opens the port for STUN, if there is one.
    pub(crate) fn new(
        common: &Common,
        sockets: Vec<OpenSocket>,
        stun: Option<(SocketAddr, &StartArgs)>,
        tls: Option<Tls>,
        users: Option<Arc<Users>>,
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
                exposure::warn_of_bridge(common, &output, users.as_deref(), *at)?;
            }
        }
        let listeners = sockets.into_iter().map(|socket| socket.listener).collect();
        let stun = stun.map(|(at, start)| StunPort::open(&output, at, start)).transpose()?;
        Ok(Self { listeners, addresses, tls, token, users, stun })
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
        admission: &Admission,
        home: Home,
    ) -> Result<(RunningBridge, Vec<Listener>), CliError> {
        let Self { listeners, addresses, tls, token, users, stun } = self;
        let bridge = Bridge::new(home, args.bridge_config(ip_of(&addresses)));
        bridge.set_users(users.clone());
        let access = Access { users, ..args.access(token.clone()) };
        let counts = bridge.clone();
        let quota = move |account: &Account, client| {
            counts.check_quota(account, client).map_err(|error| error.to_string())
        };
        let quota = Some(Arc::new(quota) as Arc<Quota>);
        let hook = admission.hook.clone();
        let config = HttpConfig { access, tls, hook, quota, ..HttpConfig::default() };
        let serves = bridge.clone();
        let tunnel = move |socket: WsBytes, client| {
            let (bridge, reached_at) = (serves.clone(), socket.reached_at());
            let account = socket.account().clone();
            async move { bridge.serve_as(account, socket, client, reached_at).await }
        };
        let http = Http::new(config, tunnel).map_err(CliError::local)?;
        http.set_lists(admission.lists());
        let stun = stun.map(|stun| stun.start(http.clone()));
        let running = RunningBridge { http, bridge, stun, addresses, token, acme: None };
        running.name_stun(args);
        Ok((running, listeners))
    }
}

/// Takes the sockets of the service manager, or opens what `--http` names.
pub(crate) async fn http_sockets(
    named: &[SocketAddress],
    start: &StartArgs,
) -> Result<Vec<OpenSocket>, CliError> {
    let mut sockets = inherited_sockets::take("--http", true)?;
    if sockets.is_empty() {
        for at in named {
            sockets.push(listen(at, "--http", start).await?);
        }
    }
    Ok(sockets)
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
    /// Its port for STUN.
    pub(crate) stun: Option<RunningStun>,
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
        self.name_stun(args);
    }

    /// Has its page name STUN servers.
    fn name_stun(&self, args: &BridgeArgs) {
        let own = self.stun.as_ref().map(|stun| stun.port);
        self.http.set_page_stun(args.page_stun(own));
    }
}
