//! A whole host: its link to the relay, its sessions and its transfers (sections 3 to 6 and 8).
//!
//! [`Peer::handle`] takes what happened and says what to do. It reads no clock: `now` is the time
//! since any fixed moment, and [`Peer::next_deadline`] says when to come back with
//! [`Input::Tick`]. It moves no file: a driver does, and reports.

mod action;
mod awaited_receipts;
mod call_guard;
mod command;
mod config;
mod connect;
mod control;
mod door;
mod encryption;
mod error;
mod event;
mod fair_share;
mod fetch;
mod fetch_batch;
mod fetch_end;
mod id;
mod input;
mod path;
mod path_selection;
mod provide;
mod receipts;
mod relay_link;
mod responses;
mod session_entry;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

pub use action::{Action, BatchFile, Purpose};
pub use command::SessionCommand;
pub use config::{CallPolicy, Config};
pub use encryption::{Encryption, KeyStatus, Security, WhyUnencrypted};
pub use error::{Error, ErrorKind};
pub use event::{Delivery, Direction, Event};
pub use id::{ConnId, ListenerId, SessionId, TransferId};
pub use input::{BatchFileEnd, Input, ReceiveEnd};
pub use path::{Path, PathPolicy};

use litemap::LiteMap;

use crate::{FileName, Limits, MisuseError};
use call_guard::CallGuard;
use fair_share::Places;
use fetch::Fetch;
use fetch_batch::Member;
use provide::{Serve, may_stand_still, too_slow};
use relay_link::RelayLink;
use session_entry::Slot;

/// A host as a state machine.
pub struct Peer {
    config: Config,
    last_id: u64,
    relay: RelayLink,
    /// What each connection is for.
    conns: LiteMap<ConnId, Use>,
    /// What each listener is for.
    listeners: LiteMap<ListenerId, Awaited>,
    sessions: LiteMap<SessionId, Box<Slot>>,
    transfers: LiteMap<TransferId, Transfer>,
    guard: CallGuard,
    /// Who has how many of the sessions that others opened, and of the files on their way from here.
    callers: Places,
    sending: Places,
    /// A file waits for a place of these.
    crowded: bool,
    encryption: Option<Encryption>,
    /// Files that could be sent once, and were.
    spent: Vec<FileName>,
    stopping: bool,
}

#[derive(Clone, Copy, Debug)]
enum Use {
    Relay,
    Control(SessionId),
    /// Connected to a session's listener, and not taken for its other side yet.
    Waiting(SessionId),
    Data(TransferId),
}

#[derive(Clone, Copy, Debug)]
enum Awaited {
    Control(SessionId),
    Data(TransferId),
}

enum Transfer {
    Fetch(Box<Fetch>),
    Serve(Box<Serve>),
    /// A file that another transfer brings.
    Member(Box<Member>),
}

impl Transfer {
    fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Fetch(fetch) => fetch.deadline,
            Self::Serve(serve) => serve.deadline,
            Self::Member(_) => None,
        }
    }

    fn timed_out(&self, limits: &Limits) -> Error {
        match self {
            Self::Fetch(fetch) => fetch.timed_out(limits),
            Self::Serve(serve) => serve.timed_out(limits),
            Self::Member(_) => Error::Cancelled,
        }
    }
}

/// One call of [`Peer::handle`] or of a command: the time, and where the actions go.
struct Turn<'a> {
    now: Duration,
    actions: &'a mut Vec<Action>,
}

impl Turn<'_> {
    /// When so long has passed from now.
    fn after(&self, wait: Duration) -> Duration {
        self.now.saturating_add(wait)
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn notify(&mut self, event: Event) {
        self.actions.push(Action::Notify(event));
    }

    fn notice(&mut self, session: Option<SessionId>, text: fmt::Arguments<'_>) {
        self.notify(Event::Notice { session, text: alloc::fmt::format(text).into() });
    }
}

