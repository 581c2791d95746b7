//! Files served to anyone with a code (section 12), until one requester has every file it wanted.

use core::mem::take;

use litemap::LiteMap;

use super::Outcome;
use crate::FileName;
use crate::peer::{Delivery, Event, SessionId, TransferId};

/// The files that a host serves by a code.
#[derive(Debug, Default)]
pub struct CodeDelivery {
    outcome: Outcome,
    /// The open sessions: what each requester announced, and what became of it.
    sessions: LiteMap<SessionId, Served>,
    /// The session that ended last.
    last: Served,
    /// Set if a session ended in order since the last query.
    ended: bool,
    /// Set if a session was cut off since the last query.
    cut_off: bool,
    code_exhausted: bool,
    piped_input: Option<PipedInput>,
    /// Set if piped input is all that is shared.
    piped_input_only: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Served {
    wanted: u64,
    already_present: u64,
    settled: u64,
    /// Files that had arrived before this session was opened.
    delivered_before: u64,
}

/// A file that can be sent only once.
#[derive(Debug)]
struct PipedInput {
    transfer: TransferId,
    name: FileName,
    delivery: Option<Delivery>,
}

/// The progress of a [`CodeDelivery`].
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
    /// Returns a delivery of which nothing was requested yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`new`](Self::new), where piped input is all that is shared.
    pub fn for_piped_input() -> Self {
        Self { piped_input_only: true, ..Self::default() }
    }

    /// Takes an event of the host.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Opened { session, .. } => {
                if self.sessions.is_empty() {
                    // A requester that returns requests what it still misses.
                    self.outcome.retry();
                }
                let delivered_before = self.outcome.delivered();
                let served = Served { delivered_before, ..Served::default() };
                if !self.sessions.contains_key(session) {
                    self.sessions.insert(*session, served);
                }
            }
            Event::Wanted { session, want } => {
                if let Some(served) = self.sessions.get_mut(session) {
                    served.wanted = served.wanted.saturating_add(want.files);
                    served.already_present =
                        served.already_present.saturating_add(want.already_stored);
                }
            }
            Event::Started { transfer, name, size, .. } if size.is_unknown() => {
                let (transfer, name) = (*transfer, name.clone());
                self.piped_input = Some(PipedInput { transfer, name, delivery: None });
            }
            Event::Delivered { session, transfer, name, delivery, .. } => {
                self.outcome.event(event);
                if let Some(served) = self.sessions.get_mut(session) {
                    served.settled += 1;
                }
                if let Some(piped) = &mut self.piped_input
                    && (Some(piped.transfer), &piped.name) == (*transfer, name)
                {
                    piped.delivery = Some(delivery.clone());
                }
            }
            Event::Ended { session, error } => {
                if let Some(served) = self.sessions.remove(session) {
                    let settled = served.settled.saturating_add(served.already_present);
                    self.outcome.not_requested += served.wanted.saturating_sub(settled);
                    self.last = served;
                    self.ended |= error.is_none();
                    self.cut_off |= error.is_some();
                }
            }
            Event::CodeExhausted => self.code_exhausted = true,
            _ => {}
        }
    }

    /// Returns the progress; `busy` is true if the host still has a session or a transfer.
    pub fn status(&mut self, busy: bool) -> Status {
        // An open session is not ended.
        if busy || !self.sessions.is_empty() {
            return Status::Pending;
        }
        let piped_input = self.piped_input.as_ref();
        if let Some(delivery) = piped_input.and_then(|piped| piped.delivery.clone()) {
            if !delivery.is_done() {
                return Status::Lost(delivery);
            }
            if self.piped_input_only {
                // Nothing more can be sent, whatever else was announced as wanted.
                self.outcome.retry();
                return Status::Complete(self.outcome());
            }
        }
        match (take(&mut self.ended), take(&mut self.cut_off)) {
            (true, _) if self.outcome.is_complete() => Status::Complete(self.outcome()),
            (true, _) | (_, true) => Status::Incomplete(self.outcome()),
            _ if self.code_exhausted => Status::CodeExhausted(self.outcome()),
            _ => Status::Pending,
        }
    }

    /// Returns true if a connected requester does not have every file that it announced.
    pub(super) fn is_owing(&self) -> bool {
        let owes =
            |served: &Served| served.settled.saturating_add(served.already_present) < served.wanted;
        self.sessions.values().any(owes)
    }

    /// Returns the outcome so far.
    pub fn outcome(&self) -> Outcome {
        // The peer counts what arrived in earlier sessions as present.
        let already_present = self.last.already_present.saturating_sub(self.last.delivered_before);
        Outcome { already_present, ..self.outcome.clone() }
    }
}
