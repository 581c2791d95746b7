//! Connects hosts behind different NATs by hole punching (section 5.8).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::path_selection::{CALL_GRACE, SELECTS};
use super::relay_packets::shown_reason;
use super::session_entry::{HolePunch, SessionEntry, SessionStage};
use super::{
    Action, ConnId, ConnRole, Error, ListenerId, ListenerRole, Notice, Path, PathPolicy, Peer,
    Purpose, SessionId, Turn,
};
use crate::RelayPacket;
use crate::addr::check_dial;
use crate::relay_caps::RelayCaps;
use crate::ticket::Ticket;

/// Time for which a caller waits at its own address before it asks for hole punching.
const PUNCH_AFTER: Duration = Duration::from_millis(500);
/// Time after which it looks again if the relay has forwarded its call.
const PUNCH_RETRY: Duration = Duration::from_millis(250);

impl Peer {
    /// Returns true if this host names `meet` to the relay.
    pub(super) fn wants_punch(&self) -> bool {
        SELECTS && self.config.punch && self.config.via != PathPolicy::Only(Path::Bridge)
    }

    /// Returns true if the relay supports hole punching, and sees this host at an address of its own.
    pub(super) fn can_punch(&self) -> bool {
        let Some((local, relay)) = self.relay.ends() else { return false };
        // A relay behind a bridge elsewhere sees the bridge, and is not where this host dials.
        let is_seen = self.relay.login.seen.is_some_and(|seen| seen != relay || seen == local);
        self.wants_punch() && is_seen && self.relay.login.caps.has(RelayCaps::MEET)
    }

    /// Returns the hole punching of a session. A host that has one path has none, and leaves out what follows.
    pub(super) fn hole_punch(&self, id: SessionId) -> Option<&HolePunch> {
        self.sessions.get(&id)?.hole_punch.as_deref().filter(|_| SELECTS)
    }

    fn hole_punch_mut(&mut self, id: SessionId) -> Option<&mut HolePunch> {
        self.sessions.get_mut(&id)?.hole_punch.as_deref_mut().filter(|_| SELECTS)
    }

    /// Returns the time at which a call that begins now asks for hole punching.
    pub(super) fn punch_at(&self, turn: &Turn<'_>) -> Option<Duration> {
        self.can_punch().then(|| turn.after(PUNCH_AFTER))
    }

    /// The callee had time to connect: asks the relay for hole punching, once it has forwarded the call.
    pub(super) fn ask_to_meet(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let is_online = self.nick().is_some();
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let is_early = !is_online || entry.listeners.is_unanswered();
        entry.listeners.set_punch(is_early.then(|| turn.after(PUNCH_RETRY)));
        // A callee without tickets supports no hole punching.
        if is_early || !entry.listeners.has_ticket() || entry.conn().is_some() {
            return;
        }
        let Some(nick) = entry.call.nick().cloned() else { return };
        entry.hole_punch = Some(Box::default());
        turn.notice(Some(id), Notice::AskedToMeet);
        self.write_relay(RelayPacket::Meet(nick.as_str()), turn);
    }

    /// The relay refused an X_MEET. Its answers come in the order of the packets.
    pub(super) fn meet_refused(&mut self, reason: &str, turn: &mut Turn<'_>) {
        let id = self.sessions.iter().find(|(_, entry)| entry.awaits_invitation());
        let id = id.map(|(id, _)| *id);
        if let Some(id) = id {
            self.punch_failed(id, shown_reason(reason), turn);
        }
    }

