//! Files for anyone with a code (section 12), until one of them has everything they wanted.

use core::mem::take;

use litemap::LiteMap;

use super::Outcome;
use crate::FileName;
use crate::peer::{Delivery, Event, SessionId, TransferId};

/// What a host serves by a code.
#[derive(Debug, Default)]
pub struct ByCode {
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
pub enum Verdict {
    /// Nothing changed: wait for the next event.
    Open,
    /// Somebody left without everything they wanted; the code stays good, and the same command
    /// resumes there. Ask again at once.
    Again(Outcome),
    /// Somebody has everything they wanted, which may be nothing.
    Done(Outcome),
    /// The code admits nobody any more: too many tried wrong ones.
    Dead(Outcome),
    /// What can be sent only once did not arrive, or it is not known whether it did.
    Lost(Delivery),
}

impl ByCode {
    /// Nothing was requested yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same where a pipe is all that is shared.
    pub fn of_a_pipe() -> Self {
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
                    self.outcome.unasked += served.wanted.saturating_sub(settled);
                    self.last = served;
                    self.left |= error.is_none();
                    self.cut |= error.is_some();
                }
            }
            Event::CodeDead => self.dead = true,
            _ => {}
        }
    }

    /// How things stand; `busy` says whether the host still has a session or a transfer.
    pub fn verdict(&mut self, busy: bool) -> Verdict {
        // Whoever is in already is not sent away.
        if busy || !self.sessions.is_empty() {
            return Verdict::Open;
        }
        if let Some(fate) = self.pipe.as_ref().and_then(|pipe| pipe.fate.clone()) {
            if !fate.is_done() {
                return Verdict::Lost(fate);
            }
            if self.alone {
                // Whatever else is said to be wanted, there is nothing more to send.
                self.outcome.retry();
                return Verdict::Done(self.outcome());
            }
        }
        let (left, cut) = (take(&mut self.left), take(&mut self.cut));
        match (left, cut) {
            (true, _) if self.outcome.is_complete() => Verdict::Done(self.outcome()),
            (true, _) | (_, true) => Verdict::Again(self.outcome()),
            _ if self.dead => Verdict::Dead(self.outcome()),
            _ => Verdict::Open,
        }
    }

    /// What became of it so far.
    pub fn outcome(&self) -> Outcome {
        // What arrived in an earlier session is there by now.
        let here = self.last.here.saturating_sub(self.last.before);
        Outcome { here, ..self.outcome.clone() }
    }
}
