//! What is tried when, for two hosts to connect (section 10.4).

use alloc::boxed::Box;
use core::net::SocketAddr;
use core::time::Duration;

use super::door::{Door, Due};
use super::path::Way;
use super::session_entry::{Slot, Stage};
use super::{
    Action, Awaited, ConnId, Error, ListenerId, Path, PathPolicy, Peer, Purpose, SessionId, Turn,
    Use,
};
use crate::Nick;
use crate::addr::{Scope, check_dial, scope};
use crate::ticket::Ticket;

/// How long a caller listens at its own address alone.
const ALONE: Duration = Duration::from_millis(1500);
/// The same where someone came who says nothing: the other side, or a stranger.
const ALONE_WITH_SOMEONE: Duration = Duration::from_secs(3);
/// How long one way to a caller is dialled alone.
const STAGGER: Duration = Duration::from_millis(750);
/// How long a call that could not be reached may still name another address.
const GRACE: Duration = Duration::from_secs(3);
/// Ways to one caller.
const MAX_WAYS: usize = 8;

/// A host that has one way alone can leave out what chooses.
const CHOOSES: bool = cfg!(feature = "two-ways");

impl Slot {
    /// Nobody is there any more who might be the other side.
    pub(super) fn waits_for_nobody(&mut self) {
        if CHOOSES {
            let alone = self.began.saturating_add(ALONE);
            self.next_way = self.next_way.map(|at| at.min(alone));
        }
    }

    /// Whether an address of the caller's is being dialled, or will be.
    fn has_way_to(&self, from: SocketAddr) -> bool {
        self.ways.iter().any(|way| way.to.ip() == from.ip())
    }
}

impl Peer {
    /// The way that a call of this host's is made first.
    pub(super) fn first_path(&self) -> Path {
        match self.config.via {
            PathPolicy::Only(path) => path,
            PathPolicy::Auto if !CHOOSES => Path::Bridge,
            PathPolicy::Auto if self.is_own_address_of_use() => Path::Direct,
            PathPolicy::Auto => Path::Bridge,
        }
    }

    /// Whether others may get through to the address that this host would name.
    fn is_own_address_of_use(&self) -> bool {
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

    /// Listens for whom this host calls.
    pub(super) fn await_at(&mut self, id: SessionId, path: Path, turn: &mut Turn<'_>) {
        let Some((_, ip)) = self.own_address() else { return };
        let listener = ListenerId(self.new_id());
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let more = CHOOSES && path == Path::Direct && self.config.via == PathPolicy::Auto;
        slot.next_way = more.then(|| turn.after(ALONE));
        let due = if self.relay.knows_tickets() { Due::Unknown } else { Due::Nothing };
        slot.doors.push(Door { listener, path, named: None, due });
        self.listeners.insert(listener, Awaited::Control(id));
        turn.act(Action::Listen { listener, ip, path, purpose: Purpose::Control });
    }

    /// A listener for whom this host calls could not be had.
    pub(super) fn listen_failed(
        &mut self,
        id: SessionId,
        listener: ListenerId,
        why: Box<str>,
        turn: &mut Turn<'_>,
    ) {
        if !CHOOSES {
            return self.open_failed(id, Error::Local(why), turn);
        }
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        slot.doors.retain(|door| door.listener != listener);
        let others = !slot.doors.is_empty() || matches!(slot.stage, Stage::Live { .. });
        if !others && slot.next_way.is_none() {
            return self.open_failed(id, Error::Local(why), turn);
        }
        turn.notice(Some(id), format_args!("{why}"));
        self.hasten(id, turn);
    }

    /// The relay did not pass on an X_INIT of this session's. `false` where that was its last.
    pub(super) fn survives_refusal(
        &mut self,
        id: SessionId,
        reason: &str,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(slot) = self.sessions.get_mut(&id).filter(|_| CHOOSES) else { return false };
        slot.refused += 1;
        // Who is not there is not there by the bridge either.
        let another = slot.next_way.is_some() || slot.refused < slot.doors.len();
        if !another || !reason.starts_with("refused: ") {
            return false;
        }
        turn.notice(Some(id), format_args!("the relay said of X_INIT: {}", crate::Quoted(reason)));
        self.hasten(id, turn);
        true
    }

    /// Tries the next way now, if there is one.
    fn hasten(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        if let Some(slot) = self.sessions.get_mut(&id)
            && slot.next_way.is_some()
        {
            slot.next_way = Some(turn.now);
        }
    }

    /// The call of this nick that is being taken up, or about which the user is asked.
    pub(super) fn call_of(&self, nick: &Nick) -> Option<SessionId> {
        let waits = |slot: &Slot| {
            matches!(slot.stage, Stage::Consent | Stage::Dialling)
                && slot.asked_with.is_none()
                && slot.nick.as_ref() == Some(nick)
        };
        self.sessions.iter().find(|(_, slot)| waits(slot)).map(|(id, _)| *id)
    }

    /// Whether a call may be taken up there too: a caller may name its own address, and then one that
    /// is lent to it. Who calls twice from one address may mean two sessions.
    pub(super) fn is_another_way(&self, id: SessionId, from: SocketAddr) -> bool {
        let another = |slot: &Slot| slot.ways.len() < MAX_WAYS && !slot.has_way_to(from);
        self.sessions.get(&id).is_some_and(|slot| another(slot))
    }

    /// Notes where a caller listens.
    pub(super) fn add_ways(&mut self, id: SessionId, to: SocketAddr, ticket: Option<Ticket>) {
        let via = self.config.via;
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let (path, more) = match via {
            PathPolicy::Only(path) => (path, false),
            PathPolicy::Auto => (Path::Direct, CHOOSES),
        };
        if more {
            let ticket = ticket.clone();
            slot.ways.push(Way { to, path: Path::Bridge, ticket, conn: None });
        }
        slot.ways.push(Way { to, path, ticket, conn: None });
    }

    /// Dials a caller the next way that was not tried.
    pub(super) fn dial_next(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let conn = self.new_conn();
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        // Straight ones before the bridge's, and of those the oldest.
        let left = slot.ways.iter_mut().filter(|way| way.conn.is_none());
        let Some(way) = left.min_by_key(|way| way.path) else { return };
        let (to, path) = (way.to, way.path);
        way.conn = Some(conn);
        slot.next_way = Some(turn.after(STAGGER));
        if slot.stage != Stage::Dialling {
            slot.stage = Stage::Dialling;
            slot.since = turn.now;
        } else if CHOOSES {
            turn.notice(Some(id), format_args!("trying {to} {path}"));
        }
        self.conns.insert(conn, Use::Control(id));
        turn.act(Action::Dial { conn, to, path, purpose: Purpose::Control });
    }

    /// One way to a caller leads nowhere.
    pub(super) fn dial_failed(
        &mut self,
        id: SessionId,
        conn: ConnId,
        why: Box<str>,
        turn: &mut Turn<'_>,
    ) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let Some(at) = slot.ways.iter().position(|way| way.conn == Some(conn)) else { return };
        let Way { to, path, .. } = slot.ways.remove(at);
        if !slot.has_way_to(to) {
            self.guard.did_not_speak(to.ip(), turn.now);
        }
        let grace = slot.began.saturating_add(GRACE);
        if slot.ways.is_empty() && (slot.nick.is_none() || grace <= turn.now) {
            return self.open_failed(id, Error::Unreachable(why), turn);
        }
        if CHOOSES {
            turn.notice(Some(id), format_args!("{to} cannot be reached {path}: {why}"));
        }
        if slot.ways.is_empty() {
            slot.why = Some(why);
            slot.next_way = Some(grace);
        }
        self.dial_next(id, turn);
    }

