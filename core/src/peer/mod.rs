//! A complete host: its link to the relay, its sessions and its transfers (sections 3 to 6 and 8).
//!
//! [`Peer::handle`] takes what happened and returns what to do. It reads no clock: `now` is the time
//! since any fixed moment, and [`Peer::next_deadline`] says when to call it again with
//! [`Input::Tick`]. It moves no file: a driver does, and reports.

mod action;
mod admission;
mod call_guard;
mod call_path;
mod check;
mod commands;
mod config;
mod connect;
mod control;
mod data_connection;
mod decline;
mod encryption;
mod error;
mod establish;
mod event;
mod fair_share;
mod fetch_batch;
mod fetch_connect;
mod fetch_end;
mod fetch_refusal;
mod fetch_start;
mod id;
mod incoming_call;
mod input;
mod link;
mod link_state;
mod links;
mod near;
mod nick_list;
mod notice;
mod path;
mod path_selection;
mod progress;
mod punch;
mod receipts;
mod refused_request;
mod relay_link;
mod relay_login;
mod relay_move;
mod relay_packets;
mod responses;
mod role;
mod security;
mod serve_end;
mod serve_start;
mod session_command;
mod session_end;
mod session_entry;
mod transfers;
mod turn;
mod wait;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

pub use action::{Action, BatchFile, Purpose};
pub use config::{CallPolicy, Config, RelayToken};
pub use encryption::Encryption;
pub use error::{Error, ErrorKind, Interruption};
pub use event::{Delivery, Direction, Event};
pub use id::{ConnId, ListenerId, SessionId, TransferId};
pub use input::{BatchFileEnd, Input, ReceiveEnd};
pub use link::{LinkPolicy, LinkReport, LinkStep};
pub use notice::Notice;
pub use path::{Path, PathPolicy};
pub use refused_request::RefusedRequest;
pub use security::{KeyStatus, Security, WhyUnencrypted};
pub use session_command::SessionCommand;
pub use wait::Wait;

use litemap::LiteMap;

use crate::{FileName, MisuseError};
use call_guard::CallGuard;
use fair_share::Places;
use link_state::Link;
use relay_link::RelayLink;
use role::{ConnRole, ListenerRole};
use session_entry::SessionEntry;
use transfers::Transfers;
use turn::Turn;

/// A host as a state machine.
pub struct Peer {
    config: Config,
    last_id: u64,
    relay: RelayLink,
    /// The link that is to replace it, or the current one while the next is in its place.
    next_relay: Option<Box<RelayLink>>,
    conns: LiteMap<ConnId, ConnRole>,
    listeners: LiteMap<ListenerId, ListenerRole>,
    sessions: LiteMap<SessionId, Box<SessionEntry>>,
    transfers: Transfers,
    links: LiteMap<SessionId, Link>,
    guard: CallGuard,
    /// The places that callers take among the sessions.
    callers: Places,
    /// The places that requesters take among the files that leave this host.
    sending: Places,
    /// Set while a file waits for one of these.
    is_crowded: bool,
    encryption: Option<Encryption>,
    /// Piped input that was sent: it cannot be sent again.
    spent: Vec<FileName>,
    is_stopping: bool,
}

impl Peer {
    /// Returns a host that is not online yet, and encrypts nothing.
    pub fn new(config: Config) -> Self {
        let guard = CallGuard::new(&config.limits);
        Self {
            config,
            last_id: 0,
            relay: RelayLink::new(),
            next_relay: None,
            conns: LiteMap::new(),
            listeners: LiteMap::new(),
            sessions: LiteMap::new(),
            transfers: Transfers::default(),
            links: LiteMap::new(),
            guard,
            callers: Places::default(),
            sending: Places::default(),
            is_crowded: false,
            encryption: None,
            spent: Vec::new(),
            is_stopping: false,
        }
    }

    /// Goes online: [`Event::Online`] follows, or [`Event::Offline`].
    pub fn start(&mut self, now: Duration, actions: &mut Vec<Action>) {
        self.run(now, actions, |peer, turn| peer.dial_relay(turn));
    }

