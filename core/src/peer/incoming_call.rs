//! Calls of other hosts: which are accepted, and by whose answer (section 6).

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::session_entry::{Call, SessionEntry, SessionStage};
use super::{Action, CallPolicy, Error, Event, Peer, SessionId, Turn};
use crate::addr::check_dial;
use crate::ticket::Ticket;
use crate::{MisuseError, Nick};

/// A session must have been idle for this long to give way to another.
const MIN_IDLE: Duration = Duration::from_secs(10);

impl Peer {
    /// Accepts a call ([`Event::Call`]).
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`] if the call does not wait any more.
    pub fn accept(
        &mut self,
        session: SessionId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.run(now, actions, |peer, turn| peer.answer_call(session, true, turn))
    }

    /// Rejects a call ([`Event::Call`]). The caller learns of it if both hosts and the relay support that (section
    /// 5.13): the base protocol has no packet for it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`] if the call does not wait any more.
    pub fn reject(
        &mut self,
        session: SessionId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.run(now, actions, |peer, turn| peer.answer_call(session, false, turn))
    }

    /// Accepts or rejects all calls that one answer is for.
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
                false => {
                    let entry = self.sessions.get(&id);
                    let ticket = entry.and_then(|entry| entry.candidates.last_ticket());
                    self.decline_call(ticket.as_ref(), turn);
                    self.open_failed(id, Error::Declined, turn);
                }
            }
            let shares_answer = |entry: &SessionEntry| {
                entry.stage == SessionStage::Consent && entry.call.asked_with() == Some(session)
            };
            let mut sessions = self.sessions.iter();
            next = sessions.find(|(_, entry)| shares_answer(entry)).map(|(id, _)| *id);
        }
        Ok(())
    }

    fn is_asked_about(&self, id: SessionId) -> bool {
        self.sessions.get(&id).is_some_and(|entry| entry.stage == SessionStage::Consent)
    }

    /// An X_INIT came.
    pub(super) fn called(
        &mut self,
        from: SocketAddr,
        (nick, called_as): (Option<Nick>, Nick),
        ticket: Option<Ticket>,
        turn: &mut Turn<'_>,
    ) {
        let earlier = nick.as_ref().and_then(|nick| self.call_of(nick));
        let same_call = earlier.filter(|id| self.accepts_candidate(*id, from));
        if let Err(error) = self.admit_call(from, same_call.is_some(), turn) {
            if self.config.calls == CallPolicy::Ignore && !self.is_stopping {
                self.decline_call(ticket.as_ref(), turn);
            }
            return turn.notify(Event::CallRefused { from, error });
        }
        if let Some(id) = same_call {
            self.add_candidates(id, from, ticket);
            if !self.is_asked_about(id) {
                self.dial_next(id, turn);
            }
            return;
        }
        let id = SessionId(self.new_id());
        // One answer accepts both.
        let asked_with = earlier.filter(|id| self.is_asked_about(*id));
        let caller = from.ip();
        let call = Call::Incoming { nick: nick.clone(), caller, called_as, asked_with };
        self.sessions.insert(id, SessionEntry::new(call, turn.now, &self.config.limits));
        self.add_candidates(id, from, ticket);
        match self.config.calls {
            _ if asked_with.is_some() => {}
            CallPolicy::Ask => turn.notify(Event::Call { session: id, from, nick }),
            CallPolicy::Accept | CallPolicy::Ignore => self.dial_next(id, turn),
        }
    }

    /// Decides if a caller may be dialled at all, and takes a place for a session with it.
    fn admit_call(
        &mut self,
        from: SocketAddr,
        has_session: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), Error> {
        if self.config.calls == CallPolicy::Ignore || self.is_stopping || self.is_code_exhausted() {
            return Err(Error::Declined);
        }
        let relay = self.relay.relay_ip().ok_or(Error::Declined)?;
        let (ip, port) = (from.ip(), from.port());
        check_dial(ip, port, relay, self.config.allow_private).map_err(Error::Policy)?;
        self.guard.admit(ip, turn.now).map_err(Error::Policy)?;
        match has_session || self.make_room(ip, turn) {
            true => Ok(()),
            false => Err(Error::TooManySessions),
        }
    }

    /// Takes a place for a session with this caller. If there is none, the session that was idle for
    /// longest gives way, of a caller that has most of them.
    fn make_room(&mut self, caller: IpAddr, turn: &mut Turn<'_>) -> bool {
        let limits = &self.config.limits;
        let ours = self.sessions.values().filter(|entry| !entry.call.is_incoming()).count();
        let most = limits.sessions.saturating_sub(ours);
        if self.callers.take(caller, most) {
            return true;
        }
        let idle = self.sessions.iter().filter(|(_, entry)| entry.is_idle(MIN_IDLE, turn.now));
        let longest = idle
            .filter_map(|(id, entry)| {
                let other = entry.call.caller()?;
                let helps = self.callers.would_have_room(caller, other, most);
                let places = self.callers.of(other);
                helps.then_some((places, core::cmp::Reverse((entry.heard, *id)), *id))
            })
            .max();
        let Some((.., id)) = longest else { return false };
        self.leave(id, Some(Error::TooManySessions), turn);
        self.callers.take(caller, most)
    }
}
