//! Files that were offered in a session (section 17).

use alloc::collections::BTreeSet;

use super::Outcome;
use crate::FileName;
use crate::peer::{Direction, Event, SessionId, TransferId};

/// An offer, until each of its files is stored, declined or failed.
#[derive(Debug)]
pub struct Offer {
    session: SessionId,
    /// Files that were neither requested nor declined, or are on their way.
    open: BTreeSet<FileName>,
    moving: BTreeSet<TransferId>,
    outcome: Outcome,
    over: bool,
}

impl Offer {
    /// Of these files, in this session.
    pub fn new(session: SessionId, files: impl IntoIterator<Item = FileName>) -> Self {
        Self {
            session,
            open: files.into_iter().collect(),
            moving: BTreeSet::new(),
            outcome: Outcome::default(),
            over: false,
        }
    }

    /// Takes what the host reports; what is about other sessions and files changes nothing.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Started { transfer, session, direction: Direction::Send, .. }
                if *session == self.session =>
            {
                self.moving.insert(*transfer);
            }
            Event::Finished { transfer, .. } | Event::Failed { transfer, .. } => {
                self.moving.remove(transfer);
            }
            // A file of another offer, or one that is stored already, is not counted.
            Event::Delivered { session, name, .. }
                if *session == self.session
                    && (self.open.remove(name) || self.outcome.is_missing(name)) =>
            {
                self.outcome.event(event);
            }
            Event::Declined { session, name } if *session == self.session => {
                let declined = FileName::new(name).is_ok_and(|name| self.open.remove(&name));
                if declined {
                    self.outcome.event(event);
                }
            }
            Event::Ended { session, .. } | Event::OpenFailed { session, .. }
                if *session == self.session =>
            {
                self.over = true;
            }
            _ => {}
        }
    }

    /// The session is over, as the caller learnt otherwise than by an event.
    pub fn end(&mut self) {
        self.over = true;
    }

    /// Whether nothing of it is open any more: every file has its fate, or its session is over and
    /// nothing is on its way.
    pub fn is_settled(&self) -> bool {
        self.moving.is_empty() && (self.over || self.open.is_empty())
    }

    /// Whether the session ended before every file had its fate.
    pub fn is_cut(&self) -> bool {
        self.over && !self.open.is_empty()
    }

    /// What became of it so far.
    pub fn outcome(&self) -> Outcome {
        Outcome { unasked: self.open.len() as u64, ..self.outcome.clone() }
    }
}