    /// Leaves all other ways to a caller, and returns the one that led there.
    pub(super) fn keep_way(
        &mut self,
        id: SessionId,
        conn: ConnId,
        turn: &mut Turn<'_>,
    ) -> Option<Path> {
        let slot = self.sessions.get_mut(&id)?;
        let way = slot.ways.iter_mut().find(|way| way.conn == Some(conn))?;
        let path = way.path;
        slot.ticket = way.ticket.take();
        slot.next_way = None;
        for other in core::mem::take(&mut slot.ways).into_iter().filter_map(|way| way.conn) {
            if other != conn && self.conns.remove(&other).is_some() {
                turn.act(Action::Close { conn: other });
            }
        }
        Some(path)
    }

    /// Nobody came to where this host dials.
    pub(super) fn blame_dialled(&mut self, id: SessionId, turn: &Turn<'_>) {
        let Some(slot) = self.sessions.get(&id) else { return };
        for (at, way) in slot.ways.iter().enumerate() {
            if !CHOOSES || !slot.ways[..at].iter().any(|other| other.to.ip() == way.to.ip()) {
                self.guard.did_not_speak(way.to.ip(), turn.now);
            }
        }
    }

    /// Tries what is due.
    pub(super) fn try_ways(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let due = |slot: &Slot| slot.next_way.is_some_and(|at| at <= now);
        while let Some((&id, slot)) = self.sessions.iter_mut().find(|(_, slot)| due(slot)) {
            slot.next_way = None;
            if CHOOSES && !slot.called {
                let late = slot.began.saturating_add(ALONE_WITH_SOMEONE);
                if matches!(slot.stage, Stage::Live { .. }) && now < late {
                    slot.next_way = Some(late);
                    continue;
                }
                let text = "nobody came to this host's own address; listening at the bridge too";
                turn.notice(Some(id), format_args!("{text}"));
                self.await_at(id, Path::Bridge, turn);
            } else if let (true, Some(why)) = (slot.ways.is_empty(), slot.why.take()) {
                self.open_failed(id, Error::Unreachable(why), turn);
            } else {
                self.dial_next(id, turn);
            }
        }
    }
}
