//! `xcher relay`: a relay and its bridge.

use std::fmt;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use xcher_core::secure::Identity;

use crate::admin::{STARTING, Servers, reloads};
use crate::bridge::Home;
use crate::cli::acme_front::AcmeFront;
use crate::cli::admin_front::AdminFront;
use crate::cli::check::check;
use crate::cli::cluster_state;
use crate::cli::drain::DrainingServers;
use crate::cli::exit::CliError;
use crate::cli::exposure;
use crate::cli::http_front::Front;
use crate::cli::inherited_sockets;
use crate::cli::options::{Common, HttpAddress, RelayArgs, RelayCommandArgs, StartArgs};
use crate::cli::quota_keeper::QuotaKeeper;
use crate::cli::reload::Reload;
use crate::cli::service_manager;
use crate::cli::signals::{Hangups, Signals};
use crate::cli::sockets::{bind, listen};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::descriptors::raise_limit;
use crate::keys::identity::{self, KeyOwner};
use crate::keys::{self, KeysError};
use crate::relay::{Cluster, Relay, RelayConfig};

/// Runs a relay and its bridge until stopped.
pub(crate) async fn run(common: &Common, args: &RelayCommandArgs) -> Result<(), CliError> {
    if args.start.check {
        return check(common, Some(&args.relay), &args.relay.bridge);
    }
    let signals = Signals::catch().map_err(CliError::local)?;
    let ports = Ports::open(common, &args.relay, &args.start).await?;
    let output = Output::new(common);
    let drain = async |servers: DrainingServers| {
        servers.drain_at(signals, args.stop.drain(), &output).await
    };
    ports.serve(common, &args.relay, drain).await
}

/// The ports of a relay and of its bridge.
pub(crate) struct Ports {
    pub(crate) relay: TcpListener,
    pub(crate) front: Option<Front>,
    admin: AdminFront,
    hangups: Hangups,
    cluster: Option<Cluster>,
    acme: Option<AcmeFront>,
}

impl Ports {
    pub(crate) async fn open(
        common: &Common,
        args: &RelayArgs,
        start: &StartArgs,
    ) -> Result<Self, CliError> {
        raise_limit();
        let hangups = Hangups::catch().map_err(CliError::local)?;
        let (tls, acme) = AcmeFront::tls(common, &args.bridge)?;
        let cluster = args.cluster.cluster()?;
        let output = Output::new(common);
        let admin = AdminFront::open(common, &args.bridge.operator, start).await?;
        let relay = listen(args.listen, "--listen", start).await?;
        let at = relay.local_addr().map_err(CliError::local)?;
        let address = at.to_string();
        output.result(format_args!("relay {address}")).map_err(CliError::unwritten)?;
        output.json(&JsonEvent::Relay { address }).map_err(CliError::unwritten)?;
        exposure::warn_of_relay(&output, at)?;
        let inherited = match args.bridge.http {
            None => inherited_sockets::take("--http")?,
            Some(_) => None,
        };
        let http = match (args.bridge.http, default_http(args.listen)) {
            (Some(HttpAddress(None)), _) => None,
            (None, _) if inherited.is_some() => inherited,
            (None, None) => None,
            (Some(HttpAddress(Some(address))), _) => Some(listen(address, "--http", start).await?),
            // The user did not ask for a bridge at that address: the relay runs without one.
            (None, Some(address)) => match bind(address, start) {
                Ok(listener) => Some(listener),
                Err(error) => {
                    output.note(format_args!(
                        "running without a bridge, cannot listen on {address}: {error}; choose another \
                         address with --http"
                    ));
                    None
                }
            },
        };
        let front = http.map(|listener| Front::new(common, listener, tls)).transpose()?;
        if acme.is_some() && front.is_none() {
            return Err(CliError::usage(
                "--acme-domain needs a bridge, at which the authority validates names; use --http",
            ));
        }
        Ok(Self { relay, front, admin, hangups, cluster, acme })
    }

    pub(crate) async fn serve(
        self,
        common: &Common,
        args: &RelayArgs,
        until_stopped: impl AsyncFnOnce(DrainingServers),
    ) -> Result<(), CliError> {
        let port = self.relay.local_addr().map_err(CliError::local)?.port();
        let (limits, identity) = (args.limits(), identity(common)?);
        let config = RelayConfig { limits, identity, port: Some(port) };
        let relay = match self.cluster {
            Some(cluster) => Relay::in_cluster(config, cluster),
            None => Relay::new(config),
        };
        let relay = relay.map_err(CliError::local)?;
        if let Some(cluster) = relay.cluster() {
            tokio::spawn(cluster_state::show(Output::new(common), cluster));
        }
        let start = |front: Front| front.start(&args.bridge, Home::Here(relay.clone()));
        let (mut bridge, listener) = self.front.map(start).transpose()?.unzip();
        let http = bridge.as_ref().map(|bridge| bridge.http.clone());
        let readiness = self.admin.readiness.clone();
        if let Some((bridge, acme)) = bridge.as_mut().zip(self.acme) {
            bridge.acme = Some(acme.start(common, readiness.clone()));
        }
        let watched = bridge.as_ref().map(|it| (it.bridge.clone(), it.http.clone()));
        let draining = DrainingServers {
            relay: Some(relay.clone()),
            bridge: bridge.as_ref().map(|running| (running.http.clone(), running.bridge.clone())),
            readiness: readiness.clone(),
        };
        let quotas = match &bridge {
            Some(running) => Some(QuotaKeeper::start(common, &running.bridge).await),
            None => None,
        };
        let (reloads, awaited) = reloads();
        let servers = Servers::new(Some(relay.clone()), watched, readiness.clone());
        let servers = servers.with_reloads(reloads);
        let store = quotas.as_ref().map(QuotaKeeper::store);
        let _admin = self.admin.start(servers.with_quotas(store));
        let reload = Reload::new(common, Some((relay.clone(), args.any_address)), bridge);
        tokio::spawn(reload.at_each(self.hangups, awaited));
        let (stop, stopped) = oneshot::channel::<()>();
        let front = async {
            let Some((http, listener)) = http.zip(listener) else { return Ok(()) };
            let stopped = async move {
                let _ = stopped.await;
            };
            http.run(listener, stopped).await.map_err(CliError::local)
        };
        readiness.clear(STARTING);
        let shutdown = async {
            until_stopped(draining).await;
        };
        let relay = async {
            let ended = relay.run(self.relay, shutdown).await;
            drop(stop);
            ended.map_err(CliError::local)
        };
        service_manager::ready();
        let keep = async {
            match &quotas {
                Some(quotas) => quotas.run().await,
                None => pending().await,
            }
        };
        let ended = tokio::select! {
            (front, relay) = async { tokio::join!(front, relay) } => relay.and(front),
            never = keep => match never {},
        };
        if let Some(quotas) = &quotas {
            quotas.save().await;
        }
        ended
    }
}

/// Returns the bridge's default address: the port after the relay's; any free port beside any free port.
fn default_http(relay: SocketAddr) -> Option<SocketAddr> {
    let port = match relay.port() {
        0 => 0,
        port => port.checked_add(1)?,
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
