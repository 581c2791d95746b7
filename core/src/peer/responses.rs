//! What the other side asks of this host: what is shared, whether a file is, and for files (sections 3
//! and 4).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::session_entry::Stage;
use super::{Action, Delivery, Event, Peer, SessionId, Turn};
use crate::addr::{AddrError, check_dial_port};
use crate::session::{Batch, Extensions, Question, Request};
use crate::{Kind, LeftOut, SharedFile, Size};

/// Bytes of a list that may wait to leave while more of it is fetched.
const LIST_AHEAD: usize = 64 << 10;

impl Peer {
    /// Has the driver look up what the oldest question asks for.
    pub(super) fn look_up(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        let max_waiting = self.config.limits.questions;
        let Some(slot) = self.sessions.get_mut(&session) else { return };
        if slot.looking
            || slot.is_clogged(&self.config.limits)
            || !matches!(slot.stage, Stage::Live { .. })
        {
            return;
        }
        let action = match slot.session.question() {
            None => return,
            Some(Question::List) if slot.unsent > LIST_AHEAD => return,
            // It waits among the questions until a file has left.
            Some(Question::Request(_) | Question::Batch(_)) if slot.serves.len() >= max_waiting => {
                return;
            }
            Some(Question::Batch(_)) => {
                self.admit_batch(session, turn);
                return self.look_up(session, turn);
            }
            Some(Question::List) => Action::List { session },
            Some(Question::Check(name) | Question::Request(Request { name, .. })) => {
                Action::Find { session, name: name.clone() }
            }
        };
        slot.looking = true;
        turn.act(action);
    }

    pub(super) fn entries(
        &mut self,
        session: SessionId,
        entries: &[SharedFile],
        done: bool,
        turn: &mut Turn<'_>,
    ) {
        let Some(slot) = self.sessions.get_mut(&session) else { return };
        if !core::mem::take(&mut slot.looking) {
            return;
        }
        let mut out = Vec::new();
        for SharedFile { name, size, stat } in entries {
            if size.is_unknown() && self.spent.contains(name) {
                continue;
            }
            if slot.session.answer_entry(name.borrowed(), *size, *stat, &mut out).is_err() {
                break;
            }
        }
        if done && slot.session.answer_list_end(&mut out).is_err() {
            turn.notice(
                Some(session),
                format_args!("the driver ended a list that was not asked for"),
            );
        }
        slot.write(out, turn);
        self.pump(session, turn);
    }

    pub(super) fn list_left_out(
        &mut self,
        session: SessionId,
        left: &[LeftOut],
        turn: &mut Turn<'_>,
    ) {
        let Some(slot) = self.sessions.get_mut(&session).filter(|slot| slot.looking) else {
            return;
        };
        let mut out = Vec::new();
        for left in left {
            if slot.session.answer_left_out(left, &mut out).is_err() {
                break;
            }
        }
        slot.write(out, turn);
    }

    pub(super) fn found(
        &mut self,
        session: SessionId,
        size: Option<Size>,
        kind: Kind,
        turn: &mut Turn<'_>,
    ) {
        let Some(slot) = self.sessions.get_mut(&session) else { return };
        if !core::mem::take(&mut slot.looking) {
            return;
        }
        // What would be taken for a file is not there for who knows files alone, and no folder is a file.
        let knows_kinds = slot.session.extensions().has(Extensions::STAT);
        let is_checked = matches!(slot.session.question(), Some(Question::Check(_)));
        let size = size.filter(|_| match kind {
            Kind::File => true,
            Kind::Link => knows_kinds,
            Kind::Folder => knows_kinds && !is_checked,
        });
        let mut out = Vec::new();
        let spent = match (size, slot.session.question()) {
            (Some(size), Some(Question::Check(name))) if size.is_unknown() => {
                self.spent.contains(name)
            }
            _ => false,
        };
        if slot.session.answer_check(size.is_some() && !spent, &mut out).is_err()
            && let Some(request) = slot.session.take_request(&mut out)
        {
            let (name, number) = (request.name.clone(), request.number);
            match self.admit_request(session, request, size) {
                Ok(()) => {}
                Err(why) => {
                    if let Some(slot) = self.sessions.get_mut(&session) {
                        slot.session.refuse_request(number, &name, &mut out);
                    }
                    turn.notice(Some(session), format_args!("said NO to {name}: {why}"));
                    let delivery = Delivery::Unsent(why);
                    let transfer = None;
                    turn.notify(Event::Delivered { session, transfer, name, bytes: 0, delivery });
                }
            }
        }
        if let Some(slot) = self.sessions.get_mut(&session) {
            slot.write(out, turn);
        }
        self.start_serves(session, turn);
        self.pump(session, turn);
    }

    /// Takes a request into the queue, or says why not.
    fn admit_request(
        &mut self,
        session: SessionId,
        request: Request,
        size: Option<Size>,
    ) -> Result<(), Box<str>> {
        let Request { name, size: asked, port, partial: has, number } = request;
        let size = size.ok_or("it is not shared")?;
        let is_another = |size| asked.exact().is_some_and(|asked| asked != size);
        if let Some(size) = size.exact().filter(|size| is_another(*size)) {
            return Err(alloc::format!("expected its size of {size} bytes, got {asked}").into());
        }
        may_connect(port).map_err(|error| alloc::format!("{error}"))?;
        if size.is_unknown() {
            // What a pipe has let out does not come again (section 2.4).
            if has.is_some() || self.spent.contains(&name) {
                return Err("it can be sent once, and from its beginning".into());
            }
            self.spent.push(name.clone());
        }
        self.queue(session, (name, size), Vec::new(), has, (number, port))
            .ok_or_else(|| "its session is over".into())
    }

    /// Takes many files into the queue as one.
    fn admit_batch(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        let Some(slot) = self.sessions.get_mut(&session) else { return };
        let mut out = Vec::new();
        let batch = slot.session.take_batch(&mut out);
        let Some(Batch { files, port, number }) = batch else { return slot.write(out, turn) };
        let Some((name, _)) = files.first().cloned() else { return };
        if let Err(why) = may_connect(port) {
            slot.session.refuse_request(number, &name, &mut out);
            slot.write(out, turn);
            for (name, bytes) in files {
                let (transfer, delivery) = (None, Delivery::Unsent(alloc::format!("{why}").into()));
                turn.notify(Event::Delivered { session, transfer, name, bytes, delivery });
            }
            return;
        }
        slot.write(out, turn);
        let size = Size::Exact(files.iter().map(|(_, size)| size).sum());
        if self.queue(session, (name, size), files, None, (number, port)).is_some() {
            self.start_serves(session, turn);
        }
    }
}

/// Whether a requester's port may be connected to; 0 is none, it connects itself.
fn may_connect(port: u16) -> Result<(), AddrError> {
    if port == 0 { Ok(()) } else { check_dial_port(port) }
}
