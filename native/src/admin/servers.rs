//! The servers of a process, as its operator watches and steers them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::info;
use xcher_core::registry::{Account, Banned, TooManyBans};

use super::readiness::{DRAINING, Readiness, STARTING, STOPPING};
use super::reload::{ReloadRequests, Reloaded};
use super::routes::Disconnected;
use super::status::{Reason, Status};
use super::target::Target;
use super::watched::Watched;
use crate::bridge::{Bridge, QuotaStore};
use crate::hook::Hook;
use crate::http::Http;
use crate::net::log_line;
use crate::relay::{Host, Relay};
use crate::stun::Stun;

/// The servers of a process.
pub(crate) struct Servers {
    relay: Option<Relay>,
    bridge: Option<(Bridge, Http)>,
    readiness: Readiness,
    /// Reads the options of the servers again.
    reloads: Option<ReloadRequests>,
    /// Keeps the quotas of the bridge.
    quotas: Option<Arc<QuotaStore>>,
    started: Instant,
    watched: Vec<Arc<dyn Watched>>,
}

impl Servers {
    pub(crate) fn new(
        relay: Option<Relay>,
        bridge: Option<(Bridge, Http)>,
        readiness: Readiness,
    ) -> Self {
        let mut watched: Vec<Arc<dyn Watched>> = Vec::new();
        if let Some(relay) = &relay {
            watched.push(Arc::new(relay.clone()));
            #[cfg(feature = "cluster")]
            if let Some(cluster) = relay.cluster() {
                watched.push(Arc::new(cluster));
            }
        }
        if let Some((bridge, http)) = &bridge {
            watched.push(Arc::new(bridge.clone()));
            watched.push(Arc::new(http.clone()));
        }
        let started = Instant::now();
        Self { relay, bridge, readiness, reloads: None, quotas: None, started, watched }
    }

    /// Lets operators reload.
    pub(crate) fn with_reloads(self, reloads: ReloadRequests) -> Self {
        Self { reloads: Some(reloads), ..self }
    }

    /// Lets operators reset quotas.
    pub(crate) fn with_quotas(self, quotas: Option<Arc<QuotaStore>>) -> Self {
        Self { quotas, ..self }
    }

    /// Reads options and files again; none if the server is about to end.
    pub(super) async fn reload(&self) -> Option<Reloaded> {
        self.reloads.as_ref()?.reload().await
    }

    /// Returns the bridge and the store of its quotas.
    pub(super) fn quotas(&self) -> Option<(&Bridge, &Arc<QuotaStore>)> {
        self.bridge.as_ref().map(|(bridge, _)| bridge).zip(self.quotas.as_ref())
    }

    /// Returns true if the server is about to end.
    pub(super) fn stops(&self) -> bool {
        self.readiness.reasons().iter().any(|(name, _)| [DRAINING, STOPPING].contains(name))
    }

    /// Adds the hook that decides about clients.
    pub(crate) fn with_hook(mut self, hook: Option<Hook>) -> Self {
        self.watched.extend(hook.map(|hook| Arc::new(hook) as Arc<dyn Watched>));
        self
    }

    /// Adds the STUN server.
    pub(crate) fn with_stun(mut self, stun: Option<Stun>) -> Self {
        self.watched.extend(stun.map(|stun| Arc::new(stun) as Arc<dyn Watched>));
        self
    }

    /// Returns at most `count` hosts whose nick comes after `after`; `None` if the relay is elsewhere.
    pub(super) fn hosts(&self, after: &str, count: usize) -> Option<Vec<Host>> {
        self.relay.as_ref().map(|relay| relay.hosts(after, count))
    }

