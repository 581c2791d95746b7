//! Files offered in a session (section 17).

use alloc::vec::Vec;

use litemap::LiteMap;

use super::Outcome;
use crate::FileName;
use crate::peer::{Direction, Event, SessionId, TransferId};

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
            Event::Declined { session, name }
                if *session == self.session
                    && FileName::new(name).is_ok_and(|name| self.close(&name)) =>
            {
                self.outcome.event(event);
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
