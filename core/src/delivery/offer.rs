//! Files that were offered in a session (section 17).

use alloc::vec::Vec;

use litemap::LiteMap;

use super::Outcome;
use crate::FileName;
use crate::peer::{Direction, Event, SessionId, TransferId};

/// An offer, until each of its files is stored, declined or failed.
#[derive(Debug)]
pub struct Offer {
    session: SessionId,
    /// Its files, and whether each is open: neither requested nor declined, or on its way.
    files: LiteMap<FileName, bool>,
    open: usize,
    moving: Vec<TransferId>,
    outcome: Outcome,
    over: bool,
}

impl Offer {
    /// Of these files, in this session.
    pub fn new(session: SessionId, files: impl IntoIterator<Item = FileName>) -> Self {
        let files: LiteMap<_, _> = files.into_iter().map(|name| (name, true)).collect();
        Self {
            session,
            open: files.len(),
            files,
            moving: Vec::new(),
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
                self.moving.push(*transfer);
            }
            Event::Finished { transfer, .. } | Event::Failed { transfer, .. } => {
                self.moving.retain(|moving| moving != transfer);
            }
            // A file of another offer, or one that is stored already, is not counted.
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
        self.moving.is_empty() && (self.over || self.open == 0)
    }

    /// Whether the session ended before every file had its fate.
    pub fn is_interrupted(&self) -> bool {
        self.over && self.open > 0
    }

    /// What became of it so far.
    pub fn outcome(&self) -> Outcome {
        Outcome { not_requested: self.open as u64, ..self.outcome.clone() }
    }

    /// A file has its fate; whether it was open.
    fn close(&mut self, name: &FileName) -> bool {
        let open = self.files.get_mut(name).is_some_and(core::mem::take);
        self.open -= usize::from(open);
        open
    }
}
