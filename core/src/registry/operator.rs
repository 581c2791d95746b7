//! What the relay's operator does: disconnects clients, and keeps them away.

use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use super::{Account, Action, Banned, Bans, CloseReason, ConnId, Registry, TooManyBans, UserName};
use crate::secure::PublicKey;
use crate::{Nick, RelayLimits};

/// A host with a nick, as the operator sees it.
#[derive(Clone, Debug)]
pub struct OnlineHost<'a> {
    /// Its connection.
    pub conn: ConnId,
    /// Its nick.
    pub nick: &'a Nick,
    /// Its address, without its port.
    pub address: IpAddr,
    /// Its key at this relay, if it has proved one (section 5.6).
    pub key: Option<PublicKey>,
    /// The user of its token (section 5.11).
    pub user: Option<&'a UserName>,
    /// The time at which it connected, on the clock of [`Registry::handle`].
    pub since: Duration,
}

impl Registry {
    /// Returns the hosts online whose nick comes after `after`, in the order of their nicks. Those of codes are left
    /// out: a code is a secret.
    pub fn hosts<'a>(&'a self, after: &'a str) -> impl Iterator<Item = OnlineHost<'a>> {
        self.nicks.page("", after).filter_map(|nick| {
            let conn = self.nicks.find_callee(nick.as_str()).ok()?;
            let client = self.clients.get(&conn)?;
            let (address, key) = (client.from, client.key_proof.proved());
            let user = client.account.as_ref().and_then(Account::user);
            Some(OnlineHost { conn, nick, address, key, user, since: client.opened })
        })
    }

    /// Returns the key that the host on this connection has proved.
    pub fn key(&self, conn: ConnId) -> Option<PublicKey> {
        self.clients.get(&conn)?.key_proof.proved()
    }

    /// Returns the limits in force.
    pub fn limits(&self) -> &RelayLimits {
        &self.limits
    }

    /// Returns the number of nicks online, those of codes included.
    pub fn nicks(&self) -> usize {
        self.nicks.len()
    }

    /// Returns the connection that holds this nick, or one that differs in the case of ASCII letters only.
    pub fn holder(&self, nick: &Nick) -> Option<ConnId> {
        self.nicks.find_callee(nick.as_str()).ok()
    }

    /// Returns a connection's address, without its port. An IPv4-mapped IPv6 address is the IPv4 address.
    pub fn address(&self, conn: ConnId) -> Option<IpAddr> {
        self.clients.get(&conn).map(|client| client.from)
    }

    /// Returns the connections whose address is one of these, in order.
    pub fn connections_from(&self, is_one: impl Fn(IpAddr) -> bool) -> Vec<ConnId> {
        let clients = self.clients.iter().filter(|(_, client)| is_one(client.from));
        clients.map(|(conn, _)| *conn).collect()
    }

    /// Disconnects a client with an X_ERR that says so. It may come back. Returns false if there is no such
    /// connection.
    pub fn kick(&mut self, conn: ConnId, actions: &mut Vec<Action>) -> bool {
        let reason = "disconnected by the relay's operator";
        self.disconnect(conn, reason, CloseReason::Kicked, actions)
    }

    /// Keeps clients away from now on, and disconnects those that are there, with an X_ERR that says so.
    /// Returns these. `until` is on the clock of [`Registry::handle`], `None` for a ban without end.
    ///
    /// # Errors
    ///
    /// Those of [`Bans::insert`]; nobody is disconnected then.
    pub fn ban(
        &mut self,
        banned: &Banned,
        until: Option<Duration>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<Vec<ConnId>, TooManyBans> {
        self.bans.insert(banned.clone(), until, now)?;
        let (there, reason) = match banned {
            Banned::Network(_) => {
                let bans = &self.bans;
                let there = self.connections_from(|ip| bans.bans_address(ip, now));
                (there, "refused: the operator banned your address")
            }
            Banned::Nick(_) => {
                let all = self.nicks.all().filter(|(nick, _)| self.bans.bans_nick(nick, now));
                let there = all.map(|(_, conn)| conn).collect();
                (there, "refused: the operator banned your nick")
            }
        };
        for conn in &there {
            self.disconnect(*conn, reason, CloseReason::Banned, actions);
        }
        Ok(there)
    }

    /// Lifts a ban. Returns false if there was none for exactly this network or nick.
    pub fn unban(&mut self, banned: &Banned, now: Duration) -> bool {
        self.bans.remove(banned, now)
    }

    /// Returns the bans.
    pub fn bans(&self) -> &Bans {
        &self.bans
    }

    fn disconnect(
        &mut self,
        conn: ConnId,
        reason: &str,
        why: CloseReason,
        actions: &mut Vec<Action>,
    ) -> bool {
        if !self.clients.contains_key(&conn) {
            return false;
        }
        self.error(conn, "-", reason, actions);
        self.close(conn, why, actions);
        true
    }
}
