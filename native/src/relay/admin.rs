//! What the operator of a relay sees and does.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use xcher_core::Nick;
use xcher_core::registry::{AccessLists, Account, Banned, ConnId, TooManyBans, UserName};
use xcher_core::secure::PublicKey;

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
    /// The users that may connect, and those of them that have connections; `None` if everybody may.
    pub(crate) users: Option<(usize, usize)>,
    /// True while its listeners accept connections.
    pub(crate) accepts: bool,
    /// What has happened so far.
    pub(crate) counts: Counts,
}

/// A host with a nick.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Its connection.
    pub(crate) conn: ConnId,
    pub(crate) nick: Nick,
    pub(crate) address: IpAddr,
    /// The key that it has proved.
    pub(crate) key: Option<PublicKey>,
    /// The user of its token.
    pub(crate) user: Option<UserName>,
    /// The time since it connected.
    pub(crate) time: Duration,
}

impl Relay {
    /// Returns at most `count` hosts whose nick comes after `after`, in the order of their nicks.
    pub(crate) fn hosts(&self, after: &str, count: usize) -> Vec<Host> {
        self.0.hub.read(|registry, _, now| {
            let hosts = registry.hosts(after).take(count).map(|host| Host {
                conn: host.conn,
                nick: host.nick.clone(),
                address: host.address,
                key: host.key,
                user: host.user.cloned(),
                time: now.saturating_sub(host.since),
            });
            hosts.collect()
        })
    }

    /// Applies these lists, and disconnects those that they forbid. Returns these.
    pub(crate) fn set_access(&self, lists: Arc<AccessLists>) -> Vec<ConnId> {
        self.0.hub.operate(|registry, _, actions| registry.set_access(lists, actions))
    }

    pub(crate) fn state(&self) -> RelayState {
        let accepts = self.0.accepting.is_everywhere();
        self.0.hub.read(|registry, counts, now| RelayState {
            connections: registry.connections(),
            max_connections: registry.limits().connections,
            nicks: registry.nicks(),
            bans: registry.bans().in_force(now).count(),
            users: registry.users().map(|users| {
                let online = registry.accounts().filter(|(account, _)| account.user().is_some());
                (users.all().len(), online.count())
            }),
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

    /// Disconnects every client of this account, and returns how many.
    pub(crate) fn kick_account(&self, account: &Account) -> usize {
        self.0.hub.operate(|registry, _, actions| {
            let own = registry.connections_of(account);
            own.iter().filter(|conn| registry.kick(**conn, actions)).count()
        })
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
