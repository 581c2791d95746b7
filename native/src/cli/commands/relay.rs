//! `xcher relay`: a relay and its bridge.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::oneshot;
use xcher_core::registry::Users;
use xcher_core::secure::Identity;

use crate::bridge::Home;
use crate::cli::admin_front::AdminFront;
use crate::cli::check::check;
#[cfg(feature = "cluster")]
use crate::cli::cluster_state;
use crate::cli::drain::DrainingServers;
use crate::cli::exit::CliError;
use crate::cli::exposure;
use crate::cli::http_front::{Front, http_sockets};
use crate::cli::options::{
    Cluster, Common, DEFAULT_HTTP_PORT, ListenAddress, RelayArgs, RelayCommandArgs, StartArgs,
};
use crate::cli::relay_ports::RelayPorts;
use crate::cli::server_setup::ServerSetup;
use crate::cli::signals::Signals;
use crate::cli::sockets::{OpenSocket, bind};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::keys::identity::{self, KeyOwner};
use crate::keys::{self, KeysError};
use crate::net::socket_address::SocketAddress;
use crate::relay::{Relay, RelayConfig};

/// Runs a relay and its bridge until stopped.
pub(crate) async fn run(common: &Common, args: &RelayCommandArgs) -> Result<(), CliError> {
    if args.start.check {
        return check(common, Some(&args.relay), &args.relay.bridge, &args.users);
    }
    let signals = Signals::catch().map_err(CliError::local)?;
    let users = args.users.read()?;
    let ports = Ports::open(common, &args.relay, &args.start, users).await?;
    let drain = async |servers: DrainingServers| {
        servers.drain_at(signals, args.stop.drain(), Output::new(common)).await;
    };
    ports.serve(common, &args.relay, drain).await
}

/// The ports of a relay and of its bridge.
pub(crate) struct Ports {
    relay: RelayPorts,
    pub(crate) front: Option<Front>,
    setup: ServerSetup,
    admin: AdminFront,
    cluster: Option<Cluster>,
}

impl Ports {
    pub(crate) async fn open(
        common: &Common,
        args: &RelayArgs,
        start: &StartArgs,
        users: Option<Arc<Users>>,
    ) -> Result<Self, CliError> {
        let setup = ServerSetup::read(common, &args.bridge, users)?;
        let (tls, users) = (&setup.tls, &setup.users);
        args.check_listen(tls.is_some())?;
        let cluster = args.cluster.cluster()?;
        let output = Output::new(common);
        let admin = AdminFront::open(common, &args.bridge.operator, start).await?;
        let relay = RelayPorts::open(args, start, tls.as_ref()).await?;
        for at in &relay.at {
            let address = at.to_string();
            output.result(format_args!("relay {address}")).map_err(CliError::unwritten)?;
            output.json(&JsonEvent::Relay { address }).map_err(CliError::unwritten)?;
            if let Some(at) = at.tcp() {
                exposure::warn_of_relay(&output, users.as_deref(), at)?;
            }
        }
        let http = bridge_sockets(&output, args, start).await?;
        let front = match http.is_empty() {
            true => None,
            false => {
                let stun = args.bridge.stun.map(|at| (at, start));
                Some(Front::new(common, http, stun, tls.clone(), users.clone())?)
            }
        };
        if setup.has_authority() && front.is_none() {
            return Err(CliError::usage(
                "--acme-domain needs a bridge, at which the authority validates names; use --http",
            ));
        }
        Ok(Self { relay, front, setup, admin, cluster })
    }

    /// Returns the relay's TCP port without TLS: one that other machines can reach, if there is one.
    pub(crate) fn plain(&self) -> Option<SocketAddr> {
        self.relay.plain()
    }

