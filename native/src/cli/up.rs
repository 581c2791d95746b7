//! `xcher up`: a relay, its bridge and a provider in one process; `xcher relay`: without a provider.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::args::{Common, RelayArgs, UpArgs};
use super::exit::{Code, Failure};
use super::json::Line;
use super::output::Output;
use super::share;
use super::signals::Signals;
use super::start::Running;
use crate::bridge::{Bridge, BridgeConfig, Rates};
use crate::http::{self, HttpConfig, Tls, WsBytes};
use crate::relay::{self, Relay};

/// Runs the relay and its bridge until stopped.
pub(super) async fn relay(common: &Common, args: &RelayArgs) -> Result<(), Failure> {
    let mut signals = Signals::catch().map_err(Failure::local)?;
    let ports = Ports::open(common, args).await?;
    ports.serve(common, args, async move { signals.stop().await }).await
}

/// Runs a relay with its bridge and shares, until stopped.
pub(super) async fn up(common: &Common, args: &UpArgs) -> Result<(), Failure> {
    let ports = Ports::open(common, &args.relay).await?;
    let bound = ports.relay.local_addr().map_err(Failure::local)?;
    let reached = SocketAddr::new(own_address(bound.ip()), bound.port());
    let own = Common { relay: reached.into(), ..common.clone() };
    let (stop, stopped) = oneshot::channel::<()>();
    let serve = ports.serve(common, &args.relay, async move {
        // The sender is dropped when sharing is over.
        let _ = stopped.await;
    });
    let share = async {
        let shared = share::run(&own, &args.share, |running| say_how(running, reached)).await;
        drop(stop);
        shared
    };
    let (served, shared) = tokio::join!(serve, share);
    served.and(shared)
}

/// The ports of a relay and of its bridge.
struct Ports {
    relay: TcpListener,
    http: Option<TcpListener>,
    tls: Option<Tls>,
}

impl Ports {
    async fn open(common: &Common, args: &RelayArgs) -> Result<Self, Failure> {
        raise_descriptor_limit();
        let tls = args.tls()?;
        let output = Output::new(common);
        let unread = |_| Failure::told(Code::Incomplete);
        let relay = listen(args.listen, "--listen").await?;
        let address = relay.local_addr().map_err(Failure::local)?.to_string();
        output.result(format_args!("relay {address}")).map_err(unread)?;
        output.json(&Line::Relay { address }).map_err(unread)?;
        let http = match (args.http(), &args.http) {
            (None, _) => None,
            (Some(address), Some(_)) => Some(listen(address, "--http").await?),
            // Nobody asked for it there: a relay without a bridge is a relay.
            (Some(address), None) => match TcpListener::bind(address).await {
                Ok(listener) => Some(listener),
                Err(error) => {
                    let why = format_args!("no bridge at {address}: {error}; see --http");
                    output.note(why);
                    None
                }
            },
        };
        if let Some(http) = &http {
            let scheme = if tls.is_some() { "https" } else { "http" };
            let url = format!("{scheme}://{}/", http.local_addr().map_err(Failure::local)?);
            output.result(format_args!("http {url}")).map_err(unread)?;
            output.json(&Line::Http { url }).map_err(unread)?;
        }
        Ok(Self { relay, http, tls })
    }

    async fn serve(
        self,
        common: &Common,
        args: &RelayArgs,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let relay = Relay::new(config(args));
        let Some(listener) = self.http else {
            return relay.run(self.relay, shutdown).await.map_err(Failure::local);
        };
        let bound = listener.local_addr().map_err(Failure::local)?;
        let bridge = Bridge::new(relay.clone(), lends(args, bound.ip()));
        let http = HttpConfig {
            allow_origin: args.allow_origin.clone(),
            token: common.token()?,
            trusted_proxies: args.trusted_proxy.clone(),
            tls: self.tls,
            ..HttpConfig::default()
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let tunnel = move |socket: WsBytes, client| {
            let (bridge, reached_at) = (bridge.clone(), socket.reached_at());
            async move { bridge.serve(socket, client, reached_at).await }
        };
        let front = http::run(listener, http, tunnel, async move {
            let _ = stopped.await;
        });
        let relay = async {
            let ended = relay.run(self.relay, shutdown).await;
            drop(stop);
            ended
        };
        let (front, relay) = tokio::join!(front, relay);
        relay.and(front).map_err(Failure::local)
    }
}

/// What the bridge lends, where its page is at this address.
fn lends(args: &RelayArgs, http: IpAddr) -> BridgeConfig {
    // A public address may be none of this host's, but of a router before it.
    let listen_ip = match args.public_ip {
        None => http,
        Some(IpAddr::V4(_)) => Ipv4Addr::UNSPECIFIED.into(),
        Some(IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let (public_ip, ports) = (args.public_ip, args.tunnel_ports.clone());
    let (tunnel, address, total) = (args.tunnel_rate, args.address_rate, args.total_rate);
    let rates = Rates { tunnel, address, total };
    BridgeConfig { public_ip, ports, rates, ..BridgeConfig::at(listen_ip) }
}

async fn listen(at: SocketAddr, option: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(at).await.map_err(|error| {
        let message = format!("cannot listen on {at} ({option}): {error}");
        Failure::new(Code::Unreachable, message)
    })
}

/// Takes as many descriptors as the system lets this process have: every connection needs one. Where
/// it will not give them, the relay says so when they run out.
fn raise_descriptor_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

fn config(args: &RelayArgs) -> relay::RelayConfig {
    let mut config = relay::RelayConfig::default();
    config.limits.connections = args.max_connections;
    config.limits.per_address = args.max_per_address;
    config.limits.any_address = args.any_address;
    config
}

/// The address at which others reach a relay that listens on all of this host's. Nothing is sent:
/// the system is only asked which of its addresses it would use.
fn own_address(listen: IpAddr) -> IpAddr {
    if !listen.is_unspecified() {
        return listen;
    }
    let (any, far): (IpAddr, &str) = match listen {
        IpAddr::V4(_) => ([0; 4].into(), "192.0.2.1:9"),
        IpAddr::V6(_) => ([0; 16].into(), "[2001:db8::1]:9"),
    };
    let asked = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect(far)?;
        socket.local_addr()
    });
    match (asked, listen) {
        (Ok(address), _) => address.ip(),
        (Err(_), IpAddr::V4(_)) => Ipv4Addr::LOCALHOST.into(),
        (Err(_), IpAddr::V6(_)) => Ipv6Addr::LOCALHOST.into(),
    }
}

fn say_how(running: &Running, relay: SocketAddr) {
    let Some(nick) = running.host.nick() else { return };
    let mut command = format!("{} get {nick} --all", program());
    if relay != SocketAddr::from((Ipv4Addr::LOCALHOST, 9247)) {
        command.push_str(&format!(" --relay {relay}"));
    }
    running.output.note(format_args!("in another terminal, to fetch it all: {command}"));
    if let Some(how) = http::lacks_page() {
        running.output.note(format_args!("{how}"));
    }
}

/// How this program was started, so that it can be started again from any folder.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let by_path = std::path::Path::new(&called).components().count() > 1;
    match std::env::current_exe() {
        Ok(path) if by_path => {
            let path = path.display().to_string();
            if path.contains(' ') { format!("'{path}'") } else { path }
        }
        _ => "xcher".to_owned(),
    }
}
