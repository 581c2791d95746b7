//! Connects hosts behind one NAT in their network (section 5.7).

use alloc::format;
use core::net::{IpAddr, SocketAddr};

use super::path_selection::SELECTS;
use super::session_entry::{Greeting, SessionStage};
use super::{
    Action, ConnId, ConnRole, Error, ListenerId, ListenerRole, Notice, Path, PathPolicy, Peer,
    Purpose, SessionId, Turn,
};
use crate::addr::{check_near, is_inner, is_nat};
use crate::relay_caps::RelayCaps;
use crate::ticket::Ticket;
use crate::{Nick, Quoted, RelayPacket};

impl Peer {
    /// Returns true if this host asks the relay for hosts behind the same NAT.
    pub(super) fn wants_near(&self) -> bool {
        let is_inside = || self.relay.ends().is_some_and(|(local, _)| is_inner(local));
        SELECTS
            && self.config.near
            && self.config.via != PathPolicy::Only(Path::Bridge)
            && is_inside()
    }

    /// Returns this host's address behind its NAT, if the relay supports calls by it.
    pub(super) fn inner_address(&self) -> Option<IpAddr> {
        if !SELECTS {
            return None;
        }
        let (local, relay) = self.relay.ends()?;
        let seen = self.relay.login.seen?;
        // A relay behind a bridge elsewhere sees the bridge, whose clients are no neighbours.
        let is_behind_nat = is_nat(seen) && seen != relay;
        let is_known = self.relay.login.caps.has(RelayCaps::NEAR);
        (self.wants_near() && is_behind_nat && is_known).then_some(local)
    }

    /// The relay says that the callee is behind the same NAT: listens at this host's inner address too.
    pub(super) fn await_near_callee(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some(ip) = self.inner_address() else { return };
        let listener = ListenerId(self.new_id());
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if entry.stage != SessionStage::Calling || entry.listeners.has_near() {
            return;
        }
        entry.listeners.open_near(listener);
        self.listeners.insert(listener, ListenerRole::Control(id));
        turn.notice(Some(id), Notice::ListeningNear { ip });
        turn.act(Action::Listen {
            listener,
            ip,
            path: Path::Direct,
            purpose: Purpose::Control,
            link: None,
        });
    }

    /// Shows a host that connected to an inner address that this is the host it looks for.
    pub(super) fn greet(&self, conn: ConnId, turn: &mut Turn<'_>) {
        turn.act(Action::Write { conn, bytes: RelayPacket::Near.to_line().into() });
    }

    /// Returns true if the relay refused to forward the inner address of a call, and forgets that. The
    /// call goes on by the other addresses, no sooner than without it.
    pub(super) fn was_near_refused(&mut self, reason: &str, turn: &mut Turn<'_>) -> bool {
        let Some(ip) = self.inner_address() else { return false };
        let named = format!("refused: {ip} ");
        if !reason.starts_with(&named) {
            return false;
        }
        let awaits = self.sessions.iter_mut().find_map(|(id, entry)| {
            entry.listeners.forget_unanswered_near().map(|listener| (*id, listener))
        });
        if let Some((id, listener)) = awaits {
            self.listeners.remove(&listener);
            turn.act(Action::StopListening { listener });
            let (verb, reason) = ("X_INIT".into(), Quoted(reason).to_box());
            turn.notice(Some(id), Notice::RelayError { verb, reason });
        }
        true
    }

    /// An X_INIT names an inner address behind the same NAT: it only adds to a call that is under way.
    pub(super) fn called_near(
        &mut self,
        nick: Option<&Nick>,
        to: SocketAddr,
        ticket: Option<Ticket>,
        turn: &mut Turn<'_>,
    ) {
        let (Some(own), Some(nick)) = (self.inner_address(), nick) else { return };
        // A caller may call twice: each inner address adds to one of its calls.
        let call = self.calls_of(nick).find(|id| self.accepts_candidate(*id, to));
        let Some(id) = call else { return };
        let allowed = check_near(to.ip(), to.port(), own)
            .and_then(|()| self.guard.admit_near(to.ip(), turn.now));
        if let Err(error) = allowed {
            return turn.notice(Some(id), Notice::NearRefused { to, error: Error::Policy(error) });
        }
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        entry.candidates.add_near(to, ticket);
        if entry.stage != SessionStage::Consent {
            self.dial_near(id, turn);
        }
    }

    /// Dials the inner addresses of a caller.
    pub(super) fn dial_near(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        loop {
            let conn = self.new_conn();
            let Some(entry) = self.sessions.get_mut(&id) else { return };
            let Some(to) = entry.candidates.dial_near(conn) else { return };
            let path = Path::Direct;
            turn.notice(Some(id), Notice::Dialling { to, path });
            self.conns.insert(conn, ConnRole::Control(id));
            turn.act(Action::Dial { conn, to, path, purpose: Purpose::Control, link: None });
        }
    }

    /// Returns true if this connection is a dial to an inner address that is not greeted yet.
    pub(super) fn awaits_greeting(&self, id: SessionId, conn: ConnId) -> bool {
        SELECTS
            && self.sessions.get(&id).is_some_and(|entry| entry.candidates.awaits_greeting(conn))
    }

    /// A host at an inner address sent something. Nothing is said to any that does not greet.
    pub(super) fn near_received(
        &mut self,
        id: SessionId,
        conn: ConnId,
        bytes: &[u8],
        turn: &mut Turn<'_>,
    ) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        match entry.candidates.greeted(conn, bytes) {
            Greeting::Pending => {}
            Greeting::Complete { ends, received } => {
                self.guard.near_spoke();
                self.caller_connected(id, conn, ends, received, turn);
            }
            Greeting::Wrong => {
                self.conns.remove(&conn);
                turn.act(Action::Close { conn });
                self.dial_failed(id, conn, "it is not the caller".into(), turn);
            }
        }
    }
}
