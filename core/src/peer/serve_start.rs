//! Starts the files that the peer requested (section 4): from the queue to the data connection.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::link_state::Pace;
use super::session_entry::Connection;
use super::transfers::{Serve, ServeStage, stall_deadline};
use super::{
    Action, ConnId, ConnRole, Direction, Error, Event, LinkStep, ListenerId, ListenerRole, Peer,
    Purpose, SessionId, TransferId, Turn,
};
use crate::session::Extensions;
use crate::stream::Digest;
use crate::{FileName, Size};

/// A request that this host accepted.
pub(super) struct Accepted {
    pub(super) name: FileName,
    pub(super) size: Size,
    /// The files of a batch.
    pub(super) files: Vec<(FileName, u64)>,
    pub(super) has: Option<(u64, Digest)>,
    pub(super) number: u64,
    /// The requester's port; 0 where it dials.
    pub(super) port: u16,
}

impl Peer {
    /// Queues a request; returns false if its session has ended.
    pub(super) fn enqueue_serve(&mut self, session: SessionId, request: Accepted) -> bool {
        let id = TransferId(self.new_id());
        let Some(entry) = self.sessions.get_mut(&session) else { return false };
        let Some(connection) = entry.connection().copied() else { return false };
        entry.serves.push(id);
        let Accepted { name, size, files, has, number, port } = request;
        let serve = Serve {
            session,
            name,
            size,
            seal: entry.session.data_seal(entry.session.side().other(), number),
            reported: entry.session.extensions().has(Extensions::RECEIPT),
            files,
            unreported: Vec::new(),
            to: SocketAddr::new(connection.peer, port),
            path: connection.path,
            number,
            has,
            stage: ServeStage::Waiting,
            requester: None,
            on_link: false,
            pace: Pace::default(),
            began: Duration::ZERO,
            deadline: None,
        };
        self.transfers.add_serve(id, serve);
        true
    }

    pub(super) fn start_serves(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        loop {
            let Some(entry) = self.sessions.get_mut(&session) else { return };
            if entry.serves.running() >= self.config.limits.transfers
                || entry.serves.waiting().is_empty()
            {
                return;
            }
            let Some(requester) = entry.connection().map(|connection| connection.peer) else {
                return;
            };
            if !self.sending.take(requester, self.config.limits.concurrent_sends) {
                self.is_crowded = true;
                return;
            }
            let serve =
                entry.serves.start().and_then(|id| Some((id, self.transfers.serve_mut(id)?)));
            let Some((id, serve)) = serve else {
                self.sending.give_back(requester);
                continue;
            };
            serve.requester = Some(requester);
            match serve.size.exact() {
                Some(size) if serve.files.is_empty() => {
                    serve.stage = ServeStage::Opening;
                    let length = serve.offset();
                    if length == 0 {
                        serve.deadline = Some(turn.after(self.config.limits.accept_timeout));
                    }
                    let name = serve.name.clone();
                    turn.act(Action::Open { transfer: id, session, name, size, length });
                }
                // Piped input is open, and a file that cannot be read is left out of its batch.
                _ => self.open_data_connection(id, turn),
            }
        }
    }

    /// The driver opened the file, or could not.
    pub(super) fn opened(
        &mut self,
        id: TransferId,
        digest: Result<Digest, Box<str>>,
        turn: &mut Turn<'_>,
    ) {
        let Some(serve) = self.transfers.serve(id) else { return };
        let ServeStage::Opening = serve.stage else { return };
        match (digest, serve.has) {
            (Err(why), None) => return self.serve_failed(id, Error::Unsent(why), turn),
            (Ok(digest), has) if has.is_none_or(|(_, has)| has == digest) => {
                return self.open_data_connection(id, turn);
            }
            // The file does not begin with the requester's part of it: the refusal makes it request
            // all of it.
            _ => {}
        }
        let Some(serve) = self.take_serve(id) else { return };
        turn.act(Action::Abandon { transfer: id });
        self.refuse_serve(&serve, turn);
        self.serve_over(&serve, turn);
    }

    /// Dials the requester's port; or, where it is the requester that dials, opens a stream of the session's
    /// link, or listens.
    fn open_data_connection(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        let Some(serve) = self.transfers.serve(id) else { return };
        match serve.to.port() == 0 && self.uses_link(serve.session) {
            true => self.open_link_stream(id, turn),
            false => self.dial_or_listen(id, turn),
        }
    }

    fn open_link_stream(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        let conn = self.new_conn();
        let Some(serve) = self.transfers.serve_mut(id) else { return };
        let (session, number) = (serve.session, serve.number);
        (serve.stage, serve.on_link) = (ServeStage::Dialling(conn), true);
        serve.deadline = Some(turn.after(self.config.limits.accept_timeout));
        self.conns.insert(conn, ConnRole::Data(id));
        turn.act(Action::Link { session, step: LinkStep::Open { conn, number } });
    }

