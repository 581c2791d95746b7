//! Many small files that come in one data connection (section 18): the requester's side.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::fetch::{Fetch, Stage};
use super::receipts::reason;
use super::{
    Action, BatchFile, BatchFileEnd, ConnId, Direction, Error, Event, Peer, SessionId, Transfer,
    TransferId, Turn,
};
use crate::batch::{MAX_BATCH_LEN, MAX_FILE_LEN, MAX_FILES};
use crate::session::Extensions;
use crate::{FileName, MisuseError, Size, Stat};

/// A file that comes with others.
pub(super) struct Member {
    session: SessionId,
    file: BatchFile,
    /// The number of its request, once that was made, and its place there.
    place: Option<(u64, u64)>,
}

impl Member {
    fn failed(self, error: Error) -> Event {
        let Self { session, file: BatchFile { transfer, name, .. }, .. } = self;
        Event::Failed { transfer, session, direction: Direction::Receive, name, error }
    }
}

impl Peer {
    /// As [`get`](Self::get), of many files: small ones then come together, where the other side knows
    /// how. Their ids follow each other, one by one.
    ///
    /// # Errors
    ///
    /// As there; nothing was requested then.
    pub fn get_all(
        &mut self,
        session: SessionId,
        files: Vec<(FileName, Size, Stat)>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<Vec<TransferId>, MisuseError> {
        let slot = self.sessions.get(&session).ok_or(MisuseError::NoSession)?;
        if slot.fetches.len() + files.len() > self.config.limits.pending_requests {
            return Err(MisuseError::TooManyRequests);
        }
        let turn = &mut Turn { now, actions };
        let ids = files
            .into_iter()
            .map(|(name, size, stat)| self.wait_for(session, name, size, stat, turn))
            .collect();
        self.start_fetches(session, turn);
        Ok(ids)
    }

    /// Takes small files that wait together into one transfer, which waits in their place.
    pub(super) fn gather(&mut self, session: SessionId, now: Duration) {
        let Some(slot) = self.sessions.get(&session) else { return };
        if !slot.session.extensions().has(Extensions::BATCH) {
            return;
        }
        let mut total = 0;
        let mut files = Vec::new();
        for id in &slot.fetches {
            let Some(Transfer::Fetch(fetch)) = self.transfers.get(id) else { continue };
            match fetch.size.exact() {
                Some(size)
                    if size <= MAX_FILE_LEN && fetch.members.is_empty() && !fetch.streamed =>
                {
                    if total + size > MAX_BATCH_LEN || files.len() == MAX_FILES {
                        break;
                    }
                    total += size;
                    let (name, stat) = (fetch.name.clone(), fetch.stat);
                    files.push(BatchFile { transfer: *id, name, size, stat });
                }
                // What is large goes by itself, in its turn.
                _ if files.is_empty() => return,
                _ => {}
            }
        }
        if files.len() < 2 {
            return;
        }
        let id = TransferId(self.new_id());
        let mut fetch = Fetch::new(session, files[0].name.clone(), Size::Exact(total), now);
        fetch.members = files.iter().map(|file| file.transfer).collect();
        if let Some(slot) = self.sessions.get_mut(&session) {
            slot.fetches.retain(|waiting| !fetch.members.contains(waiting));
            slot.fetches.insert(0, id);
        }
        self.transfers.insert(id, Transfer::Fetch(Box::new(fetch)));
        for file in files {
            let member = Box::new(Member { session, file, place: None });
            self.transfers.insert(member.file.transfer, Transfer::Member(member));
        }
    }

    /// The files of a batch that are still wanted.
    pub(super) fn members(&self, members: &[TransferId]) -> Vec<BatchFile> {
        let file = |id| match self.transfers.get(id) {
            Some(Transfer::Member(member)) => Some(member.file.clone()),
            _ => None,
        };
        members.iter().filter_map(file).collect()
    }

    /// The request of this number asks for these files.
    pub(super) fn members_requested(&mut self, number: u64, files: &[BatchFile]) {
        for (at, file) in (0..).zip(files) {
            if let Some(Transfer::Member(member)) = self.transfers.get_mut(&file.transfer) {
                member.place = Some((number, at));
            }
        }
    }

    pub(super) fn begin_receiving_batch(
        &mut self,
        id: TransferId,
        conn: ConnId,
        turn: &mut Turn<'_>,
    ) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) else { return };
        let (files, session) = (core::mem::take(&mut fetch.batch), fetch.session);
        let Some(seal) = fetch.seal.take() else { return };
        for file in &files {
            turn.notify(Event::Started {
                transfer: file.transfer,
                session,
                direction: Direction::Receive,
                name: file.name.clone(),
                size: Size::Exact(file.size),
                from: 0,
                more: 0,
            });
        }
        turn.act(Action::ReceiveBatch { transfer: id, conn, files, seal });
    }

    pub(super) fn batch_progress(
        &mut self,
        id: TransferId,
        files: Vec<(TransferId, BatchFileEnd)>,
        turn: &mut Turn<'_>,
    ) {
        match self.transfers.get_mut(&id) {
            Some(Transfer::Fetch(fetch)) if fetch.is_moving() => {
                fetch.deadline = Some(turn.after(self.config.limits.stall_timeout));
            }
            _ => return,
        }
        let (mut events, mut ends) = (Vec::new(), Vec::new());
        for (id, end) in files {
            let Some(member) = self.take_member(id) else { continue };
            let BatchFile { transfer, size, .. } = member.file;
            let error = match end {
                BatchFileEnd::Stored(name) => {
                    ends.extend(member.place.map(|(_, at)| (at, None)));
                    let (session, direction) = (member.session, Direction::Receive);
                    let bytes = size;
                    events.push(Event::Finished { transfer, session, direction, name, bytes });
                    continue;
                }
                // The provider left it out, and knows.
                BatchFileEnd::Missing => {
                    events.push(member.failed(Error::Refused));
                    continue;
                }
                BatchFileEnd::Altered => Error::Altered,
                BatchFileEnd::Incomplete(why) => {
                    Error::Incomplete { expected: Size::Exact(size), got: 0, why }
                }
                BatchFileEnd::Failed { reason, why } => Error::NotStored { reason, why },
            };
            ends.extend(member.place.map(|(_, at)| (at, Some(reason(&error, Stage::Storing)))));
            events.push(member.failed(error));
        }
        if let Some(Transfer::Fetch(fetch)) = self.transfers.get(&id) {
            let (session, number) = (fetch.session, fetch.number);
            self.report_files(session, number, &ends, turn);
        }
        let is_left = |id| matches!(self.transfers.get(id), Some(Transfer::Member(_)));
        let Some(Transfer::Fetch(fetch)) = self.transfers.get(&id) else { return };
        let all_ended = !fetch.members.iter().any(is_left);
        if let (true, Some(Transfer::Fetch(fetch))) = (all_ended, self.transfers.get_mut(&id))
            && let Some(last) = events.pop()
        {
            // Whoever hears of the last may look whether anything is under way.
            fetch.last = Some(last);
        }
        for event in events {
            turn.notify(event);
        }
    }

    /// One file of a batch fails by itself.
    pub(super) fn member_failed(&mut self, id: TransferId, error: Error, turn: &mut Turn<'_>) {
        let Some(member) = self.take_member(id) else { return };
        if let Some((number, at)) = member.place {
            let end = (at, Some(reason(&error, Stage::Waiting)));
            self.report_files(member.session, number, &[end], turn);
        } else {
            let (name, why) = (&member.file.name, reason(&error, Stage::Waiting));
            // A session that is over takes no reports.
            let _ = self.skip(member.session, name, why, turn.now, turn.actions);
        }
        turn.notify(member.failed(error));
    }

    /// What is left of a batch fails.
    pub(super) fn members_failed(&mut self, fetch: &Fetch, error: &Error, turn: &mut Turn<'_>) {
        let (mut events, mut ends) = (Vec::new(), Vec::new());
        for member in &fetch.members {
            let Some(member) = self.take_member(*member) else { continue };
            ends.extend(member.place.map(|(_, at)| (at, Some(reason(error, fetch.stage)))));
            events.push(member.failed(error.clone()));
        }
        if fetch.reports {
            self.report_files(fetch.session, fetch.number, &ends, turn);
        }
        for event in events {
            turn.notify(event);
        }
    }

    fn take_member(&mut self, id: TransferId) -> Option<Box<Member>> {
        match self.transfers.remove(&id)? {
            Transfer::Member(member) => Some(member),
            other => {
                self.transfers.insert(id, other);
                None
            }
        }
    }
}
