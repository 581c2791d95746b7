//! Files that leave this host (section 4): the provider's side.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::receipts::deliver;
use super::session_entry::Slot;
use super::{
    Action, Awaited, ConnId, Delivery, Direction, Error, Event, ListenerId, Path, Peer, Purpose,
    SessionId, Transfer, TransferId, Turn, Use,
};
use crate::session::Extensions;
use crate::stream::{Digest, Seal};
use crate::{FileName, Limits, Size};

/// When it is looked whether a file moves fast enough.
const SLOW_AFTER: Duration = Duration::from_secs(600);

/// A file that was requested of this host.
pub(super) struct Serve {
    pub(super) session: SessionId,
    name: FileName,
    pub(super) size: Size,
    /// How its bytes go.
    seal: Option<Seal>,
    /// The files, where they are many.
    files: Vec<(FileName, u64)>,
    /// Whether the other side reports what became of it.
    reported: bool,
    /// Its files, once they are sent, where no report is awaited in the session.
    names: Vec<(FileName, u64)>,
    /// The other end of the control connection, at the port that X_REQUEST named.
    to: SocketAddr,
    /// Which way that connection went.
    path: Path,
    /// The number of the request.
    number: u64,
    /// What the requester has.
    has: Option<(u64, Digest)>,
    stage: Stage,
    /// Whose place among the files on their way it has.
    caller: Option<IpAddr>,
    /// When it began to move.
    began: Duration,
    pub(super) deadline: Option<Duration>,
}

#[derive(Clone, Copy)]
enum Stage {
    /// For its turn.
    Waiting,
    /// It is opened, so that whoever asked for what cannot be read gets a NO; and where the requester has
    /// a part of it, it is looked whether that is how the file begins.
    Opening,
    Dialling(ConnId),
    /// A listener was asked for, since the requester wants to dial (section 15).
    Listening(ListenerId),
    /// X_PORT was sent.
    Awaiting(ListenerId),
    Sending(ConnId),
}

impl Serve {
    pub(super) fn is_moving(&self) -> bool {
        matches!(self.stage, Stage::Sending(_))
    }

    /// Its files, one or many, and their sizes.
    fn names_of_files(&self) -> Vec<(FileName, u64)> {
        match self.files.is_empty() {
            true => [(self.name.clone(), self.size.bytes())].into(),
            false => self.files.clone(),
        }
    }

    /// So many bytes are what it brings: of a pipe nothing was known before.
    pub(super) fn moved(&mut self, bytes: u64, slot: Option<&mut Box<Slot>>) {
        if let Some((_, size)) = self.names.first_mut() {
            *size = bytes;
        } else if let Some(slot) = slot {
            slot.receipts.moved(self.number, bytes);
        }
    }

    /// Those of its files that no report is awaited of meet this fate.
    fn meet(&mut self, id: TransferId, fate: &Delivery, turn: &mut Turn<'_>) {
        let files = core::mem::take(&mut self.names).into_iter();
        deliver(self.session, files.map(|file| (id, file, fate.clone())), turn);
    }

    /// Whether it holds its place and hardly uses it: with so many bytes sent, and where so many a
    /// second are the least.
    pub(super) fn is_too_slow(&self, bytes: u64, least: u64, now: Duration) -> bool {
        let took = now.saturating_sub(self.began);
        let from = self.has.map_or(0, |(length, _)| length);
        self.is_moving()
            && !self.size.is_unknown()
            && took >= SLOW_AFTER
            && bytes.saturating_sub(from) < took.as_secs().saturating_mul(least)
    }

    pub(super) fn timed_out(&self, limits: &Limits) -> Error {
        match self.stage {
            Stage::Sending(_) => Error::TimedOut {
                waited_for: "the other side to take bytes",
                after: limits.stall_timeout,
            },
            Stage::Opening => {
                Error::TimedOut { waited_for: "the file to open", after: limits.accept_timeout }
            }
            _ => Error::TimedOut { waited_for: "a data connection", after: limits.accept_timeout },
        }
    }
}

