//! Files served by one code (section 12) to several receivers, each counted when it has every file it
//! wanted.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use litemap::LiteMap;

use super::{CodeDelivery, Outcome, Status};
use crate::peer::{Direction, Event, SessionId, TransferId};

/// The receivers of the files that a host serves by a code.
///
/// A receiver shows no lasting key to the maker of a code (section 12.3), so a host that calls twice cannot be
/// recognised. It counts once if it had everything the first time, and once if it returns for the rest.
#[derive(Debug, Default)]
pub struct Receivers {
    /// The number of receivers after which the code ends; `None` if it does not.
    limit: Option<NonZeroU32>,
    complete: u32,
    /// Sessions that left a receiver without all it wanted and have no successor yet.
    unfinished: u32,
    sessions: LiteMap<SessionId, Receiver>,
    /// Sessions that were opened after the last receiver was complete.
    late: Vec<SessionId>,
    total: Outcome,
    is_exhausted: bool,
}

/// One session of a receiver.
#[derive(Debug, Default)]
struct Receiver {
    delivery: CodeDelivery,
    /// Transfers that have started, and how many of their files have no known fate yet.
    running: LiteMap<TransferId, u64>,
    has_ended: bool,
}

/// What became of one receiver, or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing more is to be said: wait for the next event.
    Pending,
    /// A receiver has every file it wanted.
    Complete {
        /// Its session, which has ended.
        session: SessionId,
        /// What this session brought it.
        outcome: Outcome,
        /// False if it had everything before it called, and so was counted already.
        is_new: bool,
    },
    /// A receiver disconnected without every file it wanted. When it calls again it resumes.
    Incomplete {
        /// Its session, which has ended.
        session: SessionId,
        /// What this session brought it.
        outcome: Outcome,
    },
    /// A receiver wanted nothing. It does not count.
    Declined {
        /// Its session, which has ended.
        session: SessionId,
    },
    /// A receiver is too late: end this session.
    Late(SessionId),
    /// The last receiver is complete, and no other is being sent a file.
    Done,
    /// The code admits no caller any more: too many wrong codes were tried, by all together.
    CodeExhausted,
}

impl Receivers {
    /// Returns a count that ends with `limit` receivers; `None` does not end it.
    pub fn new(limit: Option<NonZeroU32>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Returns the number of receivers that have every file they wanted.
    pub fn complete(&self) -> u32 {
        self.complete
    }

    /// Returns the number of receivers after which the code ends.
    pub fn limit(&self) -> Option<NonZeroU32> {
        self.limit
    }

    /// Returns what all receivers got together. Files that are missing are not named.
    pub fn total(&self) -> &Outcome {
        &self.total
    }

    /// Returns true if a receiver is connected that does not have every file that it announced.
    pub fn is_sending(&self) -> bool {
        self.sessions.values().any(Receiver::is_sending)
    }

    /// Takes an event of the host. Then query [`next_progress`](Self::next_progress) until it is pending.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Opened { session, .. } => {
                if self.is_full() {
                    return self.late.push(*session);
                }
                if !self.sessions.contains_key(session) {
                    self.sessions.insert(*session, Receiver::default());
                }
                if let Some(receiver) = self.sessions.get_mut(session) {
                    receiver.event(event);
                }
            }
            Event::Wanted { session, .. }
            | Event::Delivered { session, .. }
            | Event::Started { session, direction: Direction::Send, .. }
            | Event::Ended { session, .. } => {
                if let Some(receiver) = self.sessions.get_mut(session) {
                    receiver.event(event);
                }
            }
            Event::CodeExhausted => self.is_exhausted = true,
            _ => {}
        }
    }

    /// Returns what the events so far have settled, one thing at a time.
    pub fn next_progress(&mut self) -> Progress {
        if let Some(session) = self.late.pop() {
            return Progress::Late(session);
        }
        let over = self.sessions.iter().find(|(_, receiver)| receiver.is_over());
        if let Some(session) = over.map(|(session, _)| *session)
            && let Some(receiver) = self.sessions.remove(&session)
        {
            return self.over(session, receiver);
        }
        match () {
            () if self.is_sending() => Progress::Pending,
            () if self.is_full() => Progress::Done,
            () if self.is_exhausted && self.sessions.is_empty() => Progress::CodeExhausted,
            () => Progress::Pending,
        }
    }

    fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.complete >= limit.get())
    }

    fn over(&mut self, session: SessionId, mut receiver: Receiver) -> Progress {
        let status = receiver.delivery.status(false);
        let outcome = receiver.delivery.outcome();
        self.total.stored += outcome.stored;
        self.total.handed_over += outcome.handed_over;
        self.total.bytes = self.total.bytes.saturating_add(outcome.bytes);
        match status {
            Status::Complete(outcome) if outcome.is_empty() => Progress::Declined { session },
            Status::Complete(outcome) => {
                let returns = outcome.already_present > 0 && self.unfinished > 0;
                let is_new = outcome.delivered() > 0 || returns;
                self.unfinished -= u32::from(returns);
                self.complete = self.complete.saturating_add(u32::from(is_new));
                Progress::Complete { session, outcome, is_new }
            }
            _ => {
                // Who was cut off before it wanted anything has nothing to return for.
                let wanted_any = u32::from(!outcome.is_empty());
                self.unfinished = self.unfinished.saturating_add(wanted_any);
                Progress::Incomplete { session, outcome }
            }
        }
    }
}

impl Receiver {
    fn event(&mut self, event: &Event) {
        self.delivery.event(event);
        match event {
            Event::Started { transfer, more, .. } => {
                self.running.insert(*transfer, more.saturating_add(1));
            }
            Event::Delivered { transfer: Some(transfer), .. } => {
                if let Some(left) = self.running.get_mut(transfer) {
                    *left -= 1;
                    if *left == 0 {
                        self.running.remove(transfer);
                    }
                }
            }
            Event::Ended { .. } => self.has_ended = true,
            _ => {}
        }
    }

    fn is_over(&self) -> bool {
        self.has_ended && self.running.is_empty()
    }

    fn is_sending(&self) -> bool {
        !self.running.is_empty() || self.delivery.is_owing()
    }
}
