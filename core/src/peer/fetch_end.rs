//! The ends of fetches (section 4).

use alloc::vec::Vec;
use core::time::Duration;

use super::session_entry::SessionEntry;
use super::transfers::{Fetch, FetchStage};
use super::{
    Action, Direction, Error, Event, Interruption, Peer, ReceiveEnd, SessionId, TransferId, Turn,
};
use crate::stream::Digests;
use crate::{FileName, NotStored};

/// Time for a requested file to begin once its session has ended.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(5);

impl Peer {
    pub(super) fn receive_ended(
        &mut self,
        id: TransferId,
        bytes: u64,
        digests: Option<Digests>,
        end: ReceiveEnd,
        turn: &mut Turn<'_>,
    ) {
        let Some(fetch) = self.transfers.fetch_mut(id) else { return };
        let FetchStage::Receiving(conn) = fetch.stage else { return };
        fetch.bytes = bytes;
        let expected = fetch.size;
        if fetch.batch.is_some() {
            let why = match end {
                ReceiveEnd::Broken(why) | ReceiveEnd::Disk { why, .. } => {
                    Some(Interruption::System(why))
                }
                ReceiveEnd::Eof | ReceiveEnd::Excess => None,
            };
            // The files that arrived are reported already; the rest did not arrive.
            return self.fetch_failed(id, Error::Incomplete { expected, got: bytes, why }, turn);
        }
        let error = match end {
            ReceiveEnd::Eof if expected.exact().is_none_or(|size| size == bytes) => {
                if digests.is_none_or(|digests| digests.agree()) {
                    fetch.stage = FetchStage::Storing;
                    fetch.deadline = None;
                    self.conns.remove(&conn);
                    return turn.act(Action::Store { transfer: id, stat: fetch.stat });
                }
                Error::Altered
            }
            ReceiveEnd::Eof => Error::Incomplete { expected, got: bytes, why: None },
            ReceiveEnd::Broken(why) => {
                let why = Some(Interruption::System(why));
                Error::Incomplete { expected, got: bytes, why }
            }
            ReceiveEnd::Excess => Error::Excess { expected: expected.limit() },
            ReceiveEnd::Disk { reason, why } => Error::NotStored { reason, why },
        };
        self.fetch_failed(id, error, turn);
    }