impl Peer {
    /// What is sent waits for its turn. `None` where the session is over.
    pub(super) fn queue(
        &mut self,
        session: SessionId,
        (name, size): (FileName, Size),
        files: Vec<(FileName, u64)>,
        has: Option<(u64, Digest)>,
        (number, port): (u64, u16),
    ) -> Option<()> {
        let id = TransferId(self.new_id());
        let slot = self.sessions.get_mut(&session)?;
        let (_, peer) = slot.ends?;
        let path = slot.path;
        slot.serves.push(id);
        let serve = Box::new(Serve {
            session,
            name,
            size,
            seal: slot.session.data_seal(slot.session.side().other(), number),
            reported: slot.session.extensions().has(Extensions::RECEIPT),
            files,
            names: Vec::new(),
            to: SocketAddr::new(peer, port),
            path,
            number,
            has,
            stage: Stage::Waiting,
            caller: None,
            began: Duration::ZERO,
            deadline: None,
        });
        self.transfers.insert(id, Transfer::Serve(serve));
        Some(())
    }

    pub(super) fn start_serves(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        loop {
            let Some(slot) = self.sessions.get_mut(&session) else { return };
            if slot.serving >= self.config.limits.transfers {
                return;
            }
            let (Some(&id), Some((_, caller))) = (slot.serves.first(), slot.ends) else { return };
            if !self.sending.take(caller, self.config.limits.concurrent_sends) {
                self.crowded = true;
                return;
            }
            slot.serves.remove(0);
            slot.serving += 1;
            let Some(Transfer::Serve(serve)) = self.transfers.get_mut(&id) else {
                self.sending.give_back(caller);
                continue;
            };
            serve.caller = Some(caller);
            match serve.size.exact() {
                Some(size) if serve.files.is_empty() => {
                    serve.stage = Stage::Opening;
                    let length = serve.has.map_or(0, |(length, _)| length);
                    if length == 0 {
                        serve.deadline = Some(turn.after(self.config.limits.accept_timeout));
                    }
                    let name = serve.name.clone();
                    turn.act(Action::Open { transfer: id, session, name, size, length });
                }
                // A pipe is open, and what is missing of a batch is left out of it.
                _ => self.connect(id, turn),
            }
        }
    }

    pub(super) fn opened(
        &mut self,
        id: TransferId,
        digest: Result<Digest, Box<str>>,
        turn: &mut Turn<'_>,
    ) {
        let Some(Transfer::Serve(serve)) = self.transfers.get(&id) else { return };
        let Stage::Opening = serve.stage else { return };
        match (digest, serve.has) {
            (Err(why), None) => return self.serve_failed(id, Error::Unsent(why), turn),
            (Ok(digest), has) if has.is_none_or(|(_, has)| has == digest) => {
                return self.connect(id, turn);
            }
            // The requester knows by the NO to ask for all of it.
            _ => {}
        }
        let Some(serve) = self.take_serve(id) else { return };
        turn.act(Action::Abandon { transfer: id });
        self.say_no(&serve, turn);
        self.serve_over(&serve, turn);
    }

    /// The data connection: to the requester's port, or from it.
    fn connect(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        let (conn, listener) = (self.new_conn(), ListenerId(self.new_id()));
        let Some(Transfer::Serve(serve)) = self.transfers.get_mut(&id) else { return };
        serve.deadline = Some(turn.after(self.config.limits.accept_timeout));
        let path = serve.path;
        if serve.to.port() != 0 {
            serve.stage = Stage::Dialling(conn);
            self.conns.insert(conn, Use::Data(id));
            return turn.act(Action::Dial { conn, to: serve.to, path, purpose: Purpose::Data });
        }
        let ends = self.sessions.get(&serve.session).and_then(|slot| slot.ends);
        let Some((ip, _)) = ends else {
            return self.serve_failed(id, Error::Closed(None), turn);
        };
        serve.stage = Stage::Listening(listener);
        self.listeners.insert(listener, Awaited::Data(id));
        turn.act(Action::Listen { listener, ip, path, purpose: Purpose::Data });
    }

    pub(super) fn serve_listening(&mut self, id: TransferId, port: u16, turn: &mut Turn<'_>) {
        let Some(Transfer::Serve(serve)) = self.transfers.get_mut(&id) else { return };
        let Stage::Listening(listener) = serve.stage else { return };
        let Some(slot) = self.sessions.get_mut(&serve.session) else {
            return self.serve_failed(id, Error::Closed(None), turn);
        };
        let mut out = Vec::new();
        // It cannot be refused: a session that ends is taken out at once.
        let said = slot.session.listening(serve.number, port, &mut out);
        debug_assert_eq!(said, Ok(()));
        slot.write(out, turn);
        serve.stage = Stage::Awaiting(listener);
        serve.deadline = Some(turn.after(self.config.limits.accept_timeout));
    }

