//! Selects the paths that are tried, and when, for two hosts to connect (section 10.4).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::connect::NewConnection;
use super::session_entry::{Call, ExpectedTicket, SessionEntry, SessionStage};
use super::{
    Action, ConnId, ConnRole, Error, ListenerId, ListenerRole, Notice, Path, PathPolicy, Peer,
    Purpose, SessionId, Turn,
};
use crate::addr::{Scope, check_dial, scope};
use crate::ticket::Ticket;
use crate::{Nick, Quoted};

/// Time for which a caller listens only at its own address.
const DIRECT_ONLY: Duration = Duration::from_secs(1);
/// The same while a silent connection is tried, which may or may not be the callee's.
const DIRECT_ONLY_CONNECTED: Duration = Duration::from_secs(3);
/// Time for which one candidate of a caller is dialled alone.
const DIAL_STAGGER: Duration = Duration::from_millis(750);
/// Time for a caller that cannot be reached to name another address.
pub(super) const CALL_GRACE: Duration = Duration::from_secs(3);

/// A host that has one path leaves out what selects.
pub(super) const SELECTS: bool = cfg!(feature = "path-selection");

impl Peer {
    /// Returns the path that this host's calls are made over first.
    pub(super) fn first_path(&self) -> Path {
        match self.config.via {
            PathPolicy::Only(path) => path,
            PathPolicy::Auto if SELECTS && self.is_own_address_reachable() => Path::Direct,
            PathPolicy::Auto => Path::Bridge,
        }
    }

    /// Returns true if other hosts may get through to the address that this host would name.
    fn is_own_address_reachable(&self) -> bool {
        let (Some((named, _)), Some((local, relay))) = (self.own_address(), self.relay.ends())
        else {
            return false;
        };
        if self.config.advertise.is_some() {
            return scope(named) != Scope::Unroutable;
        }
        // A relay behind a bridge elsewhere sees the bridge.
        let is_the_bridge = named == relay && named != local;
        !is_the_bridge && check_dial(named, u16::MAX, relay, self.config.allow_private).is_ok()
    }

    /// Asks for a listener at which the callee can connect.
    pub(super) fn await_callee(&mut self, id: SessionId, path: Path, turn: &mut Turn<'_>) {
        let Some((_, ip)) = self.own_address() else { return };
        let (listener, punch_at) = (ListenerId(self.new_id()), self.punch_at(turn));
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let has_next = SELECTS && path == Path::Direct && self.config.via == PathPolicy::Auto;
        let next_path_at = has_next.then(|| turn.after(DIRECT_ONLY));
        let expects = match self.relay.knows_tickets() {
            true => ExpectedTicket::Unknown,
            false => ExpectedTicket::None,
        };
        entry.listeners.open(listener, path, expects, next_path_at);
        if SELECTS && path == Path::Direct {
            entry.listeners.set_punch(punch_at);
        }
        self.listeners.insert(listener, ListenerRole::Control(id));
        let link = self.tunnel_of(path);
        turn.act(Action::Listen { listener, ip, path, purpose: Purpose::Control, link });
    }

    /// The driver could not open a listener for the callee.
    pub(super) fn listen_failed(
        &mut self,
        id: SessionId,
        listener: ListenerId,
        error: Error,
        turn: &mut Turn<'_>,
    ) {
        if !SELECTS {
            return self.open_failed(id, error, turn);
        }
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let is_near = entry.listeners.is_near(listener);
        let has_another = entry.listeners.failed(listener);
        if !has_another && entry.conn().is_none() {
            return self.open_failed(id, error, turn);
        }
        if !is_near {
            entry.listeners.hasten(turn.now);
        }
        turn.notice(Some(id), Notice::ListenFailed { error });
    }

