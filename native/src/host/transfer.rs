//! Files on their way, each on a blocking thread of its own.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use xcher_core::peer::{ConnId, Direction, Input, ReceiveEnd, SessionId, TransferId};
use xcher_core::stream::Seal;
use xcher_core::{FileName, NotStored, Size, Stat};

use super::open::Opened;
use super::resume::Found;
use super::task_report::Happened;
use super::{Host, LIST_STEP, LOOK};
use crate::data::{self, Sealing, SendEnd, Store, Throttle};
use crate::files::reason;

/// A file on its way.
pub(super) struct Moving {
    conn: ConnId,
    /// The socket: to be shut down when a file that comes is to stop, which wakes the thread.
    socket: TcpStream,
    /// Of a file that goes the socket is not shut down: that would end the stream as if the file ended
    /// there.
    goes: bool,
    throttle: Arc<Throttle>,
    bytes: Arc<AtomicU64>,
    /// Bytes and moves that were told.
    told: (u64, u64),
    /// It stops, and what was received of it stays.
    pub(super) abandoned: bool,
}

impl Host {
    pub(super) fn send(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        name: FileName,
        size: Size,
        from: u64,
        seal: Option<Seal>,
    ) {
        let Some(size) = size.exact() else {
            return self.send_pipe(transfer, conn, &name, seal);
        };
        // It is opened before there is a connection.
        let Some(Opened { file, mark, begun }) = self.opened.remove(&transfer) else { return };
        let moving = self.begin(transfer, conn, Direction::Send);
        let Some((socket, sent, throttle)) = moving else { return };
        let reporter = self.reporter.clone();
        tokio::task::spawn_blocking(move || {
            let end = match seal {
                None => data::send(&socket, &file, size, mark, &sent, &throttle),
                Some(seal) => {
                    sent.store(from, Ordering::Relaxed);
                    let sealing = Sealing { seal, prefix: begun, mark: Some(mark) };
                    data::send_sealed(&socket, &file, size, sealing, &sent, &throttle)
                }
            };
            drop(socket);
            let bytes = sent.load(Ordering::Relaxed);
            let why = unsent(&end, size).map(Into::into);
            let unsent = Vec::new();
            let _ = reporter.blocking_send(Happened::SendEnded { transfer, bytes, unsent, why });
        });
    }

    pub(super) fn receive(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        name: FileName,
        size: Size,
        from: u64,
        mut seal: Option<Seal>,
    ) {
        if self.receive_into_stream(transfer, conn, &name, size, &mut seal) {
            return;
        }
        let found = self.found.remove(&transfer);
        let begun = self.begin(transfer, conn, Direction::Receive);
        let Some((socket, received, throttle)) = begun else { return };
        let (inbox, reporter) = (self.inbox.clone(), self.reporter.clone());
        let buffers = self.buffers.clone();
        tokio::task::spawn_blocking(move || {
            let most_unknown = inbox.as_ref().and_then(|inbox| inbox.max_unknown());
            let created = match (found, &inbox) {
                (Some(found), _) => found.from(from).map_err(|error| disk(reason(&error), error)),
                (None, Some(inbox)) => {
                    let created = inbox.create(&name, None);
                    created.map(Found::new).map_err(|error| disk(error.reason(), error))
                }
                (None, None) => Err(disk(NotStored::Other, "this host receives no files")),
            };
            let (end, digests, partial) = match created {
                Ok(Found { partial, begun }) => {
                    received.store(from, Ordering::Relaxed);
                    let unknown = size.is_unknown();
                    let limit = match unknown {
                        true => most_unknown,
                        false => Some(size.limit()),
                    };
                    let file = Store::disk(partial.file(), unknown);
                    let (end, digests) = match seal {
                        None => {
                            let end =
                                data::receive(&socket, file, limit, &received, &buffers, &throttle);
                            (end, None)
                        }
                        Some(seal) => {
                            let sealing = Sealing { seal, prefix: begun, mark: None };
                            data::receive_sealed(
                                &socket, file, limit, sealing, &received, &buffers, &throttle,
                            )
                        }
                    };
                    let end = match received_end(end) {
                        ReceiveEnd::Excess if unknown => {
                            let most = most_unknown.unwrap_or_default();
                            let why = format!("it has more than the {most} bytes of --max-size");
                            disk(NotStored::TooLarge, why)
                        }
                        end => end,
                    };
                    // What cannot be gone on with is in the way.
                    let partial = if unknown && end != ReceiveEnd::Eof {
                        partial.worthless()
                    } else {
                        partial
                    };
                    (end, digests, Some(partial))
                }
                Err(end) => (end, None, None),
            };
            drop(socket);
            // Whoever is told that a transfer is over may look at the folder.
            drop(inbox);
            let bytes = received.load(Ordering::Relaxed);
            let report = Happened::ReceiveEnded { transfer, bytes, digests, end, partial };
            let _ = reporter.blocking_send(report);
        });
    }