    /// The relay invites this host to a rendezvous: as the caller of `nick`, or as a callee.
    pub(super) fn invited(
        &mut self,
        nick: Option<&str>,
        invitation: &str,
        port: u16,
        turn: &mut Turn<'_>,
    ) {
        let from = match nick {
            Some(_) => None,
            None => self.relay.login.from.take(),
        };
        let Some(invitation) = Ticket::parse(invitation).filter(|_| self.can_punch()) else {
            return;
        };
        let called = |entry: &SessionEntry| {
            entry.awaits_invitation() && entry.call.nick().map(|called| called.as_str()) == nick
        };
        let is_new =
            |id: &SessionId| self.sessions.get(id).is_some_and(|entry| entry.hole_punch.is_none());
        let id = match &from {
            Some(from) => self.calls_of(from).find(is_new),
            None => self.sessions.iter().find(|(_, entry)| called(entry)).map(|(id, _)| *id),
        };
        let Some((id, entry)) = id.and_then(|id| Some((id, self.sessions.get_mut(&id)?))) else {
            return;
        };
        entry.hole_punch.get_or_insert_default().invited(invitation, port);
        if entry.stage != SessionStage::Consent {
            self.open_rendezvous(id, turn);
        }
    }

    /// Opens the port from which the relay and the peer are dialled, if there is an invitation.
    pub(super) fn open_rendezvous(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some((ip, _)) = self.relay.ends() else { return };
        let listener = ListenerId(self.new_id());
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let Some(punch) = &mut entry.hole_punch else { return };
        if !punch.begin(listener) {
            return;
        }
        // The caller's waits for the callee, which may still ask its user.
        let role = if entry.call.is_incoming() {
            punch.limit(turn.now);
            ListenerRole::Punch(id)
        } else {
            entry.listeners.open_punched(listener);
            ListenerRole::Control(id)
        };
        self.listeners.insert(listener, role);
        let (path, purpose) = (Path::Punched, Purpose::Control);
        turn.act(Action::Listen { listener, ip, path, purpose, link: None });
    }

    /// Returns true if this listener's port is the one from which the peer is dialled.
    pub(super) fn is_punched(&self, id: SessionId, listener: ListenerId) -> bool {
        self.hole_punch(id).is_some_and(|punch| punch.listener() == Some(listener))
    }

    /// The port is open: dials the relay from it.
    pub(super) fn rendezvous_listening(
        &mut self,
        id: SessionId,
        listener: ListenerId,
        turn: &mut Turn<'_>,
    ) {
        let conn = self.new_conn();
        if let Some(port) = self.hole_punch_mut(id).and_then(|punch| punch.dial(conn)) {
            self.conns.insert(conn, ConnRole::Rendezvous(id));
            turn.act(Action::DialRendezvous { conn, listener, port });
        }
    }

    /// The relay is connected: shows the invitation.
    pub(super) fn rendezvous_connected(
        &mut self,
        id: SessionId,
        conn: ConnId,
        turn: &mut Turn<'_>,
    ) {
        if let Some(invitation) = self.hole_punch(id).and_then(|punch| punch.invitation()) {
            let bytes = RelayPacket::Meet(&invitation).to_line().into();
            turn.act(Action::Write { conn, bytes });
        }
    }