    /// The relay refused an X_INIT of this session. Returns false if that was its last.
    pub(super) fn survives_refusal(
        &mut self,
        id: SessionId,
        reason: &str,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(entry) = self.sessions.get_mut(&id).filter(|_| SELECTS) else { return false };
        let has_another = entry.listeners.refused();
        // A nick that is not online is not online over the bridge either.
        if !has_another || !reason.starts_with("refused: ") {
            return false;
        }
        let (verb, reason) = ("X_INIT".into(), Quoted(reason).to_box());
        turn.notice(Some(id), Notice::RelayError { verb, reason });
        entry.listeners.hasten(turn.now);
        true
    }

    /// No connection is left that may be the callee's: the next path need not wait for one.
    pub(super) fn nothing_to_try(&mut self, id: SessionId) {
        if let Some(entry) = self.sessions.get_mut(&id).filter(|_| SELECTS) {
            entry.listeners.hasten(entry.began.saturating_add(DIRECT_ONLY));
        }
    }

    /// Returns the call of this nick that is being accepted, or about which the user is asked.
    pub(super) fn call_of(&self, nick: &Nick) -> Option<SessionId> {
        let is_asked_about = |id: &SessionId| {
            self.sessions.get(id).is_some_and(|entry| entry.call.asked_with().is_none())
        };
        self.calls_of(nick).find(is_asked_about)
    }

    /// Returns all such calls of this nick.
    pub(super) fn calls_of(&self, nick: &Nick) -> impl Iterator<Item = SessionId> {
        let is_one = |entry: &SessionEntry| {
            matches!(entry.stage, SessionStage::Consent | SessionStage::Dialling { .. })
                && entry.call.nick() == Some(nick)
        };
        self.sessions.iter().filter(move |(_, entry)| is_one(entry)).map(|(id, _)| *id)
    }

    /// Returns true if an address can be one more candidate of a call: a caller may name its own
    /// address, and then one that a bridge allocated to it.
    pub(super) fn accepts_candidate(&self, id: SessionId, from: SocketAddr) -> bool {
        self.sessions.get(&id).is_some_and(|entry| entry.candidates.accept_another(from))
    }

