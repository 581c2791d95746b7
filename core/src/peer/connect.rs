//! Opens sessions: X_INIT, the listener, the connection back (section 1).

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::relay_packets::shown_reason;
use super::session_entry::{Call, Connection, SessionEntry, SessionStage};
use super::{Action, ConnId, ConnRole, Error, ListenerId, Notice, Path, Peer, SessionId, Turn};
use crate::code::Code;
use crate::ticket::Ticket;
use crate::{MisuseError, Nick};

/// A connection that becomes a session's.
pub(super) struct NewConnection {
    pub(super) conn: ConnId,
    pub(super) path: Path,
    /// True if both hosts are behind one NAT, and the connection stays there.
    pub(super) is_near: bool,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// The ticket to show to the caller.
    pub(super) ticket: Option<Ticket>,
    /// Bytes that arrived on it already.
    pub(super) received: Vec<u8>,
}

impl Peer {
    /// Calls `nick`: listens, sends X_INIT and waits for the connection back.
    /// [`Event::Opened`](super::Event::Opened) follows, or [`Event::OpenFailed`](super::Event::OpenFailed).
    /// Commands may be given at once; they are sent when the session is established.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Offline`], [`MisuseError::OwnNick`], [`MisuseError::TooManyRequests`] for more
    /// sessions than the limits allow.
    pub fn open(
        &mut self,
        nick: Nick,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<SessionId, MisuseError> {
        self.run(now, actions, |peer, turn| peer.call(nick, None, turn))
    }

    /// Calls the host that made a code, and proves to know it: otherwise as [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); [`MisuseError::EncryptionDisabled`] for a host without encryption.
    pub fn open_code(
        &mut self,
        code: Code,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<SessionId, MisuseError> {
        self.run(now, actions, |peer, turn| {
            if peer.encryption.is_none() {
                return Err(MisuseError::EncryptionDisabled);
            }
            peer.call(code.nick().clone(), Some(code), turn)
        })
    }

    fn call(
        &mut self,
        nick: Nick,
        code: Option<Code>,
        turn: &mut Turn<'_>,
    ) -> Result<SessionId, MisuseError> {
        if self.nick().ok_or(MisuseError::Offline)?.eq_ignore_case(&nick) {
            return Err(MisuseError::OwnNick);
        }
        if self.sessions.len() >= self.config.limits.sessions {
            return Err(MisuseError::TooManyRequests);
        }
        let id = SessionId(self.new_id());
        let call = Call::Outgoing { nick, code };
        self.sessions.insert(id, SessionEntry::new(call, turn.now, &self.config.limits));
        self.await_callee(id, self.first_path(), turn);
        Ok(id)
    }

    /// A listener for the callee is open: names its address in X_INIT.
    pub(super) fn listening(
        &mut self,
        (id, listener): (SessionId, ListenerId),
        allocated_at: Option<IpAddr>,
        port: u16,
        turn: &mut Turn<'_>,
    ) {
        if self.nick().is_none() {
            // The relay disconnected meanwhile, and the next link has no nick yet.
            self.listeners.remove(&listener);
            turn.act(Action::StopListening { listener });
            return self.listen_failed(id, listener, Error::RelayDisconnected, turn);
        }
        let is_near = self.sessions.get(&id).is_some_and(|entry| entry.listeners.is_near(listener));
        let own = || match is_near {
            true => self.inner_address(),
            false => self.own_address().map(|(named, _)| named),
        };
        let Some(named) = allocated_at.or_else(own) else { return };
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let Some(nick) = entry.call.nick().cloned() else { return };
        entry.listeners.named(listener, (named.to_canonical(), port));
        if entry.stage == SessionStage::Listening {
            entry.stage = SessionStage::Calling;
        }
        self.write_init(&nick, named, port, turn);
    }

    /// The control connection is established.
    pub(super) fn attach(&mut self, id: SessionId, new: NewConnection, turn: &mut Turn<'_>) {
        let NewConnection { conn, path, is_near, local, remote, ticket, received } = new;
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        self.conns.insert(conn, ConnRole::Control(id));
        entry.stage = SessionStage::Live(Connection {
            conn,
            local: local.ip().to_canonical(),
            peer: remote.ip().to_canonical(),
            remote,
            path,
            is_near,
            since: turn.now,
        });
        entry.heard = turn.now;
        entry.is_without_ticket = ticket.is_none();
        let shown = ticket.map(|ticket| ticket.line());
        let mut out = shown.unwrap_or_default().into_bytes();
        if let Some(encryption) = &mut self.encryption {
            let limits = &self.config.limits;
            (entry.session, entry.auth) =
                encryption.begin_session(&entry.call, path, limits, &mut out);
        }
        entry.write(out, turn);
        if !entry.session.is_probing() {
            self.agreed(id, None, turn);
        }
        if !received.is_empty() {
            self.control_received(id, &received, turn);
        }
    }

    /// The connection tried first was not the peer's: tries the next, or waits on. Returns false if the
    /// session was not in that state.
    pub(super) fn try_another(&mut self, id: SessionId, why: &Error, turn: &mut Turn<'_>) -> bool {
        let Some(entry) = self.sessions.get_mut(&id) else { return false };
        let Some(&Connection { conn, peer, .. }) = entry.connection() else { return false };
        if !entry.listeners.are_open() {
            return false;
        }
        turn.notice(Some(id), Notice::NotTheCallee { from: peer, error: why.clone() });
        if self.conns.remove(&conn).is_some() {
            turn.act(Action::Close { conn });
        }
        entry.restart(&self.config.limits);
        self.nothing_to_try(id);
        self.admit(id, turn);
        true
    }

    /// The peer has shown itself, or its session ends: no other connection is awaited.
    pub(super) fn settle_on_peer(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let (listeners, waiting) = entry.listeners.close();
        for listener in listeners {
            self.listeners.remove(&listener);
            turn.act(Action::StopListening { listener });
        }
        for conn in waiting {
            self.conns.remove(&conn);
            turn.act(Action::Close { conn });
        }
        self.end_punch(id, turn);
    }

    /// X_ERR X_INIT: the relay does not say for which call, but it names the nick, and it answers in the
    /// order of the packets.
    pub(super) fn init_refused(&mut self, reason: &str, turn: &mut Turn<'_>) {
        if self.was_near_refused(reason, turn) {
            return;
        }
        let calls = self.sessions.iter().filter(|(_, entry)| entry.stage == SessionStage::Calling);
        let is_named = |entry: &SessionEntry| {
            entry.call.nick().is_some_and(|nick| reason.ends_with(nick.as_str()))
        };
        let named = calls.clone().find(|(_, entry)| is_named(entry));
        if let Some(id) = named.or_else(|| calls.clone().next()).map(|(id, _)| *id)
            && !self.survives_refusal(id, reason, turn)
        {
            self.open_failed(id, Error::Relay(shown_reason(reason)), turn);
        }
    }

    pub(super) fn session_being_called(&self) -> Option<SessionId> {
        let is_called =
            |entry: &SessionEntry| entry.stage == SessionStage::Listening || entry.is_unanswered();
        self.sessions.iter().find(|(_, entry)| is_called(entry)).map(|(id, _)| *id)
    }
}
