//! Reads the control connections (section 3).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Action, Delivery, Error, Event, Notice, Peer, SessionId, Turn};
use crate::ProtocolError;
use crate::session::Event as Heard;

impl Peer {
    pub(super) fn control_received(&mut self, id: SessionId, bytes: &[u8], turn: &mut Turn<'_>) {
        if let Some(entry) = self.sessions.get_mut(&id) {
            entry.session.receive(bytes);
            entry.heard = turn.now;
            self.pump(id, turn);
        }
    }

    pub(super) fn control_sent(&mut self, id: SessionId, bytes: usize, turn: &mut Turn<'_>) {
        if let Some(entry) = self.sessions.get_mut(&id) {
            entry.flow.sent(bytes, turn.now);
            self.pump(id, turn);
        }
    }

    /// Takes lines while they may be taken, answers what is due, and pauses or resumes reading.
    pub(super) fn pump(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        loop {
            let Some(entry) = self.sessions.get_mut(&id) else { return };
            let had_spoken = entry.session.has_received_packet();
            let mut out = Vec::new();
            let is_clogged = entry.is_clogged(&self.config.limits);
            entry.session.hold_answers(is_clogged, &mut out);
            let heard = entry.session.next_event(&mut out);
            entry.write(out, turn);
            let has_received_packet = entry.session.has_received_packet();
            if entry.auth.is_established() && has_received_packet && heard.is_ok() {
                // The peer heard them.
                entry.commands.clear();
            }
            if has_received_packet && !had_spoken && heard.is_ok() {
                if let (true, Some(live)) = (entry.call.is_incoming(), entry.connection()) {
                    self.guard.spoke(live.peer);
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
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let Some(conn) = entry.conn() else { return };
        // Not paused for unsent bytes: a host that then read no answers, and another that read no
        // questions, would wait for each other.
        let pause = entry.session.is_full();
        if entry.flow.pause(pause) {
            turn.act(if pause { Action::Pause { conn } } else { Action::Resume { conn } });
        }
    }

    fn heard(&mut self, session: SessionId, event: Heard, turn: &mut Turn<'_>) {
        match event {
            Heard::Agreed { key } => self.agreed(session, key, turn),
            Heard::SafetyWords { words: Some(words) } => match self.sessions.get_mut(&session) {
                Some(entry) if !entry.is_reported => entry.auth.keep_words(words),
                _ => turn.notify(Event::SafetyWords { session, words }),
            },
            Heard::SafetyWords { words: None } | Heard::Question => {}
            Heard::Authenticated => self.authenticated(session, turn),
            Heard::OwnKey { key, proof } => self.own_key_came(session, key, &proof, turn),
            Heard::Port { number, port } => self.port_came(session, number, port, turn),
            Heard::Link(message) => self.link_message(session, message, turn),
            Heard::Offered { name, size, stat } => {
                turn.notify(Event::Offered { session, name, size, stat });
            }
            Heard::InvalidOffer(error) => turn.notify(Event::InvalidOffer { session, error }),
            Heard::LeftOut(left) => turn.notify(Event::LeftOut { session, left }),
            Heard::OfferEnd { entries } => turn.notify(Event::OfferEnd { session, entries }),
            Heard::Declined { name } => turn.notify(Event::Declined { session, name }),
            Heard::InvalidQuestion(error) => {
                turn.notice(Some(session), Notice::InvalidQuestion(error));
            }
            Heard::Entry { name, size, stat } => {
                turn.notify(Event::Entry { session, name, size, stat });
            }
            Heard::InvalidEntry(error) => turn.notify(Event::InvalidEntry { session, error }),
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
                turn.notice(Some(session), Notice::UnknownPacket { verb });
            }
            Heard::End => self.ended_by_peer(session, turn),
        }
    }

    pub(super) fn control_closed(
        &mut self,
        id: SessionId,
        why: Option<Box<str>>,
        turn: &mut Turn<'_>,
    ) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let has_received_packet = entry.session.has_received_packet();
        let half_line = entry.session.close().err().map(Error::Protocol);
        let is_unanswered =
            entry.session.has_pending_question() || entry.fetches.running() > 0 || why.is_some();
        // Only X_END ends an encrypted session: an attacker on the path can close a connection
        // (section 11.3).
        let is_cut = is_unanswered || entry.auth.key().is_some();
        let error = half_line.or_else(|| is_cut.then_some(Error::Closed(why)));
        if self.try_another(id, error.as_ref().unwrap_or(&Error::Closed(None)), turn) {
            return;
        }
        self.session_over(id, has_received_packet, error, turn);
    }

    /// The peer broke the protocol, or went silent.
    pub(super) fn session_failed(&mut self, id: SessionId, error: Error, turn: &mut Turn<'_>) {
        self.count_wrong_code(id, &error, turn);
        let has_received_packet =
            self.sessions.get(&id).is_some_and(|entry| entry.session.has_received_packet());
        let is_unencrypted = matches!(
            error,
            Error::Protocol(ProtocolError::Unencrypted | ProtocolError::EncryptionNotOffered)
        );
        if has_received_packet && is_unencrypted {
            // It is the peer itself, so no other connection is tried.
            return self.leave(id, Some(error), turn);
        }
        if !self.try_another(id, &error, turn) {
            self.session_over(id, has_received_packet, Some(error), turn);
        }
    }
}
