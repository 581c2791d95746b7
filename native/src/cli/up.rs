//! `xcher up`: a relay and a provider in one process; `xcher relay`: the relay alone.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::args::{Common, RelayArgs, UpArgs};
use super::exit::{Code, Failure};
use super::json::Line;
use super::output::Output;
use super::share;
use super::signals::Signals;
use super::start::Running;
use crate::relay;

/// Runs the relay until stopped.
pub(super) async fn relay(common: &Common, args: &RelayArgs) -> Result<(), Failure> {
    let mut signals = Signals::catch().map_err(local)?;
    let listener = listen(common, args).await?;
    relay::run(listener, config(args), async move { signals.stop().await }).await.map_err(local)
}

/// Runs a relay and shares, until stopped.
pub(super) async fn up(common: &Common, args: &UpArgs) -> Result<(), Failure> {
    let listener = listen(common, &args.relay).await?;
    let bound = listener.local_addr().map_err(local)?;
    let reached = SocketAddr::new(own_address(bound.ip()), bound.port());
    let common = Common { relay: reached.to_string(), ..common.clone() };
    let (stop, stopped) = oneshot::channel::<()>();
    let relay = tokio::spawn(relay::run(listener, config(&args.relay), async move {
        // The sender is dropped when sharing is over.
        let _ = stopped.await;
    }));
    let shared = share::run(&common, &args.share, |running| say_how(running, &common.relay)).await;
    drop(stop);
    match relay.await {
        Ok(ended) => ended.map_err(local).and(shared),
        Err(_) => shared,
    }
}

async fn listen(common: &Common, args: &RelayArgs) -> Result<TcpListener, Failure> {
    raise_descriptor_limit();
    let at = args.listen;
    let listener = TcpListener::bind(at).await.map_err(|error| {
        Failure::new(Code::Unreachable, format!("cannot listen on {at}: {error}"))
    })?;
    let bound = listener.local_addr().map_err(local)?;
    let output = Output::new(common);
    let said = output
        .result(format_args!("relay {bound}"))
        .and_then(|()| output.json(&Line::Relay { address: bound.to_string() }));
    said.map_err(|_| Failure::told(Code::Incomplete))?;
    Ok(listener)
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
        (Err(_), IpAddr::V4(_)) => std::net::Ipv4Addr::LOCALHOST.into(),
        (Err(_), IpAddr::V6(_)) => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}

fn say_how(running: &Running, relay: &str) {
    let Some(nick) = running.host.nick() else { return };
    let mut command = format!("{} get {nick} --all", program());
    if relay != "127.0.0.1:9247" {
        command.push_str(&format!(" --relay {relay}"));
    }
    running.output.note(format_args!("in another terminal, to fetch it all: {command}"));
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

fn local(error: std::io::Error) -> Failure {
    Failure::new(Code::Incomplete, error.to_string())
}
