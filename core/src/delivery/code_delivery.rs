//! Files for anyone with a code (section 12), until one of them has everything they wanted.

use core::mem::take;

use litemap::LiteMap;

use super::Outcome;
use crate::FileName;
use crate::peer::{Delivery, Event, SessionId, TransferId};

/// What a host serves by a code.
#[derive(Debug, Default)]
pub struct CodeDelivery {
    outcome: Outcome,
    /// Those who are in, by what they announced and what became of it.
    sessions: LiteMap<SessionId, Served>,
    /// The last of those who left.
    last: Served,
    /// Somebody left in order, or was cut off, since this was looked at.
    left: bool,
    cut: bool,
    dead: bool,
    pipe: Option<Pipe>,
    /// The pipe is all that is shared.
    alone: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Served {
    wanted: u64,
    here: u64,
    settled: u64,
    /// Files that arrived before this one came.
    before: u64,
}

/// A file that can be sent only once.
#[derive(Debug)]
struct Pipe {
    transfer: TransferId,
    name: FileName,
    fate: Option<Delivery>,
}

/// How things stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing changed: wait for the next event.
    Pending,
    /// A requester disconnected without every file it wanted. The code stays valid, and the requester
    /// resumes when it calls again. Query the status again at once.
    Incomplete(Outcome),
    /// A requester has every file it wanted, which can be none.
    Complete(Outcome),
    /// The code admits no caller any more: too many wrong codes were tried.
    CodeExhausted(Outcome),
    /// Piped input, which can be sent only once, did not arrive, or its arrival is unknown.
    Lost(Delivery),
}

impl CodeDelivery {
    /// Nothing was requested yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same where a pipe is all that is shared.
    pub fn for_piped_input() -> Self {
        Self { alone: true, ..Self::default() }
    }

    /// Takes what the host reports.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Opened { session, .. } => {
                if self.sessions.is_empty() {
                    // Whoever comes back requests what is still missing there.
                    self.outcome.retry();
                }
                let before = self.outcome.delivered();
                let served = Served { before, ..Served::default() };
                if !self.sessions.contains_key(session) {
                    self.sessions.insert(*session, served);
                }
            }
            Event::Wanted { session, want } => {
                if let Some(served) = self.sessions.get_mut(session) {
                    served.wanted = served.wanted.saturating_add(want.files);
                    served.here = served.here.saturating_add(want.already_stored);
                }
            }
            Event::Started { transfer, name, size, .. } if size.is_unknown() => {
                let (transfer, name) = (*transfer, name.clone());
                self.pipe = Some(Pipe { transfer, name, fate: None });
            }
            Event::Delivered { session, transfer, name, delivery, .. } => {
                self.outcome.event(event);
                if let Some(served) = self.sessions.get_mut(session) {
                    served.settled += 1;
                }
                if let Some(pipe) = &mut self.pipe
                    && (Some(pipe.transfer), &pipe.name) == (*transfer, name)
                {
                    pipe.fate = Some(delivery.clone());
                }
            }
            Event::Ended { session, error } => {
                if let Some(served) = self.sessions.remove(session) {
                    let settled = served.settled.saturating_add(served.here);
                    self.outcome.not_requested += served.wanted.saturating_sub(settled);
                    self.last = served;
                    self.left |= error.is_none();
                    self.cut |= error.is_some();
                }
            }
            Event::CodeExhausted => self.dead = true,
            _ => {}
        }
    }

    /// How things stand; `busy` says whether the host still has a session or a transfer.
    pub fn status(&mut self, busy: bool) -> Status {
        // Whoever is in already is not sent away.
        if busy || !self.sessions.is_empty() {
            return Status::Pending;
        }
        if let Some(fate) = self.pipe.as_ref().and_then(|pipe| pipe.fate.clone()) {
            if !fate.is_done() {
                return Status::Lost(fate);
            }
            if self.alone {
                // Whatever else is said to be wanted, there is nothing more to send.
                self.outcome.retry();
                return Status::Complete(self.outcome());
            }
        }
        let (left, cut) = (take(&mut self.left), take(&mut self.cut));
        match (left, cut) {
            (true, _) if self.outcome.is_complete() => Status::Complete(self.outcome()),
            (true, _) | (_, true) => Status::Incomplete(self.outcome()),
            _ if self.dead => Status::CodeExhausted(self.outcome()),
            _ => Status::Pending,
        }
    }

    /// What became of it so far.
    pub fn outcome(&self) -> Outcome {
        // What arrived in an earlier session is there by now.
        let already_present = self.last.here.saturating_sub(self.last.before);
        Outcome { already_present, ..self.outcome.clone() }
    }
}