    /// Returns all parts that have metrics.
    pub(super) fn watched(&self) -> &[Arc<dyn Watched>] {
        &self.watched
    }

    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn status(&self) -> Status {
        let reasons = self.readiness.reasons();
        let mut status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: self.uptime().as_secs(),
            ..Status::default()
        };
        self.watched.iter().for_each(|part| part.add_to(&mut status));
        if reasons.iter().any(|(name, _)| [STARTING, DRAINING].contains(name)) {
            // Nothing is accepted, for that reason.
            status.reasons.clear();
        }
        status.reasons.extend(
            reasons.into_iter().map(|(name, why)| Reason { name: name.into(), why: why.into() }),
        );
        status.ready = status.reasons.is_empty();
        status
    }

    /// Disconnects those that `target` names, and returns how many they were.
    pub(super) fn kick(&self, target: &Target) -> Disconnected {
        let (relay, bridge) = (self.relay.as_ref(), self.bridge.as_ref().map(|(bridge, _)| bridge));
        let at_relay = |count: &dyn Fn(&Relay) -> usize| relay.map_or(0, count);
        let at_bridge = |count: &dyn Fn(&Bridge) -> usize| bridge.map_or(0, count);
        // The tunnels first: a tunnel forgets its link to the relay once the relay has closed that.
        let done = match target {
            Target::Connection(conn) => Disconnected {
                tunnels: at_bridge(&|bridge| bridge.kick_links(&[*conn])),
                connections: at_relay(&|relay| usize::from(relay.kick(*conn))),
            },
            Target::Tunnel(number) => {
                let link = bridge.and_then(|bridge| bridge.link(*number));
                let kick = |relay: &Relay| link.is_some_and(|conn| relay.kick(conn));
                Disconnected {
                    tunnels: at_bridge(&|bridge| usize::from(bridge.kick(*number))),
                    connections: at_relay(&|relay| usize::from(kick(relay))),
                }
            }
            Target::Network(network) => Disconnected {
                tunnels: at_bridge(&|bridge| bridge.kick_network(*network)),
                connections: at_relay(&|relay| relay.kick_network(*network)),
            },
            Target::User(name) => {
                let account = Account::User(name.clone());
                Disconnected {
                    tunnels: at_bridge(&|bridge| bridge.kick_account(&account)),
                    connections: at_relay(&|relay| relay.kick_account(&account)),
                }
            }
            Target::Nick(nick) => {
                let holder = relay.and_then(|relay| relay.holder(nick));
                let kick = |relay: &Relay| holder.is_some_and(|conn| relay.kick(conn));
                Disconnected {
                    tunnels: at_bridge(&|bridge| bridge.kick_links(holder.as_slice())),
                    connections: at_relay(&|relay| usize::from(kick(relay))),
                }
            }
        };
        let Disconnected { connections, tunnels } = done;
        info!(target: log_line::OPERATOR, %target, connections, tunnels, "kick");
        done
    }

    /// Keeps clients away for `time`, or until this process ends, and disconnects those that are there.
    ///
    /// # Errors
    ///
    /// One line: too many bans, or a nick where the relay is elsewhere.
    pub(super) fn ban(
        &self,
        banned: &Banned,
        time: Option<Duration>,
    ) -> Result<Disconnected, String> {
        let text = |error: TooManyBans| error.to_string();
        let mut done = Disconnected::default();
        match (&self.relay, banned) {
            (Some(relay), _) => {
                let there = relay.ban(banned, time).map_err(text)?;
                done.connections = there.len();
                if let Some((bridge, _)) = &self.bridge {
                    done.tunnels = bridge.kick_links(&there);
                }
            }
            (None, Banned::Nick(_)) => {
                return Err(
                    "the relay is elsewhere, and a bridge knows no nicks; ban an address, or \
                            ban the nick at the relay"
                        .to_owned(),
                );
            }
            (None, Banned::Network(_)) => {}
        }
        if let (Some((bridge, http)), Banned::Network(network)) = (&self.bridge, banned) {
            http.ban(banned, time).map_err(text)?;
            done.tunnels = done.tunnels.max(bridge.kick_network(*network));
        }
        let Disconnected { connections, tunnels } = done;
        let seconds = time.map(|time| time.as_secs());
        info!(target: log_line::OPERATOR, %banned, seconds, connections, tunnels, "ban");
        Ok(done)
    }

    /// Lifts a ban. Returns false if there is none for exactly this network or nick.
    pub(super) fn unban(&self, banned: &Banned) -> bool {
        let at_relay = self.relay.as_ref().is_some_and(|relay| relay.unban(banned));
        let at_bridge = self.bridge.as_ref().is_some_and(|(_, http)| http.unban(banned));
        info!(target: log_line::OPERATOR, %banned, "unban");
        at_relay || at_bridge
    }

    /// Returns the bans in force, and the time that each has left.
    pub(super) fn bans(&self) -> Vec<(Banned, Option<Duration>)> {
        match (&self.relay, &self.bridge) {
            (Some(relay), _) => relay.bans(),
            (None, Some((_, http))) => http.bans(),
            (None, None) => Vec::new(),
        }
    }
}
