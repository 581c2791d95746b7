//! What the operator of a relay sees and does.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use xcher_core::Nick;
use xcher_core::registry::{Banned, ConnId, TooManyBans};

use super::Relay;
use super::counts::Counts;

/// The state of a relay at one moment.
#[derive(Clone, Debug)]
pub(crate) struct RelayState {
    /// Connections, those of tunnels included.
    pub(crate) connections: usize,
    /// The most connections.
    pub(crate) max_connections: usize,
    /// Nicks online, those of codes included.
    pub(crate) nicks: usize,
    /// Bans in force.
    pub(crate) bans: usize,
    /// True while its listeners accept connections.
    pub(crate) accepts: bool,
    /// What has happened so far.
    pub(crate) counts: Counts,
}

impl Relay {
    pub(crate) fn state(&self) -> RelayState {
        let accepts = self.0.accepting.is_everywhere();
        self.0.hub.read(|registry, counts, now| RelayState {
            connections: registry.connections(),
            max_connections: registry.limits().connections,
            nicks: registry.nicks(),
            bans: registry.bans().in_force(now).count(),
            accepts,
            counts: counts.clone(),
        })
    }

    /// Disconnects the client with this number. Returns whether there was one.
    pub(crate) fn kick(&self, conn: ConnId) -> bool {
        self.0.hub.operate(|registry, _, actions| registry.kick(conn, actions))
    }

    /// Returns the client that holds this nick.
    pub(crate) fn holder(&self, nick: &Nick) -> Option<ConnId> {
        self.0.hub.read(|registry, _, _| registry.holder(nick))
    }

    /// Disconnects every client in this network, and returns how many.
    pub(crate) fn kick_network(&self, network: IpNet) -> usize {
        self.0.hub.operate(|registry, _, actions| {
            let there = registry.connections_from(|ip: IpAddr| network.contains(&ip));
            there.iter().filter(|conn| registry.kick(**conn, actions)).count()
        })
    }

    /// Keeps clients away for `time`, or until the relay ends, and disconnects those that are there. Returns
    /// these.
    ///
    /// # Errors
    ///
    /// If there are too many bans.
    pub(crate) fn ban(
        &self,
        banned: &Banned,
        time: Option<Duration>,
    ) -> Result<Vec<ConnId>, TooManyBans> {
        self.0.hub.operate(|registry, now, actions| {
            registry.ban(banned, time.and_then(|time| now.checked_add(time)), now, actions)
        })
    }

    /// Lifts a ban. Returns false if there is none for exactly this network or nick.
    pub(crate) fn unban(&self, banned: &Banned) -> bool {
        self.0.hub.operate(|registry, now, _| registry.unban(banned, now))
    }

    /// Returns the bans in force, and the time that each has left.
    pub(crate) fn bans(&self) -> Vec<(Banned, Option<Duration>)> {
        self.0.hub.read(|registry, _, now| {
            let all = registry.bans().in_force(now);
            all.map(|(banned, until)| (banned.clone(), until.map(|until| until - now))).collect()
        })
    }
}