    /// Makes the data connection a blocking one. A connection that will not be made so is closed,
    /// and the state machine's time-out ends the transfer.
    pub(super) fn begin(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        direction: Direction,
    ) -> Option<(TcpStream, Arc<AtomicU64>, Arc<Throttle>)> {
        let socket = self.idle.remove(&conn)?.into_std().ok()?;
        socket.set_nonblocking(false).ok()?;
        let goes = direction == Direction::Send;
        let rate = if goes { &self.rates.send } else { &self.rates.receive };
        if let (false, Some(rate)) = (goes, rate.limit()) {
            hold_back(&socket, rate);
        }
        let throttle = Arc::new(Throttle::new(rate));
        let bytes = Arc::new(AtomicU64::new(0));
        let moving = Moving {
            conn,
            socket: socket.try_clone().ok()?,
            goes,
            throttle: throttle.clone(),
            bytes: bytes.clone(),
            told: (0, 0),
            abandoned: false,
        };
        if self.moving.is_empty() {
            self.looked = Instant::now();
        }
        self.moving.insert(transfer, moving);
        Some((socket, bytes, throttle))
    }

    pub(super) fn store(&mut self, transfer: TransferId, stat: Stat) {
        let Some(partial) = self.partials.remove(&transfer) else {
            return self.store_in_stream(transfer);
        };
        let reporter = self.reporter.clone();
        tokio::task::spawn_blocking(move || {
            let report = match partial.store(Some(stat.into())) {
                Ok(name) => Happened::Stored { transfer, name },
                Err(error) => {
                    let (reason, why) = (error.reason(), error.to_string().into());
                    Happened::StoreFailed { transfer, reason, why }
                }
            };
            let _ = reporter.blocking_send(report);
        });
    }

    pub(super) fn abandon(&mut self, transfer: TransferId) {
        self.stop_looking(transfer);
        if let Some(moving) = self.moving.get_mut(&transfer) {
            moving.abandoned = true;
        }
        if let Some(partial) = self.partials.remove(&transfer) {
            self.keep(transfer, partial);
        }
    }

    pub(super) fn stop_moving(&mut self, conn: ConnId) {
        for moving in self.moving.values().filter(|moving| moving.conn == conn) {
            moving.throttle.stop();
            if !moving.goes {
                // Not connected any more means that it has stopped.
                let _ = moving.socket.shutdown(Shutdown::Both);
            }
        }
    }

    pub(super) fn look_at_transfers(&mut self) {
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        let mut moved = Vec::new();
        let mut slow = Vec::new();
        for (transfer, moving) in &mut self.moving {
            let bytes = moving.bytes.load(Ordering::Relaxed);
            // Of a record that is not whole, too: on a slow way it does not stand still.
            let now = (bytes, moving.throttle.moves());
            if now != moving.told && !moving.abandoned {
                moving.told = now;
                moved.push((*transfer, bytes));
            } else if moving.throttle.is_writing() {
                slow.push(*transfer);
            }
        }
        for transfer in slow {
            self.input(Input::Backpressure { transfer });
        }
        for (transfer, bytes) in moved {
            self.input(Input::Progress { transfer, bytes });
        }
    }

    pub(super) fn list_next(&mut self, session: SessionId) {
        let mut walk = self.walks.remove(&session).unwrap_or_else(|| self.shares.walk());
        let reporter = self.reporter.clone();
        tokio::task::spawn_blocking(move || {
            let chunk = walk.next_chunk(LIST_STEP);
            let _ = reporter.blocking_send(Happened::Listed { session, walk, chunk });
        });
    }

    pub(super) fn find(&mut self, session: SessionId, name: FileName) {
        let (shares, reporter) = (self.shares.clone(), self.reporter.clone());
        tokio::task::spawn_blocking(move || {
            let found = shares.look(&name);
            let _ = reporter.blocking_send(Happened::Found { session, found });
        });
    }
}

/// What the system takes ahead of its reader is not counted: it is to be no more than a moment's.
fn hold_back(socket: &TcpStream, rate: u64) {
    let room = usize::try_from(rate / 8).unwrap_or(usize::MAX).max(16 << 10);
    if room < 1 << 20 {
        let _ = socket2::SockRef::from(socket).set_recv_buffer_size(room);
    }
}

/// Why a file was not sent whole.
pub(super) fn unsent(end: &SendEnd, size: u64) -> Option<String> {
    match end {
        SendEnd::Complete => None,
        SendEnd::FileShrank { sent } => {
            Some(format!("expected a file of {size} bytes, got its end after {sent}"))
        }
        SendEnd::FileChanged => Some("the file changed while it was sent".to_owned()),
        SendEnd::FileError(error) => Some(format!("the file cannot be read: {error}")),
        SendEnd::SocketError(error) => Some(format!("the data connection broke: {error}")),
        SendEnd::SecureError(error) => Some(error.to_string()),
    }
}

pub(super) fn received_end(end: data::ReceiveEnd) -> ReceiveEnd {
    match end {
        data::ReceiveEnd::Eof { .. } => ReceiveEnd::Eof,
        data::ReceiveEnd::Excess { .. } => ReceiveEnd::Excess,
        data::ReceiveEnd::SocketError(error) => ReceiveEnd::Broken(error.to_string().into()),
        data::ReceiveEnd::SecureError(error) => ReceiveEnd::Broken(error.to_string().into()),
        data::ReceiveEnd::FileError(error) => {
            disk(reason(&error), format_args!("the file cannot be written: {error}"))
        }
    }
}

/// The bytes of a file cannot be kept.
pub(super) fn disk(reason: NotStored, why: impl std::fmt::Display) -> ReceiveEnd {
    ReceiveEnd::Disk { reason, why: why.to_string().into() }
}
