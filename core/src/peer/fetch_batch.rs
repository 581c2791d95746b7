//! Fetches of several small files on one data connection (section 18).

use alloc::vec::Vec;

use super::fetch_end::reason;
use super::transfers::{Batch, Fetch, FetchStage, Member};
use super::{
    Action, BatchFile, BatchFileEnd, ConnId, Direction, Error, Event, Interruption, Peer,
    SessionId, TransferId, Turn,
};
use crate::batch::{MAX_BATCH_LEN, MAX_FILE_LEN, MAX_FILES};
use crate::session::Extensions;
use crate::{Size, Stat};

impl Peer {
    /// Makes one transfer of the small files that wait, which takes their place.
    pub(super) fn gather(&mut self, session: SessionId) {
        let Some(entry) = self.sessions.get(&session) else { return };
        if !entry.session.extensions().has(Extensions::BATCH) {
            return;
        }
        let mut total = 0;
        let mut files = Vec::new();
        for &id in entry.fetches.waiting() {
            let Some(fetch) = self.transfers.fetch(id) else { continue };
            match fetch.size.exact() {
                Some(size) if size <= MAX_FILE_LEN && fetch.batch.is_none() && !fetch.streamed => {
                    if total + size > MAX_BATCH_LEN || files.len() == MAX_FILES {
                        break;
                    }
                    total += size;
                    let (name, stat) = (fetch.name.clone(), fetch.stat);
                    files.push(BatchFile { transfer: id, name, size, stat });
                }
                // A large file comes by itself, in its turn.
                _ if files.is_empty() => return,
                _ => {}
            }
        }
        if files.len() < 2 {
            return;
        }
        let id = TransferId(self.new_id());
        let (name, size) = (files[0].name.clone(), Size::Exact(total));
        let mut fetch = Fetch::new(session, name, size, Stat::default());
        let members: Vec<_> = files.iter().map(|file| file.transfer).collect();
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.fetches.gather(&members, id);
        }
        fetch.batch = Some(Batch { members, ..Batch::default() });
        self.transfers.add_fetch(id, fetch);
        for file in files {
            let (id, member) = (file.transfer, Member { session, file, requested: None });
            self.transfers.make_member(id, member);
        }
    }

    /// Returns the files of a batch that were not cancelled.
    pub(super) fn wanted_files(&self, batch: &Batch) -> Vec<BatchFile> {
        let members = batch.members.iter().filter_map(|id| self.transfers.member(*id));
        members.map(|member| member.file.clone()).collect()
    }

    /// A batch was requested by this number, with these files.
    pub(super) fn members_requested(&mut self, id: TransferId, number: u64, files: Vec<BatchFile>) {
        for (at, file) in (0..).zip(&files) {
            if let Some(member) = self.transfers.member_mut(file.transfer) {
                member.requested = Some((number, at));
            }
        }
        let Some(fetch) = self.transfers.fetch_mut(id) else { return };
        if let Some(first) = files.first() {
            fetch.name = first.name.clone();
        }
        if let Some(batch) = &mut fetch.batch {
            batch.files = files;
        }
    }

    pub(super) fn begin_receiving_batch(
        &mut self,
        id: TransferId,
        conn: ConnId,
        turn: &mut Turn<'_>,
    ) {
        let Some(fetch) = self.transfers.fetch_mut(id) else { return };
        let Some(batch) = &mut fetch.batch else { return };
        let (files, session) = (core::mem::take(&mut batch.files), fetch.session);
        let Some(seal) = fetch.request.take_seal() else { return };
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

    /// The driver stored files of a batch, or could not.
    pub(super) fn batch_progress(
        &mut self,
        id: TransferId,
        files: Vec<(TransferId, BatchFileEnd)>,
        turn: &mut Turn<'_>,
    ) {
        match self.transfers.fetch_mut(id) {
            Some(fetch) if fetch.is_moving() && fetch.deferred => {}
            Some(fetch) if fetch.is_moving() => {
                fetch.deadline = Some(turn.after(self.config.limits.stall_timeout));
            }
            _ => return,
        }
        let (mut events, mut ends) = (Vec::new(), Vec::new());
        for (id, end) in files {
            let Some(member) = self.transfers.take_member(id) else { continue };
            let BatchFile { transfer, size, .. } = member.file;
            let error = match end {
                BatchFileEnd::Stored(name) => {
                    ends.extend(member.requested.map(|(_, at)| (at, None)));
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
                    let why = why.map(Interruption::System);
                    Error::Incomplete { expected: Size::Exact(size), got: 0, why }
                }
                BatchFileEnd::Failed { reason, why } => Error::NotStored { reason, why },
            };
            let reason = reason(&error, FetchStage::Storing);
            ends.extend(member.requested.map(|(_, at)| (at, Some(reason))));
            events.push(member.failed(error));
        }
        self.report_batch(id, &ends, turn);
        if self.are_all_ended(id)
            && let Some(last) = events.pop()
            && let Some(batch) = self.transfers.fetch_mut(id).and_then(|fetch| fetch.batch.as_mut())
        {
            batch.last = Some(last);
        }
        for event in events {
            turn.notify(event);
        }
    }

    fn report_batch(
        &mut self,
        id: TransferId,
        ends: &[(u64, Option<crate::NotStored>)],
        turn: &mut Turn<'_>,
    ) {
        if let Some(fetch) = self.transfers.fetch(id)
            && let (session, Some(number)) = (fetch.session, fetch.request.number())
        {
            self.report_files(session, number, ends, turn);
        }
    }

    /// Returns true if each file of a batch has ended, and the batch has not.
    fn are_all_ended(&self, id: TransferId) -> bool {
        let batch = self.transfers.fetch(id).and_then(|fetch| fetch.batch.as_ref());
        let has_ended = |id: &TransferId| self.transfers.member(*id).is_none();
        batch.is_some_and(|batch| batch.members.iter().all(has_ended))
    }

    /// One file of a batch fails by itself.
    pub(super) fn member_failed(&mut self, id: TransferId, error: Error, turn: &mut Turn<'_>) {
        let Some(member) = self.transfers.take_member(id) else { return };
        let reason = reason(&error, FetchStage::Waiting);
        match member.requested {
            Some((number, at)) => {
                self.report_files(member.session, number, &[(at, Some(reason))], turn);
            }
            None => self.report_skipped(member.session, &member.file.name, reason, turn),
        }
        turn.notify(member.failed(error));
    }

    /// The rest of a batch fails with it.
    pub(super) fn members_failed(
        &mut self,
        fetch: &Fetch,
        members: &[TransferId],
        error: &Error,
        turn: &mut Turn<'_>,
    ) {
        let (mut events, mut ends) = (Vec::new(), Vec::new());
        for member in members {
            let Some(member) = self.transfers.take_member(*member) else { continue };
            let reason = reason(error, fetch.stage);
            ends.extend(member.requested.map(|(_, at)| (at, Some(reason))));
            events.push(member.failed(error.clone()));
        }
        if let Some(number) = fetch.request.awaits_receipt() {
            self.report_files(fetch.session, number, &ends, turn);
        }
        for event in events {
            turn.notify(event);
        }
    }
}
