//! Admits connections to the listeners of a call: which of them is the callee's (section 5.5).

use core::net::{IpAddr, SocketAddr};

use super::connect::NewConnection;
use super::session_entry::{Admission, InboundConn, SessionStage};
use super::{Action, ConnId, ConnRole, ListenerId, Notice, Path, Peer, SessionId, Turn};
use crate::ticket::Ticket;

impl Peer {
    pub(super) fn accepted(
        &mut self,
        id: SessionId,
        listener: ListenerId,
        conn: ConnId,
        ends: (SocketAddr, SocketAddr),
        turn: &mut Turn<'_>,
    ) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return turn.act(Action::Close { conn });
        };
        let another_is_tried = entry.conn().is_some();
        if !another_is_tried && entry.stage != SessionStage::Calling {
            return turn.act(Action::Close { conn });
        }
        let limits = &self.config.limits;
        let leaves = entry.listeners.accept(listener, conn, ends, another_is_tried, limits);
        let is_near = entry.listeners.is_near(listener);
        self.conns.insert(conn, ConnRole::Waiting(id));
        if is_near && leaves != Some(conn) {
            self.greet(conn, turn);
        }
        if let Some(conn) = leaves {
            self.reject_conn(id, conn, turn);
        }
        self.admit(id, turn);
    }

    /// A waiting connection sent something.
    pub(super) fn waiting_received(
        &mut self,
        id: SessionId,
        conn: ConnId,
        bytes: &[u8],
        turn: &mut Turn<'_>,
    ) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        match entry.listeners.received(conn, bytes) {
            true => self.admit(id, turn),
            false => self.reject_conn(id, conn, turn),
        }
    }

    pub(super) fn waiting_closed(&mut self, id: SessionId, conn: ConnId) {
        if let Some(entry) = self.sessions.get_mut(&id) {
            entry.listeners.forget(conn);
        }
    }

    /// The relay says what a connection to this address of this host must show.
    pub(super) fn ticket_due(
        &mut self,
        nick: &str,
        address: (IpAddr, u16),
        ticket: Option<&Ticket>,
        is_near: bool,
        turn: &mut Turn<'_>,
    ) {
        for (&id, entry) in self.sessions.iter_mut() {
            let is_called = entry.call.nick().is_some_and(|called| called.as_str() == nick);
            if is_called && let Some(path) = entry.listeners.expect(address, ticket) {
                self.admit(id, turn);
                if is_near && path == Path::Direct {
                    self.await_near_callee(id, turn);
                }
                return;
            }
        }
    }

    /// Attaches the connection that is the callee's, or may be, and closes those of other hosts.
    pub(super) fn admit(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        while let Some(entry) = self.sessions.get_mut(&id)
            && let Some(admission) = entry.listeners.admit(entry.stage != SessionStage::Calling)
        {
            match admission {
                Admission::Trial(inbound) => return self.attach(id, inbound.into(), turn),
                Admission::Peer(inbound) => {
                    // The ticket is good once, so no other connection is awaited.
                    if let Some(conn) = entry.conn() {
                        entry.restart(&self.config.limits);
                        self.reject_conn(id, conn, turn);
                    }
                    self.settle_on_peer(id, turn);
                    return self.attach(id, inbound.into(), turn);
                }
                Admission::Rejected { conn, first } => {
                    if let Some(from) = first {
                        turn.notice(Some(id), Notice::WrongTicket { from });
                    }
                    self.reject_conn(id, conn, turn);
                }
            }
        }
    }

    fn reject_conn(&mut self, id: SessionId, conn: ConnId, turn: &mut Turn<'_>) {
        self.waiting_closed(id, conn);
        self.conns.remove(&conn);
        turn.act(Action::Close { conn });
    }
}

impl From<InboundConn> for NewConnection {
    fn from(inbound: InboundConn) -> Self {
        let InboundConn { conn, path, is_near, local, remote, received, .. } = inbound;
        Self { conn, path, is_near, local, remote, ticket: None, received }
    }
}