    pub(super) fn serve_accepted(
        &mut self,
        id: TransferId,
        conn: ConnId,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        let Some(Transfer::Serve(serve)) = self.transfers.get(&id) else { return };
        let Stage::Awaiting(listener) = serve.stage else {
            return turn.act(Action::Close { conn });
        };
        let (session, peer) = (serve.session, Some(serve.to.ip()));
        if !self.is_from(peer, conn, remote, session, turn) {
            return;
        }
        self.listeners.remove(&listener);
        turn.act(Action::StopListening { listener });
        self.conns.insert(conn, Use::Data(id));
        self.begin_sending(id, conn, turn);
    }

    pub(super) fn serve_dialled(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        if let Some(Transfer::Serve(serve)) = self.transfers.get(&id)
            && let Stage::Dialling(conn) = serve.stage
        {
            self.begin_sending(id, conn, turn);
        }
    }

    fn begin_sending(&mut self, id: TransferId, conn: ConnId, turn: &mut Turn<'_>) {
        let Some(Transfer::Serve(serve)) = self.transfers.get_mut(&id) else { return };
        serve.stage = Stage::Sending(conn);
        serve.began = turn.now;
        let stands = self.sessions.contains_key(&serve.session);
        serve.deadline =
            may_stand_still(serve.size, stands, turn.after(self.config.limits.stall_timeout));
        let (name, size, seal) = (serve.name.clone(), serve.size, serve.seal.take());
        let from = serve.has.map_or(0, |(length, _)| length);
        let names = serve.names_of_files();
        let files = core::mem::take(&mut serve.files);
        let more = files.len().saturating_sub(1) as u64;
        let (session, number) = (serve.session, serve.number);
        let mut given_up = Vec::new();
        match self.sessions.get_mut(&session) {
            Some(slot) if serve.reported => given_up = slot.receipts.expect(number, id, names),
            _ => serve.names = names,
        }
        turn.act(match seal {
            Some(seal) if !files.is_empty() => {
                Action::SendBatch { transfer: id, conn, files, seal }
            }
            seal => Action::Send { transfer: id, conn, name: name.clone(), size, from, seal },
        });
        deliver(session, given_up, turn);
        turn.notify(Event::Started {
            transfer: id,
            session,
            direction: Direction::Send,
            name,
            size,
            from,
            more,
        });
    }

    pub(super) fn send_ended(
        &mut self,
        id: TransferId,
        bytes: u64,
        unsent: Vec<(usize, Box<str>)>,
        why: Option<Box<str>>,
        turn: &mut Turn<'_>,
    ) {
        match self.transfers.get(&id) {
            Some(Transfer::Serve(serve)) if serve.is_moving() => {}
            _ => return,
        }
        self.left_out(id, &unsent, turn);
        if let Some(why) = why {
            return self.serve_failed(id, Error::Unsent(why), turn);
        }
        if let Some(mut serve) = self.take_serve(id) {
            turn.notify(Event::Finished {
                transfer: id,
                session: serve.session,
                direction: Direction::Send,
                name: serve.name.clone(),
                bytes,
            });
            let fate = if serve.reported { Delivery::Unconfirmed } else { Delivery::HandedOver };
            serve.meet(id, &fate, turn);
            self.serve_over(&serve, turn);
        }
    }

    /// Files of a batch that were not sent.
    fn left_out(&mut self, id: TransferId, unsent: &[(usize, Box<str>)], turn: &mut Turn<'_>) {
        let Some(Transfer::Serve(serve)) = self.transfers.get_mut(&id) else { return };
        let session = serve.session;
        if !serve.names.is_empty() {
            // From the last one back, so that each is where it was.
            for (at, why) in unsent.iter().rev() {
                if *at >= serve.names.len() {
                    continue;
                }
                let file = serve.names.remove(*at);
                deliver(session, [(id, file, Delivery::Unsent(why.clone()))], turn);
            }
        } else if let Some(slot) = self.sessions.get_mut(&session) {
            for (at, why) in unsent {
                deliver(session, slot.receipts.unsent(serve.number, *at as u64, why), turn);
            }
        }
    }

