//! How a session comes about: X_INIT, the listener, the connection back (sections 1 and 6).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::door::{Door, Guest};
use super::session_entry::{Slot, Stage};
use super::{Action, CallPolicy, ConnId, Error, Event, ListenerId, Peer, SessionId, Turn, Use};
use crate::addr::check_dial;
use crate::ticket::Ticket;
use crate::{MisuseError, Nick};

/// Why nobody can be called.
pub(super) const RELAY_GONE: &str = "the link to the relay is gone";
/// How long a session must have been idle to give way to another.
const IDLE: Duration = Duration::from_secs(10);

impl Peer {
    /// Calls `nick`: listens, sends X_INIT and waits for the connection back.
    /// [`Event::Opened`] follows, or [`Event::OpenFailed`]. Questions may be asked at once; they are
    /// sent when the connection stands.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Offline`], [`MisuseError::OwnNick`], [`MisuseError::TooManyRequests`] for more sessions than the limits
    /// allow.
    pub fn open(
        &mut self,
        nick: Nick,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<SessionId, MisuseError> {
        if self.nick().ok_or(MisuseError::Offline)?.eq_ignore_case(&nick) {
            return Err(MisuseError::OwnNick);
        }
        if self.sessions.len() >= self.config.limits.sessions {
            return Err(MisuseError::TooManyRequests);
        }
        let id = SessionId(self.new_id());
        let slot = Slot::new(Stage::Listening, Some(nick), false, now, &self.config.limits);
        self.sessions.insert(id, slot);
        self.await_at(id, self.first_path(), &mut Turn { now, actions });
        Ok(id)
    }

    /// Takes up a call ([`Event::Call`]).
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`] where no such call waits any more.
    pub fn accept(
        &mut self,
        session: SessionId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.answer_call(session, true, &mut Turn { now, actions })
    }

    /// Leaves a call ([`Event::Call`]). The caller is told nothing: the seed has no word for it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`] where no such call waits any more.
    pub fn reject(
        &mut self,
        session: SessionId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.answer_call(session, false, &mut Turn { now, actions })
    }

    /// Takes up or leaves all calls that one answer is for.
    fn answer_call(
        &mut self,
        session: SessionId,
        yes: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), MisuseError> {
        let mut next = Some(session).filter(|id| self.is_asked_about(*id));
        if next.is_none() {
            return Err(MisuseError::NoSession);
        }
        while let Some(id) = next {
            match yes {
                true => self.dial_next(id, turn),
                false => self.open_failed(id, Error::Declined, turn),
            }
            let with =
                |slot: &Slot| slot.stage == Stage::Consent && slot.asked_with == Some(session);
            next = self.sessions.iter().find(|(_, slot)| with(slot)).map(|(id, _)| *id);
        }
        Ok(())
    }

    fn is_asked_about(&self, id: SessionId) -> bool {
        self.sessions.get(&id).is_some_and(|slot| slot.stage == Stage::Consent)
    }

    pub(super) fn listening(
        &mut self,
        (id, listener): (SessionId, ListenerId),
        allocated_at: Option<IpAddr>,
        port: u16,
        turn: &mut Turn<'_>,
    ) {
        if self.nick().is_none() {
            // The relay went while this was waited for, and the next link has no nick yet.
            self.listeners.remove(&listener);
            turn.act(Action::StopListening { listener });
            return self.listen_failed(id, listener, RELAY_GONE.into(), turn);
        }
        let own = || self.own_address().map(|(named, _)| named);
        let Some(named) = allocated_at.or_else(own) else { return };
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let Some(nick) = slot.nick.clone() else { return };
        if let Some(door) = slot.doors.iter_mut().find(|door| door.listener == listener) {
            door.named = Some((named.to_canonical(), port));
        }
        if let Stage::Listening = slot.stage {
            slot.stage = Stage::Calling;
        }
        self.write_init(&nick, named, port, turn);
    }

    /// The control connection stands.
    pub(super) fn attach(&mut self, id: SessionId, guest: Guest, turn: &mut Turn<'_>) {
        let Guest { conn, path, local, remote, said, .. } = guest;
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        self.conns.insert(conn, Use::Control(id));
        slot.stage = Stage::Live { conn };
        slot.path = path;
        slot.ends = Some((local.ip().to_canonical(), remote.ip().to_canonical()));
        slot.remote = Some(remote);
        slot.since = turn.now;
        slot.heard = turn.now;
        let shown = slot.ticket.take().map(|ticket| ticket.line());
        let mut out = shown.unwrap_or_default().into_bytes();
        if let Some(trust) = &mut self.encryption {
            slot.session = trust.begin_session(slot, &self.config.limits, &mut out);
        }
        slot.write(out, turn);
        if !slot.session.is_probing() {
            self.agreed(id, None, turn);
        }
        if !said.is_empty() {
            self.control_received(id, &said, turn);
        }
    }

    /// The connection tried first was no peer's: tries the next, or waits on. `false` where the
    /// session was not in that state.
    pub(super) fn try_another(&mut self, id: SessionId, why: &Error, turn: &mut Turn<'_>) -> bool {
        let Some(slot) = self.sessions.get_mut(&id) else { return false };
        let Stage::Live { conn } = slot.stage else { return false };
        if slot.doors.is_empty() {
            return false;
        }
        if let Some((_, remote)) = slot.ends {
            let text = format_args!("a connection from {remote} was no peer's: {why}");
            turn.notice(Some(id), text);
        }
        if self.conns.remove(&conn).is_some() {
            turn.act(Action::Close { conn });
        }
        slot.restart(&self.config.limits);
        slot.stage = Stage::Calling;
        slot.waits_for_nobody();
        self.let_in(id, turn);
        true
    }

