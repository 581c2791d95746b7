//! The control connections: reading, asking, ending (section 3).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::receipts::deliver;
use super::session_entry::{Ask, Slot, Stage, TRIAL};
use super::{Action, ConnId, Delivery, Error, Event, Peer, SessionId, Turn, Use};
use crate::session::Event as Heard;
use crate::{FileName, LeftOut, MisuseError, ProtocolError, SharedFile};

impl Peer {
    /// Returns a session's control connection, for a driver whose user does not read as fast as it comes.
    pub fn control_connection(&self, session: SessionId) -> Option<ConnId> {
        self.sessions.get(&session)?.conn()
    }

    /// Asks for everything the other side shares: [`Event::Entry`] for each, then
    /// [`Event::ListEnd`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`], [`MisuseError::AlreadyAsked`], [`MisuseError::Closing`].
    pub fn list(
        &mut self,
        session: SessionId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.ask(session, Ask::List, &mut Turn { now, actions })
    }

    /// Asks whether the other side shares a file: [`Event::Checked`].
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list); [`MisuseError::TooManyRequests`].
    pub fn check(
        &mut self,
        session: SessionId,
        name: FileName,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.ask(session, Ask::Check(name), &mut Turn { now, actions })
    }

    /// Offers files. The other side fetches them, or says which it does not
    /// want: [`Event::Declined`]. [`Event::NotOffered`] if it knows no offers, or the session is not
    /// encrypted.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn offer(
        &mut self,
        session: SessionId,
        files: Vec<SharedFile>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.ask(session, Ask::Offer(files), &mut Turn { now, actions })
    }

    /// Names what the next offer cannot include. It is not said to whom would not know what it is.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn leave_out(
        &mut self,
        session: SessionId,
        left: Vec<LeftOut>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.ask(session, Ask::LeaveOut(left), &mut Turn { now, actions })
    }

    /// Says that a file that was offered is not wanted.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`].
    pub fn decline(
        &mut self,
        session: SessionId,
        name: &FileName,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        let slot = self.sessions.get_mut(&session).ok_or(MisuseError::NoSession)?;
        let mut out = Vec::new();
        slot.session.refuse(name, &mut out);
        slot.write(out, &mut Turn { now, actions });
        Ok(())
    }

    /// Says X_END and closes. Transfers under way go on; requests that wait are cancelled.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`].
    pub fn end(
        &mut self,
        session: SessionId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        if !self.sessions.contains_key(&session) {
            return Err(MisuseError::NoSession);
        }
        self.leave(session, None, &mut Turn { now, actions });
        Ok(())
    }

    fn ask(&mut self, id: SessionId, ask: Ask, turn: &mut Turn<'_>) -> Result<(), MisuseError> {
        let waiting = self.config.limits.questions;
        let slot = self.sessions.get_mut(&id).ok_or(MisuseError::NoSession)?;
        let live = matches!(slot.stage, Stage::Live { .. }) && slot.agreed;
        let mut out = Vec::new();
        if live {
            if !ask.is_known(&slot.session) {
                turn.notify(not_offered(id, slot));
                return Ok(());
            }
            ask.send(&mut slot.session, &mut out)?;
            for name in ask.unfit(&slot.session) {
                turn.notify(Event::Declined { session: id, name });
            }
        }
        if !(live && slot.session.has_received_packet()) {
            if !live && slot.asked.contains(&ask) {
                return Err(MisuseError::AlreadyAsked);
            }
            if slot.asked.len() >= waiting {
                return Err(MisuseError::TooManyRequests);
            }
            slot.asked.push(ask);
        }
        slot.heard = turn.now;
        slot.write(out, turn);
        Ok(())
    }

    /// Sends what was asked before the connection stood.
    pub(super) fn ask_again(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let mut out = Vec::new();
        for ask in &slot.asked {
            if !ask.is_known(&slot.session) {
                turn.notify(not_offered(id, slot));
                continue;
            }
            // Each was checked when it was asked, and nothing else has been asked since.
            let sent = ask.send(&mut slot.session, &mut out);
            debug_assert_eq!(sent, Ok(()));
            for name in ask.unfit(&slot.session) {
                turn.notify(Event::Declined { session: id, name });
            }
        }
        slot.write(out, turn);
        self.start_fetches(id, turn);
    }

    pub(super) fn control_received(&mut self, id: SessionId, bytes: &[u8], turn: &mut Turn<'_>) {
        if let Some(slot) = self.sessions.get_mut(&id) {
            slot.session.receive(bytes);
            slot.heard = turn.now;
            self.pump(id, turn);
        }
    }

    pub(super) fn control_sent(&mut self, id: SessionId, bytes: usize, turn: &mut Turn<'_>) {
        if let Some(slot) = self.sessions.get_mut(&id) {
            slot.sent(bytes, turn.now);
            self.pump(id, turn);
        }
    }

    /// Takes lines while they may be taken, answers what is due, and tells the driver whether to
    /// read on.
    pub(super) fn pump(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        loop {
            let Some(slot) = self.sessions.get_mut(&id) else { return };
            let spoke = slot.session.has_received_packet();
            let mut out = Vec::new();
            let clogged = slot.is_clogged(&self.config.limits);
            slot.session.hold_answers(clogged, &mut out);
            let heard = slot.session.next_event(&mut out);
            slot.write(out, turn);
            let speaks_now = !spoke && slot.session.has_received_packet();
            // What it was asked, it heard.
            if slot.agreed && slot.session.has_received_packet() && heard.is_ok() {
                slot.asked.clear();
            }
            if speaks_now && heard.is_ok() {
                if let (true, Some((_, remote))) = (slot.called, slot.ends) {
                    self.guard.spoke(remote);
                }
                self.settle_on_peer(id, turn);
            }
            match heard {
                Ok(Some(event)) => self.heard(id, event, turn),
                Ok(None) => break,
                Err(error) => return self.session_failed(id, Error::Protocol(error), turn),
            }
        }
        self.look_up(id, turn);
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let Stage::Live { conn } = slot.stage else { return };
        // Not while too much is unsent: a host that then did not read answers, and another that did
        // not read questions, would wait for each other.
        let pause = slot.session.is_full();
        if pause != core::mem::replace(&mut slot.paused, pause) {
            turn.act(if pause { Action::Pause { conn } } else { Action::Resume { conn } });
        }
    }

    fn heard(&mut self, session: SessionId, event: Heard, turn: &mut Turn<'_>) {
        match event {
            Heard::Agreed { key } => self.agreed(session, key, turn),
            Heard::SafetyWords { words: Some(words) } => match self.sessions.get_mut(&session) {
                Some(slot) if !slot.opened => slot.words = Some(words),
                _ => turn.notify(Event::SafetyWords { session, words }),
            },
            Heard::SafetyWords { words: None } | Heard::Question => {}
            Heard::Authenticated => self.authenticated(session, turn),
            Heard::OwnKey { key, proof } => self.own_key_came(session, key, &proof, turn),
            Heard::Port { number, port } => self.port_came(session, number, port, turn),
            Heard::Offered { name, size, stat } => {
                turn.notify(Event::Offered { session, name, size, stat })
            }
            Heard::InvalidOffer { reason: why } => {
                turn.notify(Event::InvalidOffer { session, why })
            }
            Heard::LeftOut(left) => turn.notify(Event::LeftOut { session, left }),
            Heard::OfferEnd { entries } => turn.notify(Event::OfferEnd { session, entries }),
            Heard::Declined { name } => turn.notify(Event::Declined { session, name }),
            Heard::InvalidQuestion { reason: why } => {
                turn.notice(Some(session), format_args!("{why}"))
            }
            Heard::Entry { name, size, stat } => {
                turn.notify(Event::Entry { session, name, size, stat })
            }
            Heard::InvalidEntry { reason: why } => {
                turn.notify(Event::InvalidEntry { session, why })
            }
            Heard::ListEnd { entries } => turn.notify(Event::ListEnd { session, entries }),
            Heard::Answer { name, yes } => turn.notify(Event::Checked { session, name, yes }),
            Heard::Want(want) => turn.notify(Event::Wanted { session, want }),
            Heard::Unasked { name, reason: why } => {
                let (transfer, delivery) = (None, Delivery::NotStored(why));
                turn.notify(Event::Delivered { session, transfer, name, bytes: 0, delivery });
            }
            Heard::Receipt(receipt) => self.receipt_came(session, &receipt, turn),
            Heard::Refused { name } => self.refused_by_name(session, &name, turn),
            Heard::RequestRefused { number } => self.refused_by_number(session, number, turn),
            Heard::Ignored { verb } => {
                turn.notice(Some(session), format_args!("passed over the unknown packet {verb}"));
            }
            Heard::End => self.ended_by_peer(session, turn),
        }
    }

    fn ended_by_peer(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let unanswered =
            self.sessions.get(&id).is_some_and(|slot| slot.session.has_pending_question());
        self.over(id, true, unanswered.then_some(Error::Closed(None)), turn);
    }

    pub(super) fn control_closed(
        &mut self,
        id: SessionId,
        why: Option<Box<str>>,
        turn: &mut Turn<'_>,
    ) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let spoken = slot.session.has_received_packet();
        let half = slot.session.close().err().map(Error::Protocol);
        let unanswered = slot.session.has_pending_question() || slot.fetching > 0 || why.is_some();
        // In private only X_END is an end: anyone on the way can close a connection (section 11.3).
        let cut = unanswered || slot.key.is_some();
        let error = half.or_else(|| cut.then_some(Error::Closed(why)));
        if self.try_another(id, error.as_ref().unwrap_or(&Error::Closed(None)), turn) {
            return;
        }
        self.over(id, spoken, error, turn);
    }

    /// The other side broke the protocol, or went silent.
    pub(super) fn session_failed(&mut self, id: SessionId, error: Error, turn: &mut Turn<'_>) {
        self.count_wrong_code(id, &error, turn);
        let spoken = self.sessions.get(&id).is_some_and(|slot| slot.session.has_received_packet());
        let unencrypted = matches!(
            error,
            Error::Protocol(ProtocolError::Unencrypted | ProtocolError::EncryptionNotOffered)
        );
        if spoken && unencrypted {
            // The peer itself: nobody else is waited for.
            return self.leave(id, Some(error), turn);
        }
        if self.try_another(id, &error, turn) {
            return;
        }
        self.over(id, spoken, Some(error), turn);
    }

    fn over(&mut self, id: SessionId, spoken: bool, error: Option<Error>, turn: &mut Turn<'_>) {
        let fate = error.as_ref().unwrap_or(&Error::Closed(None));
        let Some(slot) = self.release(id, fate, turn) else { return };
        if let (true, false, Some((_, remote))) = (slot.called, spoken, slot.ends) {
            self.guard.did_not_speak(remote, turn.now);
        }
        turn.notify(match slot.opened {
            true => Event::Ended { session: id, error },
            false => Event::OpenFailed { session: id, error: error.unwrap_or(Error::Closed(None)) },
        });
    }

    pub(super) fn session_timed_out(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let limits = &self.config.limits;
        let Some(slot) = self.sessions.get(&id) else { return };
        if slot.session.is_probing() && matches!(slot.stage, Stage::Live { .. }) {
            return self.stop_probing(id, turn);
        }
        let (waited_for, after) = match slot.stage {
            Stage::Listening | Stage::Calling => ("a connection back", limits.open_timeout),
            Stage::Consent => ("an answer to the call", limits.open_timeout),
            Stage::Dialling => ("a connection", limits.open_timeout),
            Stage::Live { .. } if !slot.agreed && slot.session.has_received_packet() => {
                ("the rest of the handshake", limits.first_line_timeout)
            }
            Stage::Live { .. } if slot.unsent > 0 => {
                ("the other side to read", limits.stall_timeout)
            }
            Stage::Live { .. } if !slot.session.has_received_packet() && !slot.asked.is_empty() => {
                ("an answer", if slot.has_spare() { TRIAL } else { limits.first_line_timeout })
            }
            Stage::Live { .. } if !slot.session.has_received_packet() && slot.called => {
                ("a first packet", limits.first_line_timeout)
            }
            Stage::Live { .. } if slot.session.has_pending_question() => {
                ("an answer", limits.answer_timeout)
            }
            Stage::Live { .. } => return self.leave(id, None, turn),
        };
        let error = Error::TimedOut { waited_for, after };
        match slot.stage {
            Stage::Live { .. } => self.session_failed(id, error, turn),
            Stage::Dialling => {
                self.blame_dialled(id, turn);
                self.open_failed(id, error, turn);
            }
            _ => self.open_failed(id, error, turn),
        }
    }

    /// Ends a session from this side.
    pub(super) fn leave(&mut self, id: SessionId, error: Option<Error>, turn: &mut Turn<'_>) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let mut out = Vec::new();
        if slot.session.end(&mut out).is_ok() {
            slot.write(out, turn);
        }
        if let Some(slot) = self.release(id, &Error::Cancelled, turn) {
            turn.notify(match (slot.opened, error) {
                (true, error) => Event::Ended { session: id, error },
                (false, error) => {
                    let error = error.unwrap_or(Error::Cancelled);
                    Event::OpenFailed { session: id, error }
                }
            });
        }
    }

    /// Takes a session out: closes what it holds; what it has not begun meets its `fate`.
    pub(super) fn release(
        &mut self,
        id: SessionId,
        fate: &Error,
        turn: &mut Turn<'_>,
    ) -> Option<Box<Slot>> {
        self.settle_on_peer(id, turn);
        let mut slot = self.sessions.remove(&id)?;
        let dialled = slot.ways.iter().filter_map(|way| way.conn);
        for conn in slot.conn().into_iter().chain(dialled) {
            if let Some(Use::Control(_)) = self.conns.remove(&conn) {
                turn.act(Action::Close { conn });
            }
        }
        self.orphan_fetches(id, &mut slot, fate, turn);
        self.orphan_serves(id, &mut slot, turn);
        deliver(id, slot.receipts.end(), turn);
        if let Some(caller) = slot.caller.take() {
            self.callers.give_back(caller);
        }
        Some(slot)
    }
}

/// Why nothing is offered in a session.
fn not_offered(session: SessionId, slot: &Slot) -> Event {
    let error = match slot.key {
        Some(_) => ProtocolError::NoOffers,
        None => ProtocolError::Unencrypted,
    };
    Event::NotOffered { session, error: Error::Protocol(error) }
}
