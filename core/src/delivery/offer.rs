//! Files offered in a session (section 17).

use alloc::vec::Vec;

use litemap::LiteMap;

use super::Outcome;
use crate::FileName;
use crate::peer::{Delivery, Direction, Event, SessionId, TransferId};

/// An offer, until each of its files is stored, declined or failed.
#[derive(Debug)]
pub struct Offer {
    session: SessionId,
    /// Its files; true for one that is open, because it is neither declined nor delivered nor failed.
    files: LiteMap<FileName, bool>,
    open: usize,
    /// Transfers that are running.
    running: Vec<TransferId>,
    outcome: Outcome,
    session_ended: bool,
    /// Files that earlier sessions sent and the peer did not confirm: if it declines one now, it has it.
    sent: LiteMap<FileName, ()>,
}

impl Offer {
    /// Returns the offer of these files in this session.
    pub fn new(session: SessionId, files: impl IntoIterator<Item = FileName>) -> Self {
        let files: LiteMap<_, _> = files.into_iter().map(|name| (name, true)).collect();
        Self {
            session,
            open: files.len(),
            files,
            running: Vec::new(),
            outcome: Outcome::default(),
            session_ended: false,
            sent: LiteMap::new(),
        }
    }

    /// Takes an event of the host. One about other sessions or files changes nothing.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Started { transfer, session, direction: Direction::Send, .. }
                if *session == self.session =>
            {
                self.running.push(*transfer);
            }
            Event::Finished { transfer, .. } | Event::Failed { transfer, .. } => {
                self.running.retain(|running| running != transfer);
            }
            // Not counted: a file of another offer, and one that is stored already.
            Event::Delivered { session, name, .. }
                if *session == self.session
                    && (self.close(name) || self.outcome.is_missing(name)) =>
            {
                self.outcome.event(event);
            }
            Event::Declined { session, name } if *session == self.session => {
                let Ok(name) = FileName::new(name) else { return };
                let was_sent = self.sent.contains_key(&name);
                match self.close(&name) {
                    true if was_sent => self.outcome.already_present += 1,
                    true => self.outcome.event(event),
                    false => {}
                }
            }
            Event::Ended { session, .. } | Event::OpenFailed { session, .. }
                if *session == self.session =>
            {
                self.session_ended = true;
            }
            _ => {}
        }
    }

    /// Marks the session as ended, for a caller that learns it by other means than an event.
    pub fn end(&mut self) {
        self.session_ended = true;
    }

    /// Returns true if nothing is open any more: each file is delivered, declined or failed, or the session
    /// has ended and no transfer is running.
    pub fn is_settled(&self) -> bool {
        self.running.is_empty() && (self.session_ended || self.open == 0)
    }

    /// Returns true if another session may deliver more: this one ended while files were open, or before the
    /// peer confirmed files.
    pub fn is_resumable(&self) -> bool {
        self.session_ended && (self.open > 0 || self.has_unconfirmed())
    }

    /// Returns true if files were sent, completely or not, and the peer did not confirm them.
    pub fn has_unconfirmed(&self) -> bool {
        self.unconfirmed().next().is_some()
    }

    /// Offers the files that are still open again, in this session or another, and those that were sent and
    /// not confirmed. Returns their names.
    pub fn resume(&mut self, session: SessionId) -> Vec<FileName> {
        let unconfirmed: Vec<_> = self.unconfirmed().cloned().collect();
        for name in unconfirmed {
            self.outcome.forget(&name);
            if let Some(open) = self.files.get_mut(&name) {
                self.open += usize::from(!core::mem::replace(open, true));
            }
            self.sent.insert(name, ());
        }
        self.session = session;
        self.session_ended = false;
        self.running.clear();
        self.files.iter().filter(|(_, open)| **open).map(|(name, _)| name.clone()).collect()
    }

    /// Returns the files that may have arrived, although the peer did not say so.
    fn unconfirmed(&self) -> impl Iterator<Item = &FileName> {
        let unknown =
            |delivery: &Delivery| matches!(delivery, Delivery::Unconfirmed | Delivery::Unsent(_));
        self.outcome.missing().filter(move |(_, delivery)| unknown(delivery)).map(|(name, _)| name)
    }

    /// Returns true if the session ended while files were open.
    pub fn is_interrupted(&self) -> bool {
        self.session_ended && self.open > 0
    }

    /// Returns the outcome so far.
    pub fn outcome(&self) -> Outcome {
        Outcome { not_requested: self.open as u64, ..self.outcome.clone() }
    }

    /// Closes a file; returns true if it was open.
    fn close(&mut self, name: &FileName) -> bool {
        let open = self.files.get_mut(name).is_some_and(core::mem::take);
        self.open -= usize::from(open);
        open
    }
}
