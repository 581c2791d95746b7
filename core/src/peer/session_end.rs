//! The ends of sessions.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::call_path::NONE;
use super::session_entry::{SessionEntry, SessionStage, TRIAL_TIMEOUT};
use super::{Action, ConnRole, Error, Event, Peer, SessionId, Turn, Wait};

impl Peer {
    /// Ends a session from this side, with X_END.
    pub(super) fn leave(&mut self, id: SessionId, error: Option<Error>, turn: &mut Turn<'_>) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let mut out = Vec::new();
        if entry.session.end(&mut out).is_ok() {
            entry.write(out, turn);
        }
        if let Some(entry) = self.release(id, &Error::Cancelled, turn) {
            notify_end(id, &entry, error, Error::Cancelled, turn);
        }
    }

    /// The peer sent X_END.
    pub(super) fn ended_by_peer(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let is_unanswered =
            self.sessions.get(&id).is_some_and(|entry| entry.session.has_pending_question());
        self.session_over(id, true, is_unanswered.then_some(Error::Closed(None)), turn);
    }

    /// The control connection is closed or of no use.
    pub(super) fn session_over(
        &mut self,
        id: SessionId,
        has_received_packet: bool,
        error: Option<Error>,
        turn: &mut Turn<'_>,
    ) {
        let fate = error.as_ref().unwrap_or(&Error::Closed(None));
        let Some(entry) = self.release(id, fate, turn) else { return };
        if let (true, Some(live)) =
            (entry.call.is_incoming() && !has_received_packet, entry.connection())
        {
            self.guard.did_not_speak(live.peer, turn.now);
        }
        notify_end(id, &entry, error, Error::Closed(None), turn);
    }

    /// A session will not be opened.
    pub(super) fn open_failed(&mut self, id: SessionId, error: Error, turn: &mut Turn<'_>) {
        if let Some(entry) = self.release(id, &error, turn) {
            notify_end(id, &entry, Some(error), Error::Cancelled, turn);
        }
    }

    pub(super) fn session_timed_out(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let limits = &self.config.limits;
        let Some(entry) = self.sessions.get(&id) else { return };
        let timed_out = |waited_for, after| Error::TimedOut { waited_for, after };
        match entry.stage {
            SessionStage::Listening | SessionStage::Calling => {
                let error = timed_out(Wait::ConnectionBack, limits.open_timeout);
                self.tell_path(NONE, turn);
                self.open_failed(id, error, turn);
            }
            SessionStage::Consent => {
                let error = timed_out(Wait::Consent, limits.open_timeout);
                self.open_failed(id, error, turn);
            }
            SessionStage::Dialling { .. } => {
                let error = timed_out(Wait::Connection, limits.open_timeout);
                self.blame_dialled(id, turn);
                self.open_failed(id, error, turn);
            }
            SessionStage::Live(_) if entry.awaits_base_caller() => self.stop_probing(id, turn),
            SessionStage::Live(_) => match self.late_peer(entry) {
                Some(error) => self.session_failed(id, error, turn),
                None => self.leave(id, None, turn),
            },
        }
    }

    /// Returns what the peer of an open session is late to do; `None` if the session is merely idle.
    fn late_peer(&self, entry: &SessionEntry) -> Option<Error> {
        let limits = &self.config.limits;
        let (session, has_received_packet) = (&entry.session, entry.session.has_received_packet());
        let has_spare = entry.listeners.has_spare();
        let first_line = if has_spare { TRIAL_TIMEOUT } else { limits.first_line_timeout };
        let (waited_for, after) = if !entry.auth.is_established() {
            match (has_received_packet, entry.call.is_incoming()) {
                (true, _) => (Wait::Handshake, limits.first_line_timeout),
                (false, true) => (Wait::FirstPacket, limits.first_line_timeout),
                (false, false) => (Wait::ProbeAnswer, first_line),
            }
        } else if entry.flow.unsent() > 0 {
            (Wait::PeerReads, limits.stall_timeout)
        } else if !has_received_packet && !entry.commands.is_empty() {
            (Wait::Answer, first_line)
        } else if !has_received_packet && entry.call.is_incoming() {
            (Wait::FirstPacket, limits.first_line_timeout)
        } else if session.has_pending_question() {
            (Wait::Answer, limits.answer_timeout)
        } else {
            return None;
        };
        Some(Error::TimedOut { waited_for, after })
    }

    /// Removes a session: closes what it holds, and ends what it has not begun with `error`.
    fn release(
        &mut self,
        id: SessionId,
        error: &Error,
        turn: &mut Turn<'_>,
    ) -> Option<Box<SessionEntry>> {
        self.settle_on_peer(id, turn);
        let mut entry = self.sessions.remove(&id)?;
        for conn in entry.conn().into_iter().chain(entry.candidates.dialled()) {
            if let Some(ConnRole::Control(_)) = self.conns.remove(&conn) {
                turn.act(Action::Close { conn });
            }
        }
        self.orphan_fetches(id, &mut entry, error, turn);
        self.orphan_serves(id, &mut entry, turn);
        self.close_link(id, turn);
        turn.deliver(id, entry.receipts.end());
        if let Some(caller) = entry.call.caller() {
            self.callers.give_back(caller);
        }
        Some(entry)
    }
}

/// Reports the end of a session that was open, or that it will not be; `otherwise` is the error of the
/// latter if there is none.
fn notify_end(
    session: SessionId,
    entry: &SessionEntry,
    error: Option<Error>,
    otherwise: Error,
    turn: &mut Turn<'_>,
) {
    turn.notify(match entry.is_reported {
        true => Event::Ended { session, error },
        false => Event::OpenFailed { session, error: error.unwrap_or(otherwise) },
    });
}