    /// A file that has arrived is stored later, with others, so it makes room for the next.
    pub(super) fn deferred(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        let Some(fetch) = self.transfers.fetch_mut(id) else { return };
        let has_arrived = fetch.stage == FetchStage::Storing || fetch.batch.is_some();
        if !has_arrived || !fetch.is_running() || fetch.deferred {
            return;
        }
        fetch.deferred = true;
        fetch.deadline = None;
        let session = fetch.session;
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.fetches.defer();
            self.start_fetches(session, turn);
        }
    }

    pub(super) fn stored(&mut self, id: TransferId, name: FileName, turn: &mut Turn<'_>) {
        let is_stored = |fetch: &Fetch| fetch.stage == FetchStage::Storing;
        if !self.transfers.fetch(id).is_some_and(is_stored) {
            return;
        }
        let Some(fetch) = self.transfers.take_fetch(id) else { return };
        turn.notify(Event::Finished {
            transfer: id,
            session: fetch.session,
            direction: Direction::Receive,
            name,
            bytes: fetch.bytes,
        });
        self.report_fetch(&fetch, None, turn);
        self.fetch_over(&fetch, turn);
    }

    pub(super) fn fetch_failed(&mut self, id: TransferId, error: Error, turn: &mut Turn<'_>) {
        let Some(mut fetch) = self.transfers.take_fetch(id) else { return };
        if !fetch.is_running()
            && let Some(entry) = self.sessions.get_mut(&fetch.session)
        {
            entry.fetches.withdraw(id);
        }
        if let Some(listener) = fetch.listener()
            && self.listeners.remove(&listener).is_some()
        {
            turn.act(Action::StopListening { listener });
        }
        if let Some(conn) = fetch.conn() {
            self.conns.remove(&conn);
            turn.act(Action::Close { conn });
        }
        let keeps_partial = fetch.resume.is_kept_by_driver() && fetch.stage != FetchStage::Storing;
        if keeps_partial || fetch.is_moving() && fetch.batch.is_none() {
            turn.act(Action::Abandon { transfer: id });
        }
        let batch = fetch.batch.take();
        let last = match batch {
            None => {
                self.file_failed(id, &fetch, error, turn);
                None
            }
            Some(batch) => {
                self.members_failed(&fetch, &batch.members, &error, turn);
                batch.last
            }
        };
        if fetch.is_running() {
            self.fetch_over(&fetch, turn);
        }
        if let Some(last) = last {
            turn.notify(last);
        }
    }

    /// Reports the failure of a file outside a batch, to the provider and to the user.
    fn file_failed(&mut self, id: TransferId, fetch: &Fetch, error: Error, turn: &mut Turn<'_>) {
        use FetchStage::{Listening, Searching, Waiting};
        let reason = reason(&error, fetch.stage);
        if matches!(fetch.stage, Waiting | Searching | Listening(_)) {
            self.report_skipped(fetch.session, &fetch.name, reason, turn);
        }
        self.report_fetch(fetch, Some(reason), turn);
        turn.notify(Event::Failed {
            transfer: id,
            session: fetch.session,
            direction: Direction::Receive,
            name: fetch.name.clone(),
            error,
        });
    }

    /// Reports the end of a file outside a batch to its provider.
    fn report_fetch(&mut self, fetch: &Fetch, not_stored: Option<NotStored>, turn: &mut Turn<'_>) {
        if let Some(number) = fetch.request.awaits_receipt() {
            self.report_files(fetch.session, number, &[(0, not_stored)], turn);
        }
    }

    fn fetch_over(&mut self, fetch: &Fetch, turn: &mut Turn<'_>) {
        if let Some(entry) = self.sessions.get_mut(&fetch.session) {
            if fetch.deferred {
                entry.fetches.resumed();
            }
            entry.fetches.ended();
            entry.heard = turn.now;
            let arrived = matches!(fetch.stage, FetchStage::Receiving(_) | FetchStage::Storing);
            match fetch.request.is_refusable() {
                true if arrived => entry.session.settle(fetch.name.as_str()),
                true => entry.session.abandon(fetch.name.as_str()),
                false => {}
            }
            self.start_fetches(fetch.session, turn);
        }
    }

    /// The session has ended: fails what was not requested, and lets what was requested begin soon.
    pub(super) fn orphan_fetches(
        &mut self,
        session: SessionId,
        entry: &mut SessionEntry,
        error: &Error,
        turn: &mut Turn<'_>,
    ) {
        for id in entry.fetches.take_waiting() {
            self.fetch_failed(id, error.clone(), turn);
        }
        let (soon, stall) =
            (turn.after(ORPHAN_TIMEOUT), turn.after(self.config.limits.stall_timeout));
        let mut unasked = Vec::new();
        for (id, fetch) in self.transfers.fetches_mut() {
            if fetch.session != session {
                continue;
            }
            match fetch.stage {
                FetchStage::Searching | FetchStage::Listening(_) | FetchStage::Requested(None) => {
                    unasked.push(id);
                }
                FetchStage::Requested(Some(_)) => {
                    fetch.deadline = Some(fetch.deadline.map_or(soon, |at| at.min(soon)));
                }
                FetchStage::Receiving(_) => {
                    fetch.deadline.get_or_insert(stall);
                }
                _ => {}
            }
        }
        for id in unasked {
            self.fetch_failed(id, error.clone(), turn);
        }
    }
}

/// Returns the reason to report to the provider of a file that is not stored.
pub(super) fn reason(error: &Error, stage: FetchStage) -> NotStored {
    match error {
        Error::NotStored { reason, .. } => *reason,
        Error::Altered | Error::Excess { .. } => NotStored::Altered,
        Error::Name(_) => NotStored::Name,
        Error::Incomplete { .. } => NotStored::Incomplete,
        Error::Cancelled | Error::Declined => NotStored::Cancelled,
        Error::Local(_) | Error::Policy(_) => NotStored::Other,
        _ if stage == FetchStage::Storing => NotStored::Other,
        _ => NotStored::Incomplete,
    }
}