    /// The other side has shown to be the peer: nobody else is waited for.
    pub(super) fn settle_on_peer(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        if !slot.called {
            slot.next_way = None;
        }
        for Door { listener, .. } in core::mem::take(&mut slot.doors) {
            self.listeners.remove(&listener);
            turn.act(Action::StopListening { listener });
        }
        for Guest { conn, .. } in core::mem::take(&mut slot.guests) {
            self.conns.remove(&conn);
            turn.act(Action::Close { conn });
        }
    }

    /// An X_INIT came.
    pub(super) fn called(
        &mut self,
        from: SocketAddr,
        (nick, me): (Option<Nick>, Nick),
        ticket: Option<Ticket>,
        turn: &mut Turn<'_>,
    ) {
        let Some(relay) = self.relay.relay_ip() else { return };
        let closed = self.stopping || self.is_code_dead();
        let before = nick.as_ref().and_then(|nick| self.call_of(nick));
        let call = before.filter(|id| self.is_another_way(*id, from));
        let refusal = if self.config.calls == CallPolicy::Ignore || closed {
            Some(Error::Declined)
        } else if let Err(error) =
            check_dial(from.ip(), from.port(), relay, self.config.allow_private)
        {
            Some(Error::Policy(error))
        } else if let Err(error) = self.guard.admit(from.ip(), turn.now) {
            Some(Error::Policy(error))
        } else if call.is_none() && !self.make_room(from.ip(), turn) {
            Some(Error::Busy("sessions at once"))
        } else {
            None
        };
        if let Some(error) = refusal {
            return turn.notify(Event::CallRefused { from, error });
        }
        if let Some(id) = call {
            self.add_ways(id, from, ticket);
            return if !self.is_asked_about(id) {
                self.dial_next(id, turn)
            };
        }
        let id = SessionId(self.new_id());
        let limits = &self.config.limits;
        let mut slot = Slot::new(Stage::Consent, nick.clone(), true, turn.now, limits);
        slot.caller = Some(from.ip());
        slot.called_me = Some(me);
        slot.asked_with = before.filter(|id| self.is_asked_about(*id));
        let asked = slot.asked_with.is_some();
        self.sessions.insert(id, slot);
        self.add_ways(id, from, ticket);
        if asked {
            // One yes is enough, and it takes up both.
        } else if self.config.calls == CallPolicy::Ask {
            turn.notify(Event::Call { session: id, from, nick });
        } else {
            self.dial_next(id, turn);
        }
    }

    /// Takes a place for a session of this caller's. Where there is none, the session that was idle
    /// longest gives way, of a caller that has most of them.
    fn make_room(&mut self, caller: IpAddr, turn: &mut Turn<'_>) -> bool {
        let limits = &self.config.limits;
        let ours = self.sessions.values().filter(|slot| slot.caller.is_none()).count();
        let most = limits.sessions.saturating_sub(ours);
        if self.callers.take(caller, most) {
            return true;
        }
        let idle = self.sessions.iter().filter(|(_, slot)| slot.is_idle(IDLE, turn.now));
        let longest = idle
            .filter_map(|(id, slot)| {
                let other = slot.caller?;
                let helps = self.callers.would_have_room(caller, other, most);
                let places = self.callers.of(other);
                helps.then_some((places, core::cmp::Reverse((slot.heard, *id)), *id))
            })
            .max();
        let Some((.., id)) = longest else { return false };
        self.leave(id, Some(Error::Busy("sessions at once")), turn);
        self.callers.take(caller, most)
    }

    pub(super) fn dialled(
        &mut self,
        id: SessionId,
        conn: ConnId,
        local: SocketAddr,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        if let Some(path) = self.keep_way(id, conn, turn) {
            self.attach(id, Guest::dialled(conn, path, (local, remote)), turn);
        }
    }

    /// X_ERR X_INIT: the relay does not say for which, but it names the nick, and it answers in the
    /// order of the packets.
    pub(super) fn init_refused(&mut self, reason: &str, turn: &mut Turn<'_>) {
        let calling = || self.sessions.iter().filter(|(_, slot)| slot.stage == Stage::Calling);
        let named = calling().find(|(_, slot)| {
            slot.nick.as_ref().is_some_and(|nick| reason.ends_with(nick.as_str()))
        });
        if let Some(id) = named.or_else(|| calling().next()).map(|(id, _)| *id)
            && !self.survives_refusal(id, reason, turn)
        {
            let error = Error::Relay(printable(reason));
            self.open_failed(id, error, turn);
        }
    }

    pub(super) fn session_being_called(&self) -> Option<SessionId> {
        let calling = |slot: &Slot| slot.stage == Stage::Listening || slot.is_unanswered();
        self.sessions.iter().find(|(_, slot)| calling(slot)).map(|(id, _)| *id)
    }

    /// A session that has not been told of as open will not be.
    pub(super) fn open_failed(&mut self, id: SessionId, error: Error, turn: &mut Turn<'_>) {
        if let Some(slot) = self.release(id, &error, turn) {
            turn.notify(match slot.opened {
                true => Event::Ended { session: id, error: Some(error) },
                false => Event::OpenFailed { session: id, error },
            });
        }
    }
}

/// The relay's words without what could act on a terminal.
fn printable(text: &str) -> Box<str> {
    text.chars().filter(|c| !crate::unicode::is_deceptive(*c)).take(200).collect()
}
