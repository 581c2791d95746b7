//! What the tasks of a host report to it.

use std::net::SocketAddr;

use tokio::net::TcpStream;
use xcher_core::peer::{
    BatchFileEnd, ConnId, Input, ListenerId, Purpose, ReceiveEnd, SessionId, TransferId,
};
use xcher_core::stream::Digests;
use xcher_core::{FileName, Kind, Nick, NotStored, Size};

use super::dial::Dialled;
use super::open::Opened;
use super::resume::Found;
use super::{Host, Told};
use crate::files::{Chunk, Partial, Skipped, Walk};
use crate::keys::KeysError;

/// [`Input`] with what belongs to the driver: sockets, files.
pub(super) enum Happened {
    Connected {
        conn: ConnId,
        dialled: Dialled,
        purpose: Purpose,
    },
    ConnectFailed {
        conn: ConnId,
        why: Box<str>,
    },
    /// A port was lent.
    Lent {
        listener: ListenerId,
        at: SocketAddr,
    },
    ListenFailed {
        listener: ListenerId,
        why: Box<str>,
    },
    Accepted {
        listener: ListenerId,
        stream: TcpStream,
        local: SocketAddr,
        remote: SocketAddr,
        purpose: Purpose,
    },
    Received {
        conn: ConnId,
        bytes: Vec<u8>,
    },
    Sent {
        conn: ConnId,
        bytes: usize,
    },
    Closed {
        conn: ConnId,
        why: Option<Box<str>>,
    },
    Listed {
        session: SessionId,
        walk: Walk,
        chunk: Chunk,
    },
    Found {
        session: SessionId,
        found: Option<(Size, Kind)>,
    },
    PartialFound {
        transfer: TransferId,
        found: Option<Found>,
    },
    Opened {
        transfer: TransferId,
        opened: Result<Opened, Box<str>>,
    },
    BatchMoved {
        transfer: TransferId,
        files: Vec<(TransferId, BatchFileEnd)>,
    },
    /// A pipe is at its end.
    Moved {
        transfer: TransferId,
        bytes: u64,
    },
    SendEnded {
        transfer: TransferId,
        bytes: u64,
        /// Files of a batch that were left out.
        unsent: Vec<(usize, Box<str>)>,
        why: Option<Box<str>>,
    },
    ReceiveEnded {
        transfer: TransferId,
        bytes: u64,
        digests: Option<Digests>,
        end: ReceiveEnd,
        partial: Option<Partial>,
    },
    Stored {
        transfer: TransferId,
        name: FileName,
    },
    StoreFailed {
        transfer: TransferId,
        reason: NotStored,
        why: Box<str>,
    },
    PinFailed {
        nick: Option<Nick>,
        why: KeysError,
    },
}

impl Host {
    /// Keeps what is the driver's and passes the rest on.
    pub(super) fn happened(&mut self, report: Happened) {
        match report {
            Happened::Connected { conn, dialled, purpose } => {
                // Closed meanwhile.
                if self.dials.remove(&conn).is_none() {
                    return;
                }
                let Dialled { stream, local, remote, tunnel } = dialled;
                if tunnel.is_some() {
                    self.tunnel = tunnel;
                }
                self.adopt(conn, stream, purpose);
                self.input(Input::Connected { conn, local, remote });
                self.read_on(conn);
            }
            Happened::ConnectFailed { conn, why } => {
                if self.dials.remove(&conn).is_some() {
                    self.input(Input::ConnectFailed { conn, why });
                }
            }
            Happened::Lent { listener, at } => {
                let (allocated_at, port) = (Some(at.ip()), at.port());
                self.input(Input::Listening { listener, allocated_at, port });
            }
            Happened::ListenFailed { listener, why } => {
                self.ports.remove(&listener);
                self.input(Input::ListenFailed { listener, why });
            }
            Happened::Accepted { listener, stream, local, remote, purpose } => {
                if !self.ports.contains_key(&listener) {
                    return;
                }
                let conn = self.peer.new_conn();
                self.adopt(conn, stream, purpose);
                self.input(Input::Accepted { listener, conn, local, remote });
                self.read_on(conn);
            }
            Happened::Received { conn, bytes } => {
                if self.links.contains_key(&conn) {
                    self.input(Input::Received { conn, bytes: &bytes });
                    self.read_on(conn);
                }
            }
            Happened::Sent { conn, bytes } => self.input(Input::Sent { conn, bytes }),
            Happened::Closed { conn, why } => {
                if let Some(link) = self.links.remove(&conn) {
                    link.drop_now();
                    self.input(Input::Closed { conn, why });
                }
            }
            Happened::Listed { session, walk, chunk } => {
                let left: Vec<_> = chunk.skipped.iter().filter_map(Skipped::left_out).collect();
                if !left.is_empty() {
                    self.input(Input::LeftOut { session, left });
                }
                self.told.extend(chunk.skipped.into_iter().map(Told::Skipped));
                self.told.extend(chunk.escaped.into_iter().map(Told::Escaped));
                if !chunk.done {
                    self.walks.insert(session, walk);
                }
                let done = chunk.done;
                let entries = chunk.entries.into_iter().map(Into::into).collect();
                self.input(Input::Entries { session, entries, done });
            }
            Happened::Found { session, found } => {
                let (size, kind) = found.unzip();
                let kind = kind.unwrap_or_default();
                self.input(Input::Found { session, size, kind });
            }
            Happened::PartialFound { transfer, found } => self.partial_found(transfer, found),
            Happened::Opened { transfer, opened } => self.opened(transfer, opened),
            Happened::BatchMoved { transfer, files } => {
                self.input(Input::BatchProgress { transfer, files });
            }
            Happened::Moved { transfer, bytes } => self.input(Input::Progress { transfer, bytes }),
            Happened::SendEnded { transfer, bytes, unsent, why } => {
                self.moving.remove(&transfer);
                self.input(Input::SendEnded { transfer, bytes, unsent, why });
            }
            Happened::ReceiveEnded { transfer, bytes, digests, end, partial } => {
                let abandoned = self.moving.remove(&transfer).is_none_or(|moving| moving.abandoned);
                match partial {
                    Some(partial) if abandoned => self.keep(transfer, partial),
                    Some(partial) => {
                        self.partials.insert(transfer, partial);
                    }
                    None => {}
                }
                if abandoned {
                    self.sessions.remove(&transfer);
                } else {
                    self.input(Input::ReceiveEnded { transfer, bytes, digests, end });
                }
            }
            Happened::Stored { transfer, name } => self.input(Input::Stored { transfer, name }),
            Happened::StoreFailed { transfer, reason, why } => {
                self.input(Input::StoreFailed { transfer, reason, why });
            }
            Happened::PinFailed { nick, why } => self.pin_failed(nick, why),
        }
    }
}