impl Peer {
    /// A host that is not online yet, and speaks in the clear.
    pub fn new(config: Config) -> Self {
        let guard = CallGuard::new(&config.limits);
        Self {
            config,
            last_id: 0,
            relay: RelayLink::new(),
            conns: LiteMap::new(),
            listeners: LiteMap::new(),
            sessions: LiteMap::new(),
            transfers: LiteMap::new(),
            guard,
            callers: Places::default(),
            sending: Places::default(),
            crowded: false,
            encryption: None,
            spent: Vec::new(),
            stopping: false,
        }
    }

    /// Goes online: [`Event::Online`] follows, or [`Event::Offline`].
    pub fn start(&mut self, now: Duration, actions: &mut Vec<Action>) {
        self.dial_relay(&mut Turn { now, actions });
    }

    /// What to call a connection that a listener accepted.
    pub fn new_conn(&mut self) -> ConnId {
        ConnId(self.new_id())
    }

    /// Takes what happened; appends what to do.
    ///
    /// The driver carries out the actions in their order, all of them before the next call of this or any
    /// other method. An action with an immediate result puts an [`Input`] into a queue, which the driver
    /// drains in one loop: were `handle` called from within an action, the other side would decide by
    /// its number of questions how deep the stack gets.
    pub fn handle(&mut self, input: Input<'_>, now: Duration, actions: &mut Vec<Action>) {
        let turn = &mut Turn { now, actions };
        match input {
            Input::Connected { conn, local, remote } => self.connected(conn, local, remote, turn),
            Input::ConnectFailed { conn, why } => match self.conns.remove(&conn) {
                Some(Use::Relay) => self.relay_lost(Error::Unreachable(why), turn),
                Some(Use::Control(session)) => self.dial_failed(session, conn, why, turn),
                Some(Use::Data(transfer)) => {
                    self.transfer_failed(transfer, Error::Unreachable(why), turn);
                }
                Some(Use::Waiting(_)) | None => {}
            },
            Input::Received { conn, bytes } => match self.conns.get(&conn) {
                Some(Use::Relay) => self.relay_received(bytes, turn),
                Some(Use::Control(session)) => self.control_received(*session, bytes, turn),
                Some(Use::Waiting(session)) => {
                    self.waiting_received(*session, conn, bytes, turn);
                }
                Some(Use::Data(_)) | None => {}
            },
            Input::Sent { conn, bytes } => {
                if let Some(Use::Control(session)) = self.conns.get(&conn) {
                    self.control_sent(*session, bytes, turn);
                }
            }
            Input::Closed { conn, why } => match self.conns.remove(&conn) {
                Some(Use::Relay) => self.relay_lost(Error::Closed(why), turn),
                Some(Use::Control(session)) => self.control_closed(session, why, turn),
                Some(Use::Waiting(session)) => self.waiting_closed(session, conn),
                Some(Use::Data(_)) | None => {}
            },
            Input::Listening { listener, allocated_at, port } => {
                match self.listeners.get(&listener) {
                    Some(Awaited::Control(session)) => {
                        self.listening((*session, listener), allocated_at, port, turn);
                    }
                    Some(Awaited::Data(transfer)) => self.data_listening(*transfer, port, turn),
                    None => {}
                }
            }
            Input::ListenFailed { listener, why } => match self.listeners.remove(&listener) {
                Some(Awaited::Control(session)) => {
                    self.listen_failed(session, listener, why, turn);
                }
                Some(Awaited::Data(transfer)) => {
                    self.transfer_failed(transfer, Error::Local(why), turn);
                }
                None => {}
            },
            Input::Accepted { listener, conn, local, remote } => {
                match self.listeners.get(&listener) {
                    Some(Awaited::Control(session)) => {
                        self.accepted(*session, listener, conn, (local, remote), turn);
                    }
                    Some(Awaited::Data(transfer)) => {
                        self.data_accepted(*transfer, conn, remote, turn);
                    }
                    None => turn.act(Action::Close { conn }),
                }
            }
            Input::Entries { session, entries, done } => {
                self.entries(session, &entries, done, turn);
            }
            Input::LeftOut { session, left } => self.list_left_out(session, &left, turn),
            Input::Found { session, size, kind } => self.found(session, size, kind, turn),
            Input::PartialFound { transfer, has } => self.partial_found(transfer, has, turn),
            Input::Opened { transfer, digest } => self.opened(transfer, digest, turn),
            Input::Progress { transfer, bytes } => self.progress(transfer, bytes, turn),
            // Others may be late at this moment of which the driver has still to say the same.
            Input::Backpressure { transfer } => return self.reader_slow(transfer, turn),
            Input::ListBackpressure { session } => return self.list_reader_slow(session, turn),
            Input::BatchProgress { transfer, files } => self.batch_progress(transfer, files, turn),
            Input::SendEnded { transfer, bytes, unsent, why } => {
                self.send_ended(transfer, bytes, unsent, why, turn);
            }
            Input::ReceiveEnded { transfer, bytes, digests, end } => {
                self.receive_ended(transfer, bytes, digests, end, turn);
            }
            Input::Stored { transfer, name } => self.stored(transfer, name, turn),
            Input::StoreFailed { transfer, reason, why } => {
                self.fetch_failed(transfer, Error::NotStored { reason, why }, turn);
            }
            Input::Tick => {}
        }
        self.pass_deadlines(turn);
    }