    pub(super) fn add_candidates(&mut self, id: SessionId, to: SocketAddr, ticket: Option<Ticket>) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        match self.config.via {
            PathPolicy::Only(path) => entry.candidates.add(to, path, ticket),
            PathPolicy::Auto => {
                if SELECTS {
                    entry.candidates.add(to, Path::Bridge, ticket.clone());
                }
                entry.candidates.add(to, Path::Direct, ticket);
            }
        }
    }

    /// Dials the next candidate of a caller.
    pub(super) fn dial_next(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        if SELECTS {
            self.dial_near(id, turn);
            self.open_rendezvous(id, turn);
        }
        let conn = self.new_conn();
        // A caller's NAT may let in this host's bridge and not this host: hole punching comes first.
        let stagger = if self.can_punch() { DIRECT_ONLY } else { DIAL_STAGGER };
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let next = entry.candidates.dial(conn, turn.after(stagger));
        let Some((to, path)) = next else { return };
        if !matches!(entry.stage, SessionStage::Dialling { .. }) {
            entry.stage = SessionStage::Dialling { since: turn.now };
        } else if SELECTS {
            turn.notice(Some(id), Notice::Dialling { to, path });
        }
        self.conns.insert(conn, ConnRole::Control(id));
        let link = self.tunnel_of(path);
        turn.act(Action::Dial { conn, to, path, purpose: Purpose::Control, link });
    }

    /// Returns the connection whose tunnel a call uses on this path: another may be open for the next (section 5.9).
    fn tunnel_of(&self, path: Path) -> Option<ConnId> {
        self.relay.conn.filter(|_| path == Path::Bridge)
    }

    /// A candidate of a caller cannot be reached.
    pub(super) fn dial_failed(
        &mut self,
        id: SessionId,
        conn: ConnId,
        why: Box<str>,
        turn: &mut Turn<'_>,
    ) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let Some(failed) = entry.candidates.failed(conn) else { return };
        let (to, path, is_near) = (failed.to, failed.path, failed.is_near());
        if !entry.candidates.has_address(to) {
            self.blame(to.ip(), turn);
        }
        if is_near {
            // What becomes of it does not show in what happens next.
            return turn.notice(Some(id), Notice::DialFailed { to, path, why });
        }
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let grace = entry.began.saturating_add(CALL_GRACE);
        let give_up_at = entry.punch_until().map_or(grace, |until| until.max(grace));
        let is_last = entry.candidates.is_exhausted();
        if is_last && (entry.call.nick().is_none() || give_up_at <= turn.now) {
            return self.open_failed(id, Error::Unreachable(why), turn);
        }
        if SELECTS {
            turn.notice(Some(id), Notice::DialFailed { to, path, why: why.clone() });
        }
        if is_last {
            entry.candidates.await_another(why, give_up_at);
        }
        self.dial_next(id, turn);
    }

    /// A candidate of a caller answered.
    pub(super) fn dialled(
        &mut self,
        id: SessionId,
        conn: ConnId,
        ends: (SocketAddr, SocketAddr),
        turn: &mut Turn<'_>,
    ) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if !(SELECTS && entry.candidates.await_greeting(conn, ends)) {
            self.caller_connected(id, conn, ends, Vec::new(), turn);
        }
    }

    /// A candidate is the caller's: closes the dials of the others.
    pub(super) fn caller_connected(
        &mut self,
        id: SessionId,
        conn: ConnId,
        (local, remote): (SocketAddr, SocketAddr),
        received: Vec<u8>,
        turn: &mut Turn<'_>,
    ) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let Some((chosen, others)) = entry.candidates.connected(conn) else { return };
        for conn in others {
            if self.conns.remove(&conn).is_some() {
                turn.act(Action::Close { conn });
            }
        }
        self.end_punch(id, turn);
        let (path, is_near, ticket) = (chosen.path, chosen.is_near(), chosen.into_ticket());
        let new = NewConnection { conn, path, is_near, local, remote, ticket, received };
        self.attach(id, new, turn);
    }

    /// No candidate of a caller answered in time.
    pub(super) fn blame_dialled(&mut self, id: SessionId, turn: &Turn<'_>) {
        let Some(entry) = self.sessions.get(&id) else { return };
        let mut blamed = Vec::new();
        for candidate in entry.candidates.iter() {
            let ip = candidate.to.ip();
            if !blamed.contains(&ip) {
                blamed.push(ip);
            }
        }
        for ip in blamed {
            self.blame(ip, turn);
        }
    }

    /// A dial to this address did not lead to a caller.
    pub(super) fn blame(&mut self, ip: IpAddr, turn: &Turn<'_>) {
        // Most NATs let no host inside reach another at the NAT's own address.
        let is_own_nat = self.inner_address().is_some() && self.relay.login.seen == Some(ip);
        if !is_own_nat {
            self.guard.did_not_speak(ip, turn.now);
        }
    }

    /// Tries the paths that are due.
    pub(super) fn try_next_paths(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let is_due = |entry: &SessionEntry| entry.next_path_at().is_some_and(|at| at <= now);
        while let Some((&id, entry)) = self.sessions.iter_mut().find(|(_, entry)| is_due(entry)) {
            if entry.punch_until().is_some_and(|until| until <= now) {
                self.punch_failed(id, "no connection in time".into(), turn);
                continue;
            }
            if entry.listeners.punch_at().is_some_and(|at| at <= now) {
                self.ask_to_meet(id, turn);
                continue;
            }
            match entry.call {
                Call::Outgoing { .. } => {
                    let late = entry.began.saturating_add(DIRECT_ONLY_CONNECTED);
                    if entry.conn().is_some() && now < late {
                        entry.listeners.set_next_path(Some(late));
                        continue;
                    }
                    entry.listeners.set_next_path(None);
                    turn.notice(Some(id), Notice::ListeningAtBridge);
                    self.await_callee(id, Path::Bridge, turn);
                }
                Call::Incoming { .. } => match entry.candidates.dial_due() {
                    Some(why) => self.open_failed(id, Error::Unreachable(why), turn),
                    None => self.dial_next(id, turn),
                },
            }
        }
    }
}
