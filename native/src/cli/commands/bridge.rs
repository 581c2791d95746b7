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
use crate::cli::options::{BridgeCommandArgs, Common, DEFAULT_HTTP_PORT, HttpAddress};
use crate::cli::quota_keeper::QuotaKeeper;
use crate::cli::reload::Reload;
use crate::cli::service_manager;
use crate::cli::signals::{Hangups, Signals};
use crate::cli::sockets::listen;
use crate::cli::ui::output::Output;
use crate::descriptors::raise_limit;

/// Runs a bridge until stopped.
pub(crate) async fn run(common: &Common, command: &BridgeCommandArgs) -> Result<(), CliError> {
    let args = &command.bridge;
    if command.start.check {
        return check(common, None, args);
    }
    let signals = Signals::catch().map_err(CliError::local)?;
    let Some(relay) = common.relay.tcp() else {
        return Err(CliError::usage(format!(
            "a bridge connects to a relay's TCP port, and {} is a URL; use --relay HOST:PORT",
            common.relay
        )));
    };
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_HTTP_PORT));
    let http = args.http.unwrap_or(HttpAddress(Some(default)));
    let Some(at) = http.0 else {
        return Err(CliError::usage("a bridge needs an address to listen on; use --http IP:PORT"));
    };
    raise_limit();
    let hangups = Hangups::catch().map_err(CliError::local)?;
    let (tls, acme) = AcmeFront::tls(common, args)?;
    let admin = AdminFront::open(common, &args.operator, &command.start).await?;
    let front = Front::new(common, listen(at, "--http", &command.start).await?, tls)?;
    let (mut bridge, listener) = front.start(args, Home::Elsewhere(relay.to_owned()))?;
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
    let watching = Servers::new(None, Some(watched), readiness.clone()).with_reloads(reloads);
    let _admin = admin.start(watching.with_quotas(Some(quotas.store())));
    let (output, within) = (Output::new(common), command.stop.drain());
    tokio::spawn(Reload::new(common, None, Some(bridge)).at_each(hangups, awaited));
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
        ended = http.run(listener, stopped) => ended.map_err(CliError::local),
        never = drain => match never {},
        never = quotas.run() => match never {},
    };
    quotas.save().await;
    ended
}
