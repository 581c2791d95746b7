//! `xcher bridge`: a bridge to a relay elsewhere.

use std::net::{Ipv4Addr, SocketAddr};

use crate::admin::{STARTING, STOPPING, Servers};
use crate::bridge::Home;
use crate::cli::admin_front::AdminFront;
use crate::cli::exit::CliError;
use crate::cli::http_front::Front;
use crate::cli::options::{BridgeArgs, Common, DEFAULT_HTTP_PORT, HttpAddress};
use crate::cli::reload::Reload;
use crate::cli::service_manager;
use crate::cli::signals::{Hangups, Signals};
use crate::cli::sockets::listen;
use crate::descriptors::raise_limit;

/// Runs a bridge until stopped.
pub(crate) async fn run(common: &Common, args: &BridgeArgs) -> Result<(), CliError> {
    let mut signals = Signals::catch().map_err(CliError::local)?;
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
    let tls = args.tls()?;
    let admin = AdminFront::open(common, &args.operator).await?;
    let front = Front::new(common, listen(at, "--http").await?, tls)?;
    let (bridge, listener) = front.start(args, Home::Elsewhere(relay.to_owned()))?;
    let http = bridge.http.clone();
    let readiness = admin.readiness.clone();
    let watched = (bridge.bridge.clone(), http.clone());
    let _admin = admin.start(Servers::new(None, Some(watched), readiness.clone()));
    tokio::spawn(Reload::new(common, None, Some(bridge)).at_each(hangups));
    readiness.clear(STARTING);
    service_manager::ready();
    let shutdown = async move {
        signals.stop().await;
        readiness.set(STOPPING, "it was told to stop");
        service_manager::stopping();
    };
    http.run(listener, shutdown).await.map_err(CliError::local)
}
