//! Opens, closes and times out connections, and writes to them.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use super::access_check::ADDRESS;
use super::client::{Client, Due};
use super::{Action, CloseReason, ConnId, Registry};
use crate::RelayPacket;

impl Registry {
    pub(super) fn connected(
        &mut self,
        conn: ConnId,
        from: SocketAddr,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        self.forget(conn, actions);
        let from_address = self.addresses.connections(from.ip());
        let (limit, subject, reason) = if self.stopping {
            actions.push(Action::Close { conn, reason: CloseReason::Stopped });
            return;
        } else if self.bans.bans_address(from.ip(), now) {
            let reason = "refused: the operator banned your address";
            let bytes = RelayPacket::Err { verb: "-", reason }.to_line().into_vec();
            actions.push(Action::Write { conn, bytes });
            actions.push(Action::Close { conn, reason: CloseReason::Banned });
            return;
        } else if !self.access.allow_address(from.ip()) {
            let bytes = RelayPacket::Err { verb: "-", reason: ADDRESS }.to_line().into_vec();
            actions.push(Action::Write { conn, bytes });
            actions.push(Action::Close { conn, reason: CloseReason::NotAllowed });
            return;
        } else if self.clients.len() >= self.limits.connections {
            (self.limits.connections, "connections", CloseReason::Full)
        } else if from_address >= self.limits.per_address {
            (self.limits.per_address, "connections from your address", CloseReason::AddressFull)
        } else {
            let client = Client::new(from, now, &self.limits);
            self.alarms.insert((client.alarm, conn));
            self.clients.insert(conn, Box::new(client));
            self.addresses.connected(from.ip(), now);
            return;
        };
        let reason_text = format!("too many {subject}: the limit is {limit}");
        let bytes = RelayPacket::Err { verb: "-", reason: &reason_text }.to_line().into_vec();
        actions.push(Action::Write { conn, bytes });
        actions.push(Action::Close { conn, reason });
    }

    pub(super) fn sent(&mut self, conn: ConnId, bytes: usize, actions: &mut Vec<Action>) {
        if let Some(client) = self.clients.get_mut(&conn) {
            client.unsent = client.unsent.saturating_sub(bytes);
            if client.lists > 0 {
                self.list_nicks(conn, actions);
            }
        }
    }

    pub(super) fn tick(&mut self, now: Duration, actions: &mut Vec<Action>) {
        self.expire_meetings(now, actions);
        self.tick_cluster(now, actions);
        self.ask_to_move(now, actions);
        while let Some((at, conn)) = self.alarms.first().copied()
            && at <= now
        {
            self.alarms.pop_first();
            let Some(client) = self.clients.get_mut(&conn) else { continue };
            match client.due(&self.limits) {
                due if due.at() > now => {}
                Due::Nick(_) => {
                    let timeout = self.limits.nick_timeout;
                    let reason = format_args!("no X_NICK within {timeout:?}");
                    self.error(conn, "-", reason, actions);
                    self.close(conn, CloseReason::NoNick, actions);
                }
                Due::Rendezvous(_) => self.end_rendezvous(conn, actions),
                Due::Claim(_) => self.grant_claim(conn, now, actions),
                Due::Challenge(_) => self.end_challenge(conn, actions),
                Due::Ping(_) => {
                    client.record_ping(now);
                    self.ping(conn, actions);
                }
                Due::Pong(_) => self.close(conn, CloseReason::Silent, actions),
            }
            if let Some(client) = self.clients.get_mut(&conn) {
                client.alarm = client.due(&self.limits).at();
                self.alarms.insert((client.alarm, conn));
            }
        }
    }

    pub(super) fn ping(&mut self, conn: ConnId, actions: &mut Vec<Action>) {
        self.pings += 1;
        let token = format!("{}", self.pings);
        self.write(conn, &RelayPacket::Ping(&token), actions);
    }

    pub(super) fn stop(&mut self, actions: &mut Vec<Action>) {
        self.stopping = true;
        while let Some((conn, _)) = self.clients.first_key_value() {
            let conn = *conn;
            self.write(conn, &RelayPacket::End, actions);
            self.close(conn, CloseReason::Stopped, actions);
        }
        self.publish_end(actions);
    }

    /// Brings a client's alarm forward if its next deadline is earlier.
    pub(super) fn advance_alarm(&mut self, conn: ConnId) {
        if let Some(client) = self.clients.get_mut(&conn) {
            let at = client.due(&self.limits).at();
            if at < client.alarm {
                self.alarms.remove(&(client.alarm, conn));
                self.alarms.insert((at, conn));
                client.alarm = at;
            }
        }
    }

    pub(super) fn error(
        &mut self,
        conn: ConnId,
        verb: &str,
        reason: impl fmt::Display,
        actions: &mut Vec<Action>,
    ) {
        let reason = format!("{reason}");
        self.write(conn, &RelayPacket::Err { verb, reason: &reason }, actions);
    }

    pub(super) fn write(
        &mut self,
        conn: ConnId,
        packet: &RelayPacket<'_>,
        actions: &mut Vec<Action>,
    ) {
        self.write_with(conn, actions, |out| packet.encode(out));
    }

    /// Lets `append` add to the bytes written to `conn`. Returns false if the client is closed, which happens
    /// when its unsent bytes exceed the limit.
    pub(super) fn write_with(
        &mut self,
        conn: ConnId,
        actions: &mut Vec<Action>,
        append: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let Some(client) = self.clients.get_mut(&conn) else { return false };
        client.unsent += append_to(client, conn, actions, append);
        if client.unsent > self.limits.unsent {
            self.close(conn, CloseReason::NotReading, actions);
            return false;
        }
        true
    }

    pub(super) fn close(&mut self, conn: ConnId, reason: CloseReason, actions: &mut Vec<Action>) {
        if self.forget(conn, actions) {
            actions.push(Action::Close { conn, reason });
        }
    }

    /// Removes a connection and its state. Returns true if it existed.
    pub(super) fn forget(&mut self, conn: ConnId, actions: &mut Vec<Action>) -> bool {
        let Some(mut client) = self.clients.remove(&conn) else { return false };
        self.alarms.remove(&(client.alarm, conn));
        if let Some(nick) = &client.nick {
            self.nicks.remove(nick);
        }
        self.leave_cluster(conn, &mut client, actions);
        if let (Some(hook), Some(pending)) = (&mut self.hook, &client.pending) {
            hook.forget(pending);
        }
        self.addresses.disconnected(client.from);
        if let Some(account) = &client.account {
            self.admission.left(account);
        }
        self.end_meetings(conn, &client, actions);
        self.end_claims(client.claim.take(), client.claimed_by);
        true
    }
}

/// Appends to the client's write among `actions`, or to a new one. Returns the number of bytes added.
pub(super) fn append_to(
    client: &mut Client,
    conn: ConnId,
    actions: &mut Vec<Action>,
    append: impl FnOnce(&mut Vec<u8>),
) -> usize {
    if let Some(Action::Write { conn: to, bytes }) = actions.get_mut(client.write_at)
        && *to == conn
    {
        let before = bytes.len();
        append(bytes);
        return bytes.len() - before;
    }
    let mut bytes = Vec::new();
    append(&mut bytes);
    let added = bytes.len();
    if added > 0 {
        client.write_at = actions.len();
        actions.push(Action::Write { conn, bytes });
    }
    added
}
