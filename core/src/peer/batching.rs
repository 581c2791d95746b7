//! Many small files that come in one data connection (section 18): the requester's side.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::fetch::Fetch;
use super::{
    Action, BatchFile, BatchFileEnd, ConnId, Direction, Event, Fault, Peer, SessionId, Transfer,
    TransferId, Turn,
};
use crate::batch::{MAX_BYTES, MAX_FILE, MAX_FILES};
use crate::session::Extensions;
use crate::{FileName, MisuseError, Size, Stat};

/// A file that comes with others.
pub(super) struct Member {
    file: BatchFile,
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
        if slot.fetches.len() + files.len() > self.config.limits.waiting {
            return Err(MisuseError::TooManyWaiting);
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
                Some(size) if size <= MAX_FILE && fetch.members.is_empty() => {
                    if total + size > MAX_BYTES || files.len() == MAX_FILES {
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
            let member = Box::new(Member { file });
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
            turn.tell(Event::Started {
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

    pub(super) fn batch_moved(
        &mut self,
        id: TransferId,
        files: Vec<(TransferId, BatchFileEnd)>,
        turn: &mut Turn<'_>,
    ) {
        match self.transfers.get_mut(&id) {
            Some(Transfer::Fetch(fetch)) if fetch.is_moving() => {
                fetch.deadline = Some(turn.after(self.config.limits.stall));
            }
            _ => return,
        }
        let mut events = Vec::new();
        for (id, end) in files {
            let Some(member) = self.take_member(id) else { continue };
            let BatchFile { transfer, name, size, .. } = member.file;
            events.push(match end {
                BatchFileEnd::Stored(name) => Event::Finished { transfer, name, bytes: size },
                BatchFileEnd::Missing => Event::Failed { transfer, name, fault: Fault::Refused },
                BatchFileEnd::Altered => Event::Failed { transfer, name, fault: Fault::Altered },
                BatchFileEnd::Failed(why) => {
                    Event::Failed { transfer, name, fault: Fault::Local(why) }
                }
            });
        }
        let is_left = |id| matches!(self.transfers.get(id), Some(Transfer::Member(_)));
        let Some(Transfer::Fetch(fetch)) = self.transfers.get(&id) else { return };
        let all_ended = !fetch.members.iter().any(is_left);
        if let (true, Some(Transfer::Fetch(fetch))) = (all_ended, self.transfers.get_mut(&id)) {
            // Whoever hears of the last may look whether anything is under way.
            fetch.last = events.pop();
        }
        for event in events {
            turn.tell(event);
        }
    }

    /// One file of a batch, or what is left of one, fails.
    pub(super) fn member_failed(&mut self, id: TransferId, fault: Fault, turn: &mut Turn<'_>) {
        if let Some(member) = self.take_member(id) {
            let BatchFile { transfer, name, .. } = member.file;
            turn.tell(Event::Failed { transfer, name, fault });
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
