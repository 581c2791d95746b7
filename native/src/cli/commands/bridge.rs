//! `xcher bridge`: a bridge to a relay elsewhere.

use std::net::{Ipv4Addr, SocketAddr};

use crate::bridge::Home;
use crate::cli::admin_front::AdminFront;
use crate::cli::check::check;
use crate::cli::exit::CliError;
use crate::cli::http_front::{Front, http_sockets};
use crate::cli::options::{BridgeCommandArgs, Common, DEFAULT_HTTP_PORT};
use crate::cli::server_setup::ServerSetup;
use crate::cli::signals::Signals;
use crate::cli::ui::output::Output;
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
    let setup = ServerSetup::read(common, args, command.users.read()?)?;
    if setup.admission.lists().concern_hosts() {
        Output::new(common).note(format_args!(
            "of the lists of --access only [networks] applies to a bridge alone; its relay needs the others"
        ));
    }
    let admin = AdminFront::open(common, &args.operator, &command.start).await?;
    let sockets = http_sockets(&at, &command.start).await?;
    let stun = args.stun.map(|at| (at, &command.start));
    let front = Front::new(common, sockets, stun, setup.tls.clone(), setup.users.clone())?;
    let home = Home::Elsewhere(relay.to_owned());
    let (bridge, listeners) = front.start(args, &setup.admission, home)?;
    let http = bridge.http.clone();
    let server = setup.start(common, admin, None, Some(bridge)).await;
    let (draining, within) = (server.draining.clone(), command.stop.drain());
    let drained = draining.drain_at(signals, within, Output::new(common));
    let serve = async { http.run_all(listeners, drained).await.map_err(CliError::local) };
    server.run(serve).await
}
