//! A bridge's HTTP port, before and after the bridge is started.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use xcher_core::registry::{Account, Users};

use crate::bridge::{Bridge, Home};
use crate::cli::exit::CliError;
use crate::cli::exposure;
use crate::cli::options::{Admission, BridgeArgs, Common};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::http::{Access, Http, HttpConfig, Quota, Tls, WsBytes};

/// A port that is open, with the token and certificate for it.
pub(crate) struct Front {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
    tls: Option<Tls>,
    token: Option<String>,
    users: Option<Arc<Users>>,
}

impl Front {
    /// Prints the URL of the port.
    pub(crate) fn new(
        common: &Common,
        listener: TcpListener,
        tls: Option<Tls>,
        users: Option<Arc<Users>>,
    ) -> Result<Self, CliError> {
        let (token, address) = (common.token()?, listener.local_addr().map_err(CliError::local)?);
        let front = Self { listener, address, tls, token, users };
        let url = front.url(address.ip());
        let output = Output::new(common);
        output.result(format_args!("http {url}")).map_err(CliError::unwritten)?;
        output.json(&JsonEvent::Http { url }).map_err(CliError::unwritten)?;
        exposure::warn_of_bridge(common, &output, front.users.as_deref(), address)?;
        Ok(front)
    }

    /// Returns the page's URL for clients that reach this host at `ip`.
    pub(crate) fn url(&self, ip: IpAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", SocketAddr::new(ip, self.address.port()))
    }

    /// Builds the bridge that serves this port.
    pub(crate) fn start(
        self,
        args: &BridgeArgs,
        admission: &Admission,
        home: Home,
    ) -> Result<(RunningBridge, TcpListener), CliError> {
        let Self { listener, address, tls, token, users } = self;
        let bridge = Bridge::new(home, args.bridge_config(address.ip()));
        bridge.set_users(users.clone());
        let access = Access { users, ..args.access(token.clone()) };
        let counts = bridge.clone();
        let quota = move |account: &Account, client| {
            counts.check_quota(account, client).map_err(|error| error.to_string())
        };
        let quota = Some(Arc::new(quota) as Arc<Quota>);
        let hook = admission.hook.clone();
        let config = HttpConfig { access, tls: tls.clone(), hook, quota, ..HttpConfig::default() };
        let serves = bridge.clone();
        let tunnel = move |socket: WsBytes, client| {
            let (bridge, reached_at) = (serves.clone(), socket.reached_at());
            let account = socket.account().clone();
            async move { bridge.serve_as(account, socket, client, reached_at).await }
        };
        let http = Http::new(config, tunnel).map_err(CliError::local)?;
        http.set_lists(admission.lists());
        Ok((RunningBridge { http, bridge, tls, address, token, acme: None }, listener))
    }
}

/// A bridge and the parts of it that can change while it runs.
pub(crate) struct RunningBridge {
    pub(crate) http: Http,
    pub(crate) bridge: Bridge,
    pub(crate) tls: Option<Tls>,
    pub(crate) address: SocketAddr,
    /// The token in force.
    pub(crate) token: Option<String>,
    /// Asks for a certificate that an authority has not issued so far.
    pub(crate) acme: Option<Arc<Notify>>,
}
