//! `xcher relay`: a relay and its bridge.

use std::fmt;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::oneshot;
use xcher_core::registry::Users;
use xcher_core::secure::Identity;

use crate::admin::{STARTING, Servers, reloads};
use crate::bridge::Home;
use crate::cli::acme_front::AcmeFront;
use crate::cli::admin_front::AdminFront;
use crate::cli::check::check;
#[cfg(feature = "cluster")]
use crate::cli::cluster_state;
use crate::cli::drain::DrainingServers;
use crate::cli::exit::CliError;
use crate::cli::exposure;
use crate::cli::http_front::Front;
use crate::cli::inherited_sockets;
use crate::cli::options::{
    Admission, Cluster, Common, DEFAULT_HTTP_PORT, ListenAddress, RelayArgs, RelayCommandArgs,
    StartArgs,
};
use crate::cli::quota_keeper::QuotaKeeper;
use crate::cli::relay_ports::RelayPorts;
use crate::cli::reload::Reload;
use crate::cli::service_manager;
use crate::cli::signals::{Hangups, Signals};
use crate::cli::sockets::{OpenSocket, bind, listen};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::descriptors::raise_limit;
use crate::http::Tls;
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
    let output = Output::new(common);
    let drain = async |servers: DrainingServers| {
        servers.drain_at(signals, args.stop.drain(), &output).await
    };
    ports.serve(common, &args.relay, drain).await
}

/// The ports of a relay and of its bridge.
pub(crate) struct Ports {
    relay: RelayPorts,
    pub(crate) front: Option<Front>,
    tls: Option<Tls>,
    admin: AdminFront,
    hangups: Hangups,
    cluster: Option<Cluster>,
    users: Option<Arc<Users>>,
    admission: Admission,
    acme: Option<AcmeFront>,
}

impl Ports {
    pub(crate) async fn open(
        common: &Common,
        args: &RelayArgs,
        start: &StartArgs,
        users: Option<Arc<Users>>,
    ) -> Result<Self, CliError> {
        raise_limit();
        let hangups = Hangups::catch().map_err(CliError::local)?;
        let (tls, acme) = AcmeFront::tls(common, &args.bridge)?;
        args.check_listen(tls.is_some())?;
        let cluster = args.cluster.cluster()?;
        let admission = Admission::read(&args.bridge.access_args)?;
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
        let http = http_sockets(&output, args, start).await?;
        let front = match http.is_empty() {
            true => None,
            false => Some(Front::new(common, http, tls.clone(), users.clone())?),
        };
        if acme.is_some() && front.is_none() {
            return Err(CliError::usage(
                "--acme-domain needs a bridge, at which the authority validates names; use --http",
            ));
        }
        Ok(Self { relay, front, tls, admin, hangups, cluster, users, admission, acme })
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
        let (limits, identity) = (args.limits(), identity(common)?);
        let hook = self.admission.hook.clone();
        if identity.is_none() && self.admission.lists().name_keys() {
            Output::new(common).note(format_args!(
                "the lists of --access name keys, and this relay learns none, because it has no key of its own"
            ));
        }
        let config = RelayConfig { limits, identity, port, hook };
        let relay = match self.cluster {
            #[cfg(feature = "cluster")]
            Some(cluster) => Relay::in_cluster(config, cluster),
            _ => Relay::new(config),
        };
        let relay = relay.map_err(CliError::local)?;
        relay.set_proxies(args.bridge.relay_proxies());
        relay.set_users(self.users.clone());
        let lists = self.admission.lists();
        relay.set_access(Arc::clone(&lists));
        #[cfg(feature = "cluster")]
        if let Some(cluster) = relay.cluster() {
            tokio::spawn(cluster_state::show(Output::new(common), cluster));
        }
        let start =
            |front: Front| front.start(&args.bridge, &self.admission, Home::Here(relay.clone()));
        let (mut bridge, listeners) = self.front.map(start).transpose()?.unzip();
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
        let servers = Servers::new(Some(relay.clone()), watched, readiness.clone())
            .with_hook(self.admission.hook.clone())
            .with_reloads(reloads)
            .with_quotas(quotas.as_ref().map(QuotaKeeper::store));
        let _admin = self.admin.start(servers);
        let relay_in_force = Some((relay.clone(), args.any_address));
        let reload = Reload::new(common, relay_in_force, bridge, self.tls, self.admission);
        let reload = reload.with_users(self.users);
        tokio::spawn(reload.at_each(self.hangups, awaited));
        let (stop, stopped) = oneshot::channel::<()>();
        let front = async {
            let Some((http, listeners)) = http.zip(listeners) else { return Ok(()) };
            let stopped = async move {
                let _ = stopped.await;
            };
            http.run_all(listeners, stopped).await.map_err(CliError::local)
        };
        readiness.clear(STARTING);
        let shutdown = async {
            until_stopped(draining).await;
        };
        let relay = async {
            let ended = relay.run_all(self.relay.listeners, shutdown).await;
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

/// Opens what `--http` names, or the default.
async fn http_sockets(
    output: &Output,
    args: &RelayArgs,
    start: &StartArgs,
) -> Result<Vec<OpenSocket>, CliError> {
    let named = args.bridge.http()?;
    if named.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let mut sockets = inherited_sockets::take("--http", true)?;
    if !sockets.is_empty() {
        return Ok(sockets);
    }
    for at in named.iter().flatten() {
        sockets.push(listen(at, "--http", start).await?);
    }
    if named.is_none()
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