    pub(super) fn serve_failed(&mut self, id: TransferId, error: Error, turn: &mut Turn<'_>) {
        let Some(mut serve) = self.take_serve(id) else { return };
        match serve.stage {
            Stage::Dialling(conn) | Stage::Sending(conn) => turn.act(Action::Close { conn }),
            Stage::Listening(listener) | Stage::Awaiting(listener) => {
                self.listeners.remove(&listener);
                turn.act(Action::StopListening { listener });
            }
            Stage::Opening => turn.act(Action::Abandon { transfer: id }),
            Stage::Waiting => {}
        }
        if let Some(slot) = self.sessions.get_mut(&serve.session) {
            slot.serves.retain(|waiting| *waiting != id);
        }
        let why = alloc::format!("{error}");
        if !serve.is_moving() {
            serve.names = serve.names_of_files();
        } else if let Some(slot) = self.sessions.get_mut(&serve.session) {
            slot.receipts.failed(serve.number, &why);
        }
        // Once bytes went out, the end of the stream says it.
        if !serve.is_moving() {
            if serve.size.is_unknown() {
                self.spent.retain(|spent| *spent != serve.name);
            }
            self.say_no(&serve, turn);
        }
        turn.notify(Event::Failed {
            transfer: id,
            session: serve.session,
            direction: Direction::Send,
            name: serve.name.clone(),
            error,
        });
        serve.meet(id, &Delivery::Unsent(why.into()), turn);
        self.serve_over(&serve, turn);
    }

    fn say_no(&mut self, serve: &Serve, turn: &mut Turn<'_>) {
        if let Some(slot) = self.sessions.get_mut(&serve.session) {
            let mut out = Vec::new();
            slot.session.refuse_request(serve.number, &serve.name, &mut out);
            slot.write(out, turn);
        }
    }

    fn take_serve(&mut self, id: TransferId) -> Option<Box<Serve>> {
        match self.transfers.remove(&id)? {
            Transfer::Serve(mut serve) => {
                if let Stage::Dialling(conn) | Stage::Sending(conn) = serve.stage {
                    self.conns.remove(&conn);
                }
                if let Some(caller) = serve.caller.take() {
                    self.sending.give_back(caller);
                }
                Some(serve)
            }
            fetch => {
                self.transfers.insert(id, fetch);
                None
            }
        }
    }

    fn serve_over(&mut self, serve: &Serve, turn: &mut Turn<'_>) {
        if matches!(serve.stage, Stage::Waiting) {
            return;
        }
        if let Some(slot) = self.sessions.get_mut(&serve.session) {
            slot.serving = slot.serving.saturating_sub(1);
            slot.heard = turn.now;
            self.start_serves(serve.session, turn);
            self.pump(serve.session, turn);
        }
        if core::mem::take(&mut self.crowded) {
            let waiting = self.sessions.iter().filter(|(_, slot)| !slot.serves.is_empty());
            for session in waiting.map(|(id, _)| *id).collect::<Vec<_>>() {
                self.start_serves(session, turn);
            }
        }
    }

    /// The session is gone: what waits will not be sent, and its beginning is read no further; what is
    /// on its way goes on, and what is being opened goes.
    pub(super) fn orphan_serves(
        &mut self,
        session: SessionId,
        slot: &mut Slot,
        turn: &mut Turn<'_>,
    ) {
        let mut unsent = core::mem::take(&mut slot.serves);
        let summing = |(id, transfer): (&TransferId, &Transfer)| match transfer {
            Transfer::Serve(serve) => {
                let digests = matches!(serve.stage, Stage::Opening) && serve.has.is_some();
                (serve.session == session && digests).then_some(*id)
            }
            _ => None,
        };
        unsent.extend(self.transfers.iter().filter_map(summing));
        for id in unsent {
            self.serve_failed(id, Error::Closed(None), turn);
        }
        let stall = turn.after(self.config.limits.stall_timeout);
        for (_, transfer) in self.transfers.iter_mut() {
            if let Transfer::Serve(serve) = transfer
                && serve.session == session
                && serve.is_moving()
            {
                serve.deadline.get_or_insert(stall);
            }
        }
    }
}

/// Until when a transfer that moves must have moved again. What comes from a pipe may stand still for as
/// long as its session stands, which is how long it is known that the other side is there.
pub(super) fn may_stand_still(size: Size, stands: bool, until: Duration) -> Option<Duration> {
    (!(stands && size.is_unknown())).then_some(until)
}

/// A file was taken too slowly.
pub(super) fn too_slow() -> Error {
    Error::TimedOut { waited_for: "the other side to take bytes fast enough", after: SLOW_AFTER }
}