    /// When to come back with [`Input::Tick`], if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let limits = &self.config.limits;
        let ways = self.sessions.values().filter_map(|slot| slot.next_way);
        let sessions = self.sessions.values().filter_map(|slot| slot.deadline(limits)).chain(ways);
        let transfers = self.transfers.values().filter_map(Transfer::deadline);
        sessions.chain(transfers).chain(self.relay_deadline()).min()
    }

    /// Stops in order: X_END to every session and to the relay, and every transfer is cancelled.
    /// What was received of a file stays in its temporary file. The driver carries out the actions
    /// and is done.
    pub fn stop(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let turn = &mut Turn { now, actions };
        self.stopping = true;
        while let Some((&session, _)) = self.sessions.first() {
            self.leave(session, Some(Error::Cancelled), turn);
        }
        while let Some((&transfer, _)) = self.transfers.first() {
            self.transfer_failed(transfer, Error::Cancelled, turn);
        }
        self.leave_relay(turn);
    }

    /// Ends one transfer. What was received stays in its temporary file.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoTransfer`].
    pub fn cancel(
        &mut self,
        transfer: TransferId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        if !self.transfers.contains_key(&transfer) {
            return Err(MisuseError::NoTransfer);
        }
        self.transfer_failed(transfer, Error::Cancelled, &mut Turn { now, actions });
        Ok(())
    }

    /// Whether a session is open or opening, or a file is on its way.
    pub fn is_busy(&self) -> bool {
        !(self.sessions.is_empty() && self.transfers.is_empty())
    }

    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn connected(
        &mut self,
        conn: ConnId,
        local: SocketAddr,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        match self.conns.get(&conn) {
            Some(Use::Relay) => self.relay_connected(local, remote, turn),
            Some(Use::Control(session)) => self.dialled(*session, conn, local, remote, turn),
            Some(Use::Data(transfer)) => self.data_dialled(*transfer, turn),
            Some(Use::Waiting(_)) | None => turn.act(Action::Close { conn }),
        }
    }

    fn data_dialled(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        match self.transfers.get(&id) {
            Some(Transfer::Fetch(_)) => self.fetch_dialled(id, turn),
            Some(Transfer::Serve(_)) => self.serve_dialled(id, turn),
            Some(Transfer::Member(_)) | None => {}
        }
    }

    fn data_listening(&mut self, id: TransferId, port: u16, turn: &mut Turn<'_>) {
        match self.transfers.get(&id) {
            Some(Transfer::Fetch(_)) => self.fetch_listening(id, port, turn),
            Some(Transfer::Serve(_)) => self.serve_listening(id, port, turn),
            Some(Transfer::Member(_)) | None => {}
        }
    }

    fn data_accepted(
        &mut self,
        id: TransferId,
        conn: ConnId,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        match self.transfers.get(&id) {
            Some(Transfer::Fetch(_)) => self.fetch_accepted(id, conn, remote, turn),
            Some(Transfer::Serve(_)) => self.serve_accepted(id, conn, remote, turn),
            Some(Transfer::Member(_)) | None => turn.act(Action::Close { conn }),
        }
    }

    /// Whether a data connection comes from where it should; one that does not is closed.
    fn is_from(
        &self,
        peer: Option<IpAddr>,
        conn: ConnId,
        remote: SocketAddr,
        session: SessionId,
        turn: &mut Turn<'_>,
    ) -> bool {
        let from = remote.ip().to_canonical();
        let Some(peer) = peer.filter(|peer| *peer != from) else { return true };
        turn.act(Action::Close { conn });
        turn.notice(
            Some(session),
            format_args!("expected the data connection from {peer}, got one from {from}"),
        );
        false
    }

    fn progress(&mut self, id: TransferId, bytes: u64, turn: &mut Turn<'_>) {
        let until = turn.after(self.config.limits.stall_timeout);
        let stands = |session| self.sessions.contains_key(session);
        let least = self.config.limits.min_rate;
        let (session, direction) = match self.transfers.get_mut(&id) {
            Some(Transfer::Fetch(fetch)) if fetch.is_moving() => {
                fetch.bytes = bytes;
                fetch.deadline = may_stand_still(fetch.size, stands(&fetch.session), until);
                // Its files are told one by one.
                if !fetch.members.is_empty() {
                    return;
                }
                (fetch.session, Direction::Receive)
            }
            Some(Transfer::Serve(serve)) if serve.is_too_slow(bytes, least, turn.now) => {
                return self.serve_failed(id, too_slow(), turn);
            }
            Some(Transfer::Serve(serve)) if serve.is_moving() => {
                let stands = stands(&serve.session);
                serve.deadline = may_stand_still(serve.size, stands, until);
                let session = serve.session;
                if serve.size.is_unknown() {
                    serve.moved(bytes, self.sessions.get_mut(&session));
                }
                (session, Direction::Send)
            }
            _ => return,
        };
        turn.notify(Event::Progress { transfer: id, session, direction, bytes });
    }

    fn reader_slow(&mut self, id: TransferId, turn: &Turn<'_>) {
        if let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id)
            && fetch.is_moving()
            && let Some(deadline) = &mut fetch.deadline
        {
            *deadline = turn.after(self.config.limits.stall_timeout);
        }
    }

    fn list_reader_slow(&mut self, id: SessionId, turn: &Turn<'_>) {
        if let Some(slot) = self.sessions.get_mut(&id) {
            slot.heard = turn.now;
        }
    }

    fn transfer_failed(&mut self, id: TransferId, error: Error, turn: &mut Turn<'_>) {
        match self.transfers.get(&id) {
            Some(Transfer::Fetch(_)) => self.fetch_failed(id, error, turn),
            Some(Transfer::Serve(_)) => self.serve_failed(id, error, turn),
            Some(Transfer::Member(_)) => self.member_failed(id, error, turn),
            None => {}
        }
    }

    fn pass_deadlines(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        self.pass_relay_deadline(turn);
        self.try_ways(turn);
        let limits = &self.config.limits;
        let late = |slot: &Slot| slot.deadline(limits).is_some_and(|at| at <= now);
        let sessions: Vec<_> =
            self.sessions.iter().filter(|(_, slot)| late(slot)).map(|(id, _)| *id).collect();
        for session in sessions {
            self.session_timed_out(session, turn);
        }
        let late = |transfer: &Transfer| transfer.deadline().is_some_and(|at| at <= now);
        let transfers: Vec<_> =
            self.transfers.iter().filter(|(_, t)| late(t)).map(|(id, _)| *id).collect();
        for transfer in transfers {
            if let Some(late) = self.transfers.get(&transfer) {
                let error = late.timed_out(&self.config.limits);
                self.transfer_failed(transfer, error, turn);
            }
        }
    }
}
