//! `xcher bridge`: a bridge to a relay elsewhere.

use std::convert::Infallible;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::sync::oneshot;

use crate::admin::{STARTING, Servers, reloads};
use crate::bridge::Home;
use crate::cli::acme_front::AcmeFront;
use crate::cli::admin_front::AdminFront;
use crate::cli::check::check;
use crate::cli::drain::DrainingServers;
use crate::cli::exit::CliError;
use crate::cli::http_front::Front;
use crate::cli::inherited_sockets;
use crate::cli::options::{Admission, BridgeCommandArgs, Common, DEFAULT_HTTP_PORT};
use crate::cli::quota_keeper::QuotaKeeper;
use crate::cli::reload::Reload;
use crate::cli::service_manager;
use crate::cli::signals::{Hangups, Signals};
use crate::cli::sockets::listen;
use crate::cli::ui::output::Output;
use crate::descriptors::raise_limit;
use crate::net::socket_address::SocketAddress;

/// Runs a bridge until stopped.
pub(crate) async fn run(common: &Common, command: &BridgeCommandArgs) -> Result<(), CliError> {
    let args = &command.bridge;
    if command.start.check {
        return check(common, None, args, &command.users);
    }
    let signals = Signals::catch().map_err(CliError::local)?;
    let Some(relay) = common.relay.tcp() else {
        return Err(CliError::usage(format!(
            "a bridge connects to a relay's TCP port without TLS, and {} is none; use --relay HOST:PORT",
            common.relay
        )));
    };
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_HTTP_PORT));
    let at = args.http()?.unwrap_or_else(|| vec![SocketAddress::Tcp(default)]);
    if at.is_empty() {
        return Err(CliError::usage("a bridge needs an address to listen on; use --http IP:PORT"));
    }
    args.check_proxies(None)?;
    raise_limit();
    let hangups = Hangups::catch().map_err(CliError::local)?;
    let (tls, acme) = AcmeFront::tls(common, args)?;
    let users = command.users.read()?;
    let admission = Admission::read(&args.access_args)?;
    if admission.lists().concern_hosts() {
        Output::new(common).note(format_args!(
            "of the lists of --access only [networks] applies to a bridge alone; its relay needs the others"
        ));
    }
    let admin = AdminFront::open(common, &args.operator, &command.start).await?;
    let mut sockets = inherited_sockets::take("--http", true)?;
    if sockets.is_empty() {
        for at in &at {
            sockets.push(listen(at, "--http", &command.start).await?);
        }
    }
    let front = Front::new(common, sockets, tls.clone(), users.clone())?;
    let (mut bridge, listeners) =
        front.start(args, &admission, Home::Elsewhere(relay.to_owned()))?;
    let http = bridge.http.clone();
    let readiness = admin.readiness.clone();
    bridge.acme = acme.map(|acme| acme.start(common, readiness.clone()));
    let watched = (bridge.bridge.clone(), http.clone());
    let servers = DrainingServers {
        relay: None,
        bridge: Some((http.clone(), bridge.bridge.clone())),
        readiness: readiness.clone(),
    };
    let quotas = QuotaKeeper::start(common, &bridge.bridge).await;
    let (reloads, awaited) = reloads();
    let operated = Servers::new(None, Some(watched), readiness.clone()).with_reloads(reloads);
    let operated = operated.with_hook(admission.hook.clone()).with_quotas(Some(quotas.store()));
    let _admin = admin.start(operated);
    let (output, within) = (Output::new(common), command.stop.drain());
    let reload = Reload::new(common, None, Some(bridge), tls, admission).with_users(users);
    tokio::spawn(reload.at_each(hangups, awaited));
    let (stop, stopped) = oneshot::channel::<()>();
    let drain = async {
        servers.drain_at(signals, within, &output).await;
        drop(stop);
        pending::<Infallible>().await
    };
    let stopped = async move {
        // The sender is dropped when the bridge has drained.
        let _ = stopped.await;
    };
    readiness.clear(STARTING);
    service_manager::ready();
    let ended = tokio::select! {
        ended = http.run_all(listeners, stopped) => ended.map_err(CliError::local),
        never = drain => match never {},
        never = quotas.run() => match never {},
    };
    quotas.save().await;
    ended
}
