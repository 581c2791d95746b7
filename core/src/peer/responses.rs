//! Answers the peer's questions: the list, if a file is shared, and requests for files (sections 3 and
//! 4).

use alloc::vec::Vec;

use super::serve_start::Accepted;
use super::{Action, Delivery, Error, Event, Notice, Peer, RefusedRequest, SessionId, Turn};
use crate::addr::{AddrError, check_dial_port};
use crate::session::{Batch, Extensions, Question, Request};
use crate::{FileName, Kind, LeftOut, SharedFile, Size};

/// Bytes of a list that may wait to be sent while more of it is read.
const MAX_UNSENT_LIST: usize = 64 << 10;

impl Peer {
    /// Has the driver look up the answer to the oldest question.
    pub(super) fn look_up(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        let max_waiting = self.config.limits.questions;
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        if entry.is_looking_up
            || entry.is_clogged(&self.config.limits)
            || entry.connection().is_none()
        {
            return;
        }
        let waiting = entry.serves.waiting().len();
        let action = match entry.session.question() {
            None => return,
            Some(Question::List) if entry.flow.unsent() > MAX_UNSENT_LIST => return,
            // It stays a question until a file has left.
            Some(Question::Request(_) | Question::Batch(_)) if waiting >= max_waiting => return,
            Some(Question::Batch(_)) => {
                self.admit_batch(session, turn);
                return self.look_up(session, turn);
            }
            Some(Question::List) => Action::List { session },
            Some(Question::Check(name) | Question::Request(Request { name, .. })) => {
                Action::Find { session, name: name.clone() }
            }
        };
        entry.is_looking_up = true;
        turn.act(action);
    }

    /// The driver read the next entries of the list.
    pub(super) fn entries(
        &mut self,
        session: SessionId,
        entries: &[SharedFile],
        done: bool,
        turn: &mut Turn<'_>,
    ) {
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        if !core::mem::take(&mut entry.is_looking_up) {
            return;
        }
        let mut out = Vec::new();
        for SharedFile { name, size, stat } in entries {
            if size.is_unknown() && self.spent.contains(name) {
                continue;
            }
            if entry.session.answer_entry(name.borrowed(), *size, *stat, &mut out).is_err() {
                break;
            }
        }
        if done && entry.session.answer_list_end(&mut out).is_err() {
            turn.notice(Some(session), Notice::UnrequestedList);
        }
        entry.write(out, turn);
        self.pump(session, turn);
    }

    /// The driver found files that the list cannot include.
    pub(super) fn list_left_out(
        &mut self,
        session: SessionId,
        left: &[LeftOut],
        turn: &mut Turn<'_>,
    ) {
        let entry = self.sessions.get_mut(&session).filter(|entry| entry.is_looking_up);
        let Some(entry) = entry else { return };
        let mut out = Vec::new();
        for left in left {
            if entry.session.answer_left_out(left, &mut out).is_err() {
                break;
            }
        }
        entry.write(out, turn);
    }

    /// The driver looked a file up.
    pub(super) fn found(
        &mut self,
        session: SessionId,
        size: Option<Size>,
        kind: Kind,
        turn: &mut Turn<'_>,
    ) {
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        if !core::mem::take(&mut entry.is_looking_up) {
            return;
        }
        // A peer that does not know kinds would mistake a folder or a link for a file. A folder is never
        // a file that is shared.
        let knows_kinds = entry.session.extensions().has(Extensions::STAT);
        let is_check = matches!(entry.session.question(), Some(Question::Check(_)));
        let size = size.filter(|_| match kind {
            Kind::File => true,
            Kind::Link => knows_kinds,
            Kind::Folder => knows_kinds && !is_check,
        });
        let is_spent = match (size, entry.session.question()) {
            (Some(size), Some(Question::Check(name))) if size.is_unknown() => {
                self.spent.contains(name)
            }
            _ => false,
        };
        let mut out = Vec::new();
        if entry.session.answer_check(size.is_some() && !is_spent, &mut out).is_err()
            && let Some(request) = entry.session.take_request(&mut out)
        {
            let (name, number) = (request.name.clone(), request.number);
            if let Err(why) = self.admit_request(session, request, size) {
                if let Some(entry) = self.sessions.get_mut(&session) {
                    entry.session.refuse_request(number, &name, &mut out);
                }
                let notice = Notice::RequestRefused { name: name.clone(), why: why.clone() };
                turn.notice(Some(session), notice);
                notify_refused(session, name, 0, why, turn);
            }
        }
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.write(out, turn);
        }
        self.start_serves(session, turn);
        self.pump(session, turn);
    }

    /// Queues a request, or returns why it is refused.
    fn admit_request(
        &mut self,
        session: SessionId,
        request: Request,
        size: Option<Size>,
    ) -> Result<(), RefusedRequest> {
        let Request { name, size: requested, port, partial: has, number } = request;
        let size = size.ok_or(RefusedRequest::NotShared)?;
        let has_changed = |size| requested.exact().is_some_and(|requested| requested != size);
        if let Some(size) = size.exact().filter(|size| has_changed(*size)) {
            return Err(RefusedRequest::SizeChanged { size, requested });
        }
        may_connect(port).map_err(RefusedRequest::Port)?;
        if size.is_unknown() {
            // Piped input can be sent once (section 2.4).
            if has.is_some() || self.spent.contains(&name) {
                return Err(RefusedRequest::PipedInput);
            }
            self.spent.push(name.clone());
        }
        let accepted = Accepted { name, size, files: Vec::new(), has, number, port };
        match self.enqueue_serve(session, accepted) {
            true => Ok(()),
            false => Err(RefusedRequest::SessionEnded),
        }
    }

    /// Queues the files of a batch as one transfer.
    fn admit_batch(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        let mut out = Vec::new();
        let batch = entry.session.take_batch(&mut out);
        let Some(Batch { files, port, number }) = batch else { return entry.write(out, turn) };
        let Some((name, _)) = files.first().cloned() else { return };
        if let Err(error) = may_connect(port) {
            entry.session.refuse_request(number, &name, &mut out);
            entry.write(out, turn);
            for (name, bytes) in files {
                notify_refused(session, name, bytes, RefusedRequest::Port(error), turn);
            }
            return;
        }
        entry.write(out, turn);
        let size = Size::Exact(files.iter().map(|(_, size)| size).sum());
        let accepted = Accepted { name, size, files, has: None, number, port };
        if self.enqueue_serve(session, accepted) {
            self.start_serves(session, turn);
        }
    }
}

fn notify_refused(
    session: SessionId,
    name: FileName,
    bytes: u64,
    why: RefusedRequest,
    turn: &mut Turn<'_>,
) {
    let (transfer, delivery) = (None, Delivery::Unsent(Error::NotServed(why)));
    turn.notify(Event::Delivered { session, transfer, name, bytes, delivery });
}

/// Decides if a requester's port may be dialled; 0 means that the requester dials.
fn may_connect(port: u16) -> Result<(), AddrError> {
    if port == 0 { Ok(()) } else { check_dial_port(port) }
}
