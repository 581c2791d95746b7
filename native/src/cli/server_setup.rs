//! What a relay and a bridge alone do alike: who may use them, and how their operator watches, reloads and stops them.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use xcher_core::registry::Users;

use crate::admin::{Readiness, Running, STARTING, Servers, reloads};
use crate::cli::acme_front::AcmeFront;
use crate::cli::admin_front::AdminFront;
use crate::cli::drain::DrainingServers;
use crate::cli::exit::CliError;
use crate::cli::http_front::RunningBridge;
use crate::cli::options::{Admission, BridgeArgs, Common};
use crate::cli::quota_keeper::QuotaKeeper;
use crate::cli::reload::Reload;
use crate::cli::service_manager;
use crate::cli::signals::Hangups;
use crate::descriptors::raise_limit;
use crate::http::Tls;
use crate::relay::Relay;

/// What a server reads before it opens a port.
pub(crate) struct ServerSetup {
    /// The certificate of its ports.
    pub(crate) tls: Option<Tls>,
    pub(crate) users: Option<Arc<Users>>,
    /// The lists and the hook.
    pub(crate) admission: Admission,
    acme: Option<AcmeFront>,
    hangups: Hangups,
}

impl ServerSetup {
    /// Reads the files that the options name. From now on SIGHUP does not end the process.
    pub(crate) fn read(
        common: &Common,
        args: &BridgeArgs,
        users: Option<Arc<Users>>,
    ) -> Result<Self, CliError> {
        raise_limit();
        let hangups = Hangups::catch().map_err(CliError::local)?;
        let (tls, acme) = AcmeFront::tls(common, args)?;
        let admission = Admission::read(&args.access_args)?;
        Ok(Self { tls, users, admission, acme, hangups })
    }

    /// Returns true if an authority issues the certificate, and validates names at the bridge.
    pub(crate) fn has_authority(&self) -> bool {
        self.acme.is_some()
    }

    /// Starts what runs beside the ports; `relay` comes with whether it forwards any address.
    pub(crate) async fn start(
        self,
        common: &Common,
        admin: AdminFront,
        relay: Option<(Relay, bool)>,
        mut bridge: Option<RunningBridge>,
    ) -> RunningServer {
        let Self { tls, users, admission, acme, hangups } = self;
        let readiness = admin.readiness.clone();
        if let Some((bridge, acme)) = bridge.as_mut().zip(acme) {
            bridge.acme = Some(acme.start(common, readiness.clone()));
        }
        let quotas = match &bridge {
            Some(running) => Some(QuotaKeeper::start(common, &running.bridge).await),
            None => None,
        };
        let draining = DrainingServers {
            relay: relay.as_ref().map(|(relay, _)| relay.clone()),
            bridge: bridge.as_ref().map(|running| (running.http.clone(), running.bridge.clone())),
            readiness: readiness.clone(),
        };
        let stun = bridge.as_ref().and_then(|running| running.stun.as_ref());
        let stun = stun.map(|running| running.stun.clone());
        let (reloads, awaited) = reloads();
        let watched = draining.bridge.clone().map(|(http, bridge)| (bridge, http));
        let servers = Servers::new(draining.relay.clone(), watched, readiness.clone())
            .with_hook(admission.hook.clone())
            .with_stun(stun)
            .with_reloads(reloads)
            .with_quotas(quotas.as_ref().map(QuotaKeeper::store));
        let admin = admin.start(servers);
        let reload = Reload::new(common, relay, bridge, tls, admission).with_users(users);
        tokio::spawn(reload.at_each(hangups, awaited));
        RunningServer { draining, readiness, quotas, _admin: admin }
    }
}

/// A server whose ports are about to be served.
pub(crate) struct RunningServer {
    /// Stops it in order.
    pub(crate) draining: DrainingServers,
    readiness: Readiness,
    /// Those of its bridge.
    quotas: Option<QuotaKeeper>,
    _admin: Option<Running>,
}

impl RunningServer {
    /// Says that the server is ready, and keeps its quotas until its ports have been served.
    pub(crate) async fn run(
        self,
        serve: impl Future<Output = Result<(), CliError>>,
    ) -> Result<(), CliError> {
        self.readiness.clear(STARTING);
        service_manager::ready();
        let ended = tokio::select! {
            ended = serve => ended,
            never = self.keep_quotas() => match never {},
        };
        if let Some(quotas) = &self.quotas {
            quotas.end().await;
        }
        ended
    }

    async fn keep_quotas(&self) -> Infallible {
        match &self.quotas {
            Some(quotas) => quotas.run().await,
            None => pending().await,
        }
    }
}