    /// Returns the id of a connection that a listener accepted.
    pub fn new_conn(&mut self) -> ConnId {
        ConnId(self.new_id())
    }

    /// Takes what happened; appends what to do.
    ///
    /// The driver carries out the actions in their order, all of them before the next call of this or any
    /// other method. An action with an immediate result puts an [`Input`] into a queue, which the driver
    /// drains in one loop: if `handle` were called from within an action, the peer would decide by its
    /// number of questions how deep the stack gets.
    pub fn handle(&mut self, input: Input<'_>, now: Duration, actions: &mut Vec<Action>) {
        // Other transfers can be late at this moment that the driver has still to report as slow here.
        let is_backpressure =
            matches!(input, Input::Backpressure { .. } | Input::ListBackpressure { .. });
        self.run(now, actions, |peer, turn| {
            peer.select_link(input.conn());
            peer.take(input, turn);
            peer.restore_link();
            if !is_backpressure {
                peer.pass_deadlines(turn);
            }
        });
    }

    /// Stops in order: sends X_END to every peer and to the relay, and cancels every transfer. The
    /// received part of a file stays in its temporary file. The driver carries out the actions and is
    /// done.
    pub fn stop(&mut self, now: Duration, actions: &mut Vec<Action>) {
        self.run(now, actions, |peer, turn| {
            peer.is_stopping = true;
            while let Some((&session, _)) = peer.sessions.first() {
                peer.leave(session, Some(Error::Cancelled), turn);
            }
            while let Some(transfer) = peer.transfers.first() {
                peer.transfer_failed(transfer, Error::Cancelled, turn);
            }
            peer.leave_relay(turn);
        });
    }