    pub(super) fn rendezvous_received(&mut self, id: SessionId, bytes: &[u8], turn: &mut Turn<'_>) {
        let punch = self.hole_punch_mut(id).filter(|punch| punch.ticket().is_none());
        let Some(punch) = punch else { return };
        punch.lines().receive(bytes);
        let failure = loop {
            let packet = match punch.lines().next_line() {
                Ok(Some(line)) => RelayPacket::parse(line),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            match packet {
                Ok(RelayPacket::Endpoint { ip, port, ticket }) => {
                    let to = SocketAddr::new(ip, port);
                    match Ticket::parse(ticket) {
                        Some(ticket) => return self.punch(id, to, ticket, turn),
                        None => break "the relay drew no ticket".into(),
                    }
                }
                Ok(RelayPacket::Err { reason, .. }) => break shown_reason(reason),
                Ok(_) => {}
                Err(error) => break alloc::format!("{error}").into(),
            }
        };
        self.punch_failed(id, failure, turn);
    }

    /// The relay told both hosts where it sees the other: connects at once.
    fn punch(&mut self, id: SessionId, to: SocketAddr, ticket: Ticket, turn: &mut Turn<'_>) {
        if let Err(error) = self.may_punch(id, to, turn.now) {
            return self.punch_failed(id, alloc::format!("{error}").into(), turn);
        }
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let Some(punch) = &mut entry.hole_punch else { return };
        let Some(listener) = punch.meets(ticket.clone(), turn.now) else { return };
        let is_caller = !entry.call.is_incoming();
        if is_caller {
            entry.listeners.expect_punched(listener, ticket);
        }
        turn.notice(Some(id), Notice::Punching { to });
        turn.act(Action::Punch { listener, to, is_caller });
    }

    /// Decides if section 6 lets this host dial an address that the relay told.
    fn may_punch(&mut self, id: SessionId, to: SocketAddr, now: Duration) -> Result<(), Error> {
        let is_incoming = self.sessions.get(&id).is_some_and(|entry| entry.call.is_incoming());
        let relay = self.relay.relay_ip().ok_or(Error::RelayDisconnected)?;
        check_dial(to.ip(), to.port(), relay, self.config.allow_private)
            .and_then(|()| match is_incoming {
                true => self.guard.admit(to.ip(), now),
                // Whoever called in vain from there does not keep this host from calling.
                false => self.guard.admit_own(to.ip(), now),
            })
            .map_err(Error::Policy)
    }

    /// A link is established, and this host is the callee: it is connected to its caller.
    pub(super) fn punched(
        &mut self,
        id: SessionId,
        conn: ConnId,
        ends: (SocketAddr, SocketAddr),
        turn: &mut Turn<'_>,
    ) {
        let ticket = self.hole_punch(id).and_then(|punch| punch.ticket().cloned());
        let entry = self.sessions.get_mut(&id);
        let entry = entry.filter(|entry| matches!(entry.stage, SessionStage::Dialling { .. }));
        let (Some(entry), Some(ticket)) = (entry, ticket) else {
            return turn.act(Action::Close { conn });
        };
        entry.candidates.add_punched(ends.1, conn, ticket);
        self.conns.insert(conn, ConnRole::Control(id));
        self.caller_connected(id, conn, ends, Vec::new(), turn);
    }

    /// The relay closed the rendezvous, or it broke.
    pub(super) fn rendezvous_closed(
        &mut self,
        id: SessionId,
        why: Option<Box<str>>,
        turn: &mut Turn<'_>,
    ) {
        let Some(punch) = self.hole_punch_mut(id) else { return };
        punch.left();
        if punch.ticket().is_none() {
            let why = why.unwrap_or_else(|| "the relay closed the rendezvous".into());
            self.punch_failed(id, why, turn);
        }
    }

    /// Hole punching did not lead to the peer: the call goes on by its other paths.
    pub(super) fn punch_failed(&mut self, id: SessionId, why: Box<str>, turn: &mut Turn<'_>) {
        let Some(listener) = self.hole_punch(id).map(|punch| punch.listener()) else { return };
        self.end_punch(id, turn);
        turn.notice(Some(id), Notice::PunchFailed { why: why.clone() });
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if entry.call.is_incoming() {
            let give_up_at = entry.began.saturating_add(CALL_GRACE);
            entry.candidates.give_up_at(give_up_at);
        } else if let Some(listener) = listener
            && !entry.listeners.failed(listener)
            && entry.conn().is_none()
        {
            self.open_failed(id, Error::Unreachable(why), turn);
        }
    }

    /// Closes what hole punching needs. A link that became the control connection stays.
    pub(super) fn end_punch(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let entry = self.sessions.get_mut(&id).filter(|_| SELECTS);
        let Some(punch) = entry.and_then(|entry| entry.hole_punch.take()) else { return };
        if let Some(listener) = punch.listener()
            && self.listeners.remove(&listener).is_some()
        {
            turn.act(Action::StopListening { listener });
        }
        if let Some(conn) = punch.rendezvous()
            && self.conns.remove(&conn).is_some()
        {
            turn.act(Action::Close { conn });
        }
    }
}
