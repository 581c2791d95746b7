//! `xcher bridge`: a bridge to a relay elsewhere; and the port of one, for a relay that has its own.

use std::net::{Ipv4Addr, SocketAddr};

use crate::bridge::Home;
use crate::cli::exit::CliError;
use crate::cli::http_front::Front;
use crate::cli::options::{BridgeArgs, Common, HttpAddress};
use crate::cli::reload::Reload;
use crate::cli::signals::{Hangups, Signals};
use crate::cli::sockets::listen;
use crate::descriptors::raise_limit;

/// Runs a bridge until stopped.
pub(crate) async fn run(common: &Common, args: &BridgeArgs) -> Result<(), CliError> {
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