    /// Cancels one transfer. The received part of a file stays in its temporary file.
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
        self.run(now, actions, |peer, turn| {
            if peer.transfers.get(transfer).is_none() {
                return Err(MisuseError::NoTransfer);
            }
            peer.transfer_failed(transfer, Error::Cancelled, turn);
            Ok(())
        })
    }

    /// Returns true if a session is open or opening, or a transfer is running.
    pub fn is_busy(&self) -> bool {
        !(self.sessions.is_empty() && self.transfers.is_empty())
    }

    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Runs one input or command, and then asserts the invariants in debug builds.
    fn run<T>(
        &mut self,
        now: Duration,
        actions: &mut Vec<Action>,
        run: impl FnOnce(&mut Self, &mut Turn<'_>) -> T,
    ) -> T {
        let result = run(self, &mut Turn { now, actions });
        if cfg!(debug_assertions) {
            self.check_invariants();
        }
        result
    }

    fn take(&mut self, input: Input<'_>, turn: &mut Turn<'_>) {
        match input {
            Input::Connected { conn, local, remote } => match self.conns.get(&conn) {
                Some(ConnRole::Relay) => self.relay_connected(local, remote, turn),
                Some(ConnRole::Control(session)) => {
                    self.dialled(*session, conn, (local, remote), turn);
                }
                Some(ConnRole::Data(transfer)) => self.data_dialled(*transfer, turn),
                Some(ConnRole::Rendezvous(session)) => {
                    self.rendezvous_connected(*session, conn, turn);
                }
                Some(ConnRole::Waiting(_)) | None => turn.act(Action::Close { conn }),
            },
            Input::ConnectFailed { conn, why } => match self.conns.remove(&conn) {
                Some(ConnRole::Relay) => self.relay_lost(Error::Unreachable(why), turn),
                Some(ConnRole::Control(session)) => self.dial_failed(session, conn, why, turn),
                Some(ConnRole::Data(transfer)) => {
                    self.data_dial_failed(transfer, why, turn);
                }
                Some(ConnRole::Rendezvous(session)) => {
                    self.rendezvous_closed(session, Some(why), turn);
                }
                Some(ConnRole::Waiting(_)) | None => {}
            },
            Input::Received { conn, bytes } => match self.conns.get(&conn) {
                Some(ConnRole::Relay) => self.relay_received(bytes, turn),
                Some(&ConnRole::Control(session)) if self.awaits_greeting(session, conn) => {
                    self.near_received(session, conn, bytes, turn);
                }
                Some(ConnRole::Control(session)) => self.control_received(*session, bytes, turn),
                Some(ConnRole::Waiting(session)) => {
                    self.waiting_received(*session, conn, bytes, turn);
                }
                Some(ConnRole::Rendezvous(session)) => {
                    self.rendezvous_received(*session, bytes, turn);
                }
                Some(ConnRole::Data(_)) | None => {}
            },
            Input::Sent { conn, bytes } => {
                if let Some(ConnRole::Control(session)) = self.conns.get(&conn) {
                    self.control_sent(*session, bytes, turn);
                }
            }
            Input::Closed { conn, why } => match self.conns.remove(&conn) {
                Some(ConnRole::Relay) => self.relay_lost(Error::Closed(why), turn),
                Some(ConnRole::Control(session)) if self.awaits_greeting(session, conn) => {
                    let why = why.unwrap_or_else(|| "it closed the connection".into());
                    self.dial_failed(session, conn, why, turn);
                }
                Some(ConnRole::Control(session)) => self.control_closed(session, why, turn),
                Some(ConnRole::Waiting(session)) => self.waiting_closed(session, conn),
                Some(ConnRole::Rendezvous(session)) => self.rendezvous_closed(session, why, turn),
                Some(ConnRole::Data(_)) | None => {}
            },
            Input::Listening { listener, allocated_at, port } => {
                match self.listeners.get(&listener) {
                    Some(&ListenerRole::Control(session) | &ListenerRole::Punch(session))
                        if self.is_punched(session, listener) =>
                    {
                        self.rendezvous_listening(session, listener, turn);
                    }
                    Some(ListenerRole::Control(session)) => {
                        self.listening((*session, listener), allocated_at, port, turn);
                    }
                    Some(ListenerRole::Data(transfer)) => {
                        self.data_listening(*transfer, port, turn);
                    }
                    Some(ListenerRole::Punch(_)) | None => {}
                }
            }
            Input::ListenFailed { listener, why } => match self.listeners.remove(&listener) {
                Some(ListenerRole::Control(session) | ListenerRole::Punch(session))
                    if self.is_punched(session, listener) =>
                {
                    self.punch_failed(session, why, turn);
                }
                Some(ListenerRole::Control(session)) => {
                    self.listen_failed(session, listener, Error::Local(why), turn);
                }
                Some(ListenerRole::Data(transfer)) => {
                    self.transfer_failed(transfer, Error::Local(why), turn);
                }
                Some(ListenerRole::Punch(_)) | None => {}
            },
            Input::Accepted { listener, conn, local, remote } => {
                match self.listeners.get(&listener) {
                    Some(ListenerRole::Control(session)) => {
                        self.accepted(*session, listener, conn, (local, remote), turn);
                    }
                    Some(ListenerRole::Data(transfer)) => {
                        self.data_accepted(*transfer, conn, remote, turn);
                    }
                    Some(ListenerRole::Punch(session)) => {
                        self.punched(*session, conn, (local, remote), turn);
                    }
                    None => turn.act(Action::Close { conn }),
                }
            }
            Input::Link { session, report } => self.link_report(session, report, turn),
            Input::Entries { session, entries, done } => {
                self.entries(session, &entries, done, turn);
            }
            Input::LeftOut { session, left } => self.list_left_out(session, &left, turn),
            Input::Found { session, size, kind } => self.found(session, size, kind, turn),
            Input::PartialFound { transfer, has } => self.partial_found(transfer, has, turn),
            Input::Opened { transfer, digest } => self.opened(transfer, digest, turn),
            Input::Progress { transfer, bytes } => self.progress(transfer, bytes, turn),
            Input::Backpressure { transfer } => self.backpressure(transfer, turn),
            Input::Deferred { transfer } => self.deferred(transfer, turn),
            Input::ListBackpressure { session } => self.list_backpressure(session, turn),
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
    }
}
