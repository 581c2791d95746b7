//! `xcher relay`: a relay and its bridge.

use std::fmt;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use xcher_core::registry::Users;
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
use crate::cli::options::{Admission, Common, HttpAddress, RelayArgs, RelayCommandArgs, StartArgs};
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
    pub(crate) relay: TcpListener,
    pub(crate) front: Option<Front>,
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
        let cluster = args.cluster.cluster()?;
        let admission = Admission::read(&args.bridge.access_args)?;
        let output = Output::new(common);
        let admin = AdminFront::open(common, &args.bridge.operator, start).await?;
        let relay = listen(args.listen, "--listen", start).await?;
        let at = relay.local_addr().map_err(CliError::local)?;
        let address = at.to_string();
        output.result(format_args!("relay {address}")).map_err(CliError::unwritten)?;
        output.json(&JsonEvent::Relay { address }).map_err(CliError::unwritten)?;
        exposure::warn_of_relay(&output, users.as_deref(), at)?;
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
        let front = http.map(|listener| Front::new(common, listener, tls, users.clone()));
        let front = front.transpose()?;
        if acme.is_some() && front.is_none() {
            return Err(CliError::usage(
                "--acme-domain needs a bridge, at which the authority validates names; use --http",
            ));
        }
        Ok(Self { relay, front, admin, hangups, cluster, users, admission, acme })
    }

    pub(crate) async fn serve(
        self,
        common: &Common,
        args: &RelayArgs,
        until_stopped: impl AsyncFnOnce(DrainingServers),
    ) -> Result<(), CliError> {
        let port = self.relay.local_addr().map_err(CliError::local)?.port();
        let (limits, identity) = (args.limits(), identity(common)?);
        let hook = self.admission.hook.clone();
        if identity.is_none() && self.admission.lists().name_keys() {
            Output::new(common).note(format_args!(
                "the lists of --access name keys, and this relay learns none, because it has no key of its own"
            ));
        }
        let config = RelayConfig { limits, identity, port: Some(port), hook };
        let relay = match self.cluster {
            Some(cluster) => Relay::in_cluster(config, cluster),
            None => Relay::new(config),
        };
        let relay = relay.map_err(CliError::local)?;
        relay.set_users(self.users.clone());
        let lists = self.admission.lists();
        relay.set_access(Arc::clone(&lists));
        if let Some(cluster) = relay.cluster() {
            tokio::spawn(cluster_state::show(Output::new(common), cluster));
        }
        let start =
            |front: Front| front.start(&args.bridge, &self.admission, Home::Here(relay.clone()));
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
        let servers = Servers::new(Some(relay.clone()), watched, readiness.clone())
            .with_hook(self.admission.hook.clone())
            .with_reloads(reloads)
            .with_quotas(quotas.as_ref().map(QuotaKeeper::store));
        let _admin = self.admin.start(servers);
        let reload =
            Reload::new(common, Some((relay.clone(), args.any_address)), bridge, self.admission);
        let reload = reload.with_users(self.users);
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