    pub(crate) async fn serve(
        self,
        common: &Common,
        args: &RelayArgs,
        until_stopped: impl AsyncFnOnce(DrainingServers),
    ) -> Result<(), CliError> {
        let port = self.plain().map(|at| at.port());
        let Self { relay: ports, front, setup, admin, cluster } = self;
        let relay = start_relay(common, args, port, &setup, cluster)?;
        let home = Home::Here(relay.clone());
        let start = |front: Front| front.start(&args.bridge, &setup.admission, home);
        let (bridge, listeners) = front.map(start).transpose()?.unzip();
        let http = bridge.as_ref().map(|bridge| bridge.http.clone());
        let started = Some((relay.clone(), args.any_address));
        let server = setup.start(common, admin, started, bridge).await;
        let (stop, stopped) = oneshot::channel::<()>();
        let front = async {
            let Some((http, listeners)) = http.zip(listeners) else { return Ok(()) };
            let stopped = async move {
                // The sender is dropped when the relay has ended.
                let _ = stopped.await;
            };
            http.run_all(listeners, stopped).await.map_err(CliError::local)
        };
        let draining = server.draining.clone();
        let shutdown = async {
            until_stopped(draining).await;
        };
        let relay = async {
            let ended = relay.run_all(ports.listeners, shutdown).await;
            drop(stop);
            ended.map_err(CliError::local)
        };
        let serve = async {
            let (front, relay) = tokio::join!(front, relay);
            relay.and(front)
        };
        server.run(serve).await
    }
}

/// Creates the relay, and gives it its users and lists.
fn start_relay(
    common: &Common,
    args: &RelayArgs,
    port: Option<u16>,
    setup: &ServerSetup,
    cluster: Option<Cluster>,
) -> Result<Relay, CliError> {
    let (limits, identity) = (args.limits(), identity(common)?);
    let (lists, hook) = (setup.admission.lists(), setup.admission.hook.clone());
    if identity.is_none() && lists.name_keys() {
        Output::new(common).note(format_args!(
            "the lists of --access name keys, and this relay learns none, because it has no key of its own"
        ));
    }
    let config = RelayConfig { limits, identity, port, hook };
    let relay = match cluster {
        #[cfg(feature = "cluster")]
        Some(cluster) => Relay::in_cluster(config, cluster),
        _ => Relay::new(config),
    };
    let relay = relay.map_err(CliError::local)?;
    relay.set_proxies(args.bridge.relay_proxies());
    relay.set_users(setup.users.clone());
    relay.set_access(lists);
    #[cfg(feature = "cluster")]
    if let Some(cluster) = relay.cluster() {
        tokio::spawn(cluster_state::show(Output::new(common), cluster));
    }
    Ok(relay)
}

/// Opens the ports of the bridge that `--http` names, or the default one.
async fn bridge_sockets(
    output: &Output,
    args: &RelayArgs,
    start: &StartArgs,
) -> Result<Vec<OpenSocket>, CliError> {
    let named = args.bridge.http()?;
    if named.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let mut sockets = http_sockets(named.as_deref().unwrap_or_default(), start).await?;
    if sockets.is_empty()
        && let Some(at) = default_http(&args.listen)
    {
        // The user did not ask for a bridge at that address: the relay runs without one.
        match bind(&SocketAddress::Tcp(at), start).await {
            Ok(socket) => sockets.push(socket),
            Err(error) => output.note(format_args!(
                "running without a bridge, cannot listen on {at}: {error}; choose another address with \
                 --http"
            )),
        }
    }
    Ok(sockets)
}

/// Returns the bridge's default address: the port after the relay's first; any free port beside any free port.
fn default_http(relay: &[ListenAddress]) -> Option<SocketAddr> {
    let port = match relay.iter().find_map(ListenAddress::tcp).map(|at| at.port()) {
        None => DEFAULT_HTTP_PORT,
        Some(0) => 0,
        Some(port) => port.checked_add(1)?,
    };
    Some((Ipv4Addr::LOCALHOST, port).into())
}

/// Loads the relay's key, which is created at first use. A key that cannot be stored is not used: it would
/// be another one at each start, and hosts would warn of the change.
fn identity(common: &Common) -> Result<Option<Identity>, CliError> {
    let (named, usual) = (common.data_dir.clone(), keys::usual_folder());
    let without = |why: &dyn fmt::Display| {
        Output::new(common).note(format_args!(
            "running without a relay key ({why}), so hosts know this relay by its address only; name a \
             folder for keys with --data-dir"
        ));
        Ok(None)
    };
    let Some(folder) = named.clone().or(usual) else { return without(&"no home directory") };
    match identity::load_or_create(&folder, KeyOwner::Relay) {
        Ok(secret) => Ok(Some(Identity::new(*secret))),
        Err(error @ KeysError::System { .. }) if named.is_none() => without(&error),
        Err(error) => Err(error.into()),
    }
}
