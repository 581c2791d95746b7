//! Moves to another connection to the relay, once the relay has said that it will stop (section 5.9).
//!
//! The host logs in on the next connection while it keeps its nick on the current one. Inputs of the next
//! connection are handled by the login of any other: for their time, the next link takes the place of
//! [`Peer::relay`](super::Peer), and the current one is kept beside it.

use alloc::boxed::Box;
use core::mem;
use core::time::Duration;

use super::relay_link::{RelayLink, RelayStage};
use super::session_entry::{Call, SessionEntry, SessionStage};
use super::{Action, ConnId, Error, Event, Input, Notice, Peer, Turn};
use crate::RelayPacket;
use crate::relay_caps::RelayCaps;

/// A connection that lasted this long before its X_MOVE is followed at once. Of shorter ones each waits twice
/// as long as the one before: a relay cannot keep its hosts busy with moves.
const MIN_STAY: Duration = Duration::from_secs(60);

impl Peer {
    /// X_MOVE came: this host moves as soon as it is online. A second one on the same connection is ignored.
    pub(super) fn told_to_move(&mut self, seconds: u64, turn: &mut Turn<'_>) {
        let login = &mut self.relay.login;
        if !login.caps.has(RelayCaps::MOVE) || login.stops_at.is_some() {
            return;
        }
        login.stops_at = Some(turn.after(Duration::from_secs(seconds)));
        self.begin_move(turn);
    }

    /// Begins to move if the relay has asked for it, and this host is online.
    pub(super) fn begin_move(&mut self, turn: &mut Turn<'_>) {
        let is_online = matches!(self.relay.stage, RelayStage::Online(_));
        if self.relay.login.stops_at.is_none() || !is_online || self.is_stopping {
            return;
        }
        let link = RelayLink::next_after(&mut self.relay, turn.now, MIN_STAY);
        self.next_relay = Some(Box::new(link));
        turn.notice(None, Notice::RelayStops);
    }

    /// Puts the next link in the place of the current one, for an input of its connection.
    pub(super) fn select_link(&mut self, conn: Option<ConnId>) {
        if conn.is_some() && self.next_relay.as_ref().is_some_and(|next| next.conn == conn) {
            self.swap_links();
        }
    }

    /// Puts both links where they were, unless the next has become the current one.
    pub(super) fn restore_link(&mut self) {
        if self.relay.is_next {
            self.swap_links();
        }
    }

    fn swap_links(&mut self) {
        if let Some(other) = &mut self.next_relay {
            mem::swap(&mut self.relay, other);
        }
    }

    /// As [`pass_relay_deadline`](Self::pass_relay_deadline), of the next link.
    pub(super) fn pass_move_deadline(&mut self, turn: &mut Turn<'_>) {
        if self.next_relay.is_some() {
            self.swap_links();
            self.pass_relay_deadline(turn);
            self.restore_link();
        }
    }

    /// The next connection has the nick. Calls in flight end on the current one, in the time that it has; the
    /// next one is not read until then.
    pub(super) fn nick_moved(&mut self, at: usize, turn: &mut Turn<'_>) {
        let stops_at = self.next_relay.as_ref().and_then(|current| current.login.stops_at);
        let until = turn.after(self.config.limits.open_timeout);
        let until = stops_at.map_or(until, |stops_at| until.min(stops_at));
        self.relay.stage = RelayStage::Ready(at, until);
        if let Some(conn) = self.relay.conn.filter(|_| self.is_connecting()) {
            return turn.act(Action::Pause { conn });
        }
        self.complete_move(at, turn);
    }

    /// Completes the move if no call is left in flight, or no time for it.
    pub(super) fn complete_move_if_due(
        &mut self,
        (at, until): (usize, Duration),
        turn: &mut Turn<'_>,
    ) {
        if self.is_connecting() && until > turn.now {
            return;
        }
        if let Some(conn) = self.relay.conn {
            turn.act(Action::Resume { conn });
        }
        self.complete_move(at, turn);
        self.relay_received(&[], turn);
    }

    fn complete_move(&mut self, at: usize, turn: &mut Turn<'_>) {
        self.relay.is_next = false;
        if let Some(left) = self.next_relay.take() {
            self.leave_link(&left, turn);
        }
        self.fail_calls(turn);
        self.online(at, turn);
    }

    /// The relay gave the nick to no second connection: this host leaves the first, and is offline for a moment.
    pub(super) fn nick_kept(&mut self, turn: &mut Turn<'_>) {
        let Some(left) = self.next_relay.take() else { return };
        self.relay.is_next = false;
        self.leave_link(&left, turn);
        self.relay_lost(Error::Closed(None), turn);
    }

    /// The current link is lost while the next one logs in, which takes its place. Returns false if there is
    /// none that does.
    pub(super) fn next_link_takes_over(&mut self, error: &Error, turn: &mut Turn<'_>) -> bool {
        let Some(next) = self.next_relay.take() else { return false };
        if next.conn.is_none() {
            return false;
        }
        self.relay = *next;
        self.relay.is_next = false;
        if let RelayStage::Ready(at, _) = self.relay.stage {
            self.complete_move_if_due((at, turn.now), turn);
            return true;
        }
        let (error, retry) = (error.clone(), Some(Duration::ZERO));
        turn.notify(Event::Offline { error, retry });
        self.fail_calls(turn);
        true
    }

    /// Says good-bye on a link that is not the current one any more.
    pub(super) fn leave_link(&mut self, link: &RelayLink, turn: &mut Turn<'_>) {
        let Some(conn) = link.conn else { return };
        if !matches!(link.stage, RelayStage::Dialling(_)) {
            turn.act(Action::Write { conn, bytes: RelayPacket::End.to_line().into() });
        }
        self.conns.remove(&conn);
        turn.act(Action::Close { conn });
    }

    /// Returns true if a call is in flight, for which the relay or the tunnel of its connection may be needed, or a
    /// list of nicks.
    fn is_connecting(&self) -> bool {
        if self.next_relay.as_ref().is_some_and(|current| current.login.nicks.is_wanted()) {
            return true;
        }
        let in_flight = |entry: &SessionEntry| match entry.call {
            Call::Outgoing { .. } => entry.connection().is_none() || entry.listeners.are_open(),
            Call::Incoming { .. } => {
                matches!(entry.stage, SessionStage::Consent | SessionStage::Dialling { .. })
            }
        };
        self.sessions.values().any(|entry| in_flight(entry))
    }
}

impl Input<'_> {
    /// Returns the connection whose link an input may concern.
    pub(super) fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Connected { conn, .. }
            | Self::ConnectFailed { conn, .. }
            | Self::Received { conn, .. }
            | Self::Closed { conn, .. } => Some(*conn),
            _ => None,
        }
    }
}