    /// A data connection of a file that this host serves could not be opened: the requester waits for another
    /// where it was a stream of a link.
    pub(super) fn data_dial_failed(&mut self, id: TransferId, why: Box<str>, turn: &mut Turn<'_>) {
        match self.transfers.serve_mut(id) {
            Some(serve) if serve.on_link => {
                serve.on_link = false;
                self.dial_or_listen(id, turn);
            }
            _ => self.transfer_failed(id, Error::Unreachable(why), turn),
        }
    }

    fn dial_or_listen(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        let (conn, listener) = (self.new_conn(), ListenerId(self.new_id()));
        let Some(serve) = self.transfers.serve_mut(id) else { return };
        serve.deadline = Some(turn.after(self.config.limits.accept_timeout));
        let path = serve.path;
        let live = self.sessions.get(&serve.session).and_then(|entry| entry.connection());
        let link = live.and_then(Connection::link);
        if serve.to.port() != 0 {
            serve.stage = ServeStage::Dialling(conn);
            self.conns.insert(conn, ConnRole::Data(id));
            let (to, purpose) = (serve.to, Purpose::Data);
            return turn.act(Action::Dial { conn, to, path, purpose, link });
        }
        let Some(ip) = live.map(|live| live.local) else {
            return self.serve_failed(id, Error::Closed(None), turn);
        };
        serve.stage = ServeStage::Listening(listener);
        self.listeners.insert(listener, ListenerRole::Data(id));
        turn.act(Action::Listen { listener, ip, path, purpose: Purpose::Data, link });
    }

    pub(super) fn serve_listening(&mut self, id: TransferId, port: u16, turn: &mut Turn<'_>) {
        let Some(serve) = self.transfers.serve_mut(id) else { return };
        let ServeStage::Listening(listener) = serve.stage else { return };
        let Some(entry) = self.sessions.get_mut(&serve.session) else {
            return self.serve_failed(id, Error::Closed(None), turn);
        };
        let mut out = Vec::new();
        // It cannot be refused: a session that ends is taken out at once.
        let said = entry.session.answer_port(serve.number, port, &mut out);
        debug_assert_eq!(said, Ok(()));
        entry.write(out, turn);
        serve.stage = ServeStage::Awaiting(listener);
        serve.deadline = Some(turn.after(self.config.limits.accept_timeout));
    }

    pub(super) fn serve_accepted(
        &mut self,
        id: TransferId,
        conn: ConnId,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        let Some(serve) = self.transfers.serve(id) else { return };
        let ServeStage::Awaiting(listener) = serve.stage else {
            return turn.act(Action::Close { conn });
        };
        let (session, requester) = (serve.session, Some(serve.to.ip()));
        if !self.is_from(requester, conn, remote, session, turn) {
            return;
        }
        self.listeners.remove(&listener);
        turn.act(Action::StopListening { listener });
        self.conns.insert(conn, ConnRole::Data(id));
        self.begin_sending(id, conn, turn);
    }

    pub(super) fn serve_dialled(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        if let Some(serve) = self.transfers.serve(id)
            && let ServeStage::Dialling(conn) = serve.stage
        {
            self.begin_sending(id, conn, turn);
        }
    }

    fn begin_sending(&mut self, id: TransferId, conn: ConnId, turn: &mut Turn<'_>) {
        let Some(serve) = self.transfers.serve_mut(id) else { return };
        let has_session = self.sessions.contains_key(&serve.session);
        let until = turn.after(self.config.limits.stall_timeout);
        serve.stage = ServeStage::Sending(conn);
        serve.began = turn.now;
        serve.deadline = stall_deadline(serve.size, has_session, until);
        let (name, size, seal) = (serve.name.clone(), serve.size, serve.seal.take());
        let (from, all_files) = (serve.offset(), serve.all_files());
        let files = core::mem::take(&mut serve.files);
        let more = files.len().saturating_sub(1) as u64;
        let (session, number) = (serve.session, serve.number);
        let mut given_up = Vec::new();
        match self.sessions.get_mut(&session) {
            Some(entry) if serve.reported => {
                given_up = entry.receipts.expect(number, id, all_files);
            }
            _ => serve.unreported = all_files,
        }
        turn.act(match seal {
            Some(seal) if !files.is_empty() => {
                Action::SendBatch { transfer: id, conn, files, seal }
            }
            seal => Action::Send { transfer: id, conn, name: name.clone(), size, from, seal },
        });
        turn.deliver(session, given_up);
        let direction = Direction::Send;
        turn.notify(Event::Started { transfer: id, session, direction, name, size, from, more });
    }
}
