//! Reports of a host's tasks.

use std::net::SocketAddr;

use tokio::net::TcpStream;
use xcher_core::peer::{
    BatchFileEnd, ConnId, Input, ListenerId, Purpose, ReceiveEnd, SessionId, TransferId,
};
use xcher_core::stream::Digests;
use xcher_core::{FileName, Kind, Nick, NotStored, Size};

use super::Host;
use super::connection::{Connection, WhyClosed};
use super::event::HostEvent;
use super::link::Link;
use super::opened_file::OpenedFile;
use super::partial_prefix::PartialPrefix;
use super::tunnel::Tunnel;
use crate::files::{Chunk, NotShared, Partial, Walk};
use crate::keys::KeysError;

/// [`Input`], with the sockets and files that belong to the driver.
pub(super) enum TaskReport {
    Connected {
        conn: ConnId,
        connection: Connection,
        purpose: Purpose,
    },
    ConnectFailed {
        conn: ConnId,
        why: Box<str>,
    },
    /// The bridge allocated a port.
    Allocated {
        listener: ListenerId,
        at: SocketAddr,
    },
    /// This host listens on a port of its own.
    #[cfg(feature = "map-ports")]
    Listening {
        listener: ListenerId,
        port: u16,
    },
    ListenFailed {
        listener: ListenerId,
        why: Box<str>,
    },
    Accepted {
        listener: ListenerId,
        stream: TcpStream,
        /// The tunnel in which it is a stream.
        tunnel: Option<Tunnel>,
        local: SocketAddr,
        remote: SocketAddr,
        purpose: Purpose,
    },
    /// A link was established at the port of a listener, with its control connection.
    Linked {
        listener: ListenerId,
        link: Box<Link>,
        stream: TcpStream,
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
        found: Option<PartialPrefix>,
    },
    Opened {
        transfer: TransferId,
        opened: Result<OpenedFile, Box<str>>,
    },
    BatchMoved {
        transfer: TransferId,
        files: Vec<(TransferId, BatchFileEnd)>,
    },
    /// A pipe has ended, and its length is known.
    PipeEnded {
        transfer: TransferId,
        bytes: u64,
    },
    SendEnded {
        transfer: TransferId,
        bytes: u64,
        /// Files of a batch that were left out, with the reasons.
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
    /// Keeps the driver's part of a report and passes the rest to the state machine.
    pub(super) fn handle_report(&mut self, report: TaskReport) {
        match report {
            TaskReport::Connected { conn, connection, purpose } => {
                // Closed meanwhile.
                if self.dials.remove(&conn).is_none() {
                    return;
                }
                let Connection { stream, local, remote, tunnel, why_closed } = connection;
                if self.relay_conn == Some(conn) {
                    self.relay_at = Some(remote);
                }
                if let (Some(tunnel), Purpose::Control) = (tunnel, purpose) {
                    self.tunnels.insert(conn, tunnel);
                }
                self.adopt(conn, stream, purpose, why_closed);
                self.input(Input::Connected { conn, local, remote });
                self.permit_read(conn);
            }
            TaskReport::ConnectFailed { conn, why } => {
                if self.dials.remove(&conn).is_some() {
                    self.input(Input::ConnectFailed { conn, why });
                }
            }
            TaskReport::Allocated { listener, at } => {
                let (allocated_at, port) = (Some(at.ip()), at.port());
                self.input(Input::Listening { listener, allocated_at, port });
            }
            #[cfg(feature = "map-ports")]
            TaskReport::Listening { listener, port } => {
                self.input(Input::Listening { listener, allocated_at: None, port });
            }
            TaskReport::ListenFailed { listener, why } => {
                self.listeners.remove(&listener);
                self.input(Input::ListenFailed { listener, why });
            }
            TaskReport::Accepted { listener, stream, tunnel, local, remote, purpose } => {
                if !self.listeners.contains_key(&listener) {
                    return;
                }
                let conn = self.peer.new_conn();
                if let (Some(tunnel), Purpose::Control) = (tunnel, purpose) {
                    self.tunnels.insert(conn, tunnel);
                }
                self.adopt(conn, stream, purpose, WhyClosed::default());
                self.input(Input::Accepted { listener, conn, local, remote });
                self.permit_read(conn);
            }
            TaskReport::Linked { listener, link, stream } => {
                if !self.listeners.contains_key(&listener) {
                    return;
                }
                let conn = self.peer.new_conn();
                let (local, remote) = link.addresses();
                self.links.insert(conn, *link);
                self.adopt(conn, stream, Purpose::Control, WhyClosed::default());
                self.input(Input::Accepted { listener, conn, local, remote });
                self.permit_read(conn);
            }
            TaskReport::Received { conn, bytes } => {
                if self.packet_connections.contains_key(&conn) {
                    self.input(Input::Received { conn, bytes: &bytes });
                    self.permit_read(conn);
                }
            }
            TaskReport::Sent { conn, bytes } => self.input(Input::Sent { conn, bytes }),
            TaskReport::Closed { conn, why } => {
                if let Some(connection) = self.packet_connections.remove(&conn) {
                    connection.abort();
                    if let Some(link) = self.links.remove(&conn) {
                        self.closing.spawn(link.close());
                    }
                    self.tunnels.remove(conn);
                    self.input(Input::Closed { conn, why });
                }
            }
            TaskReport::Listed { session, walk, chunk } => {
                let left: Vec<_> =
                    chunk.not_shared.iter().filter_map(NotShared::left_out).collect();
                if !left.is_empty() {
                    self.input(Input::LeftOut { session, left });
                }
                self.events.extend(chunk.not_shared.into_iter().map(HostEvent::NotShared));
                self.events.extend(chunk.escaped.into_iter().map(HostEvent::Escaped));
                if !chunk.done {
                    self.walks.insert(session, walk);
                }
                let done = chunk.done;
                let entries = chunk.entries.into_iter().map(Into::into).collect();
                self.input(Input::Entries { session, entries, done });
            }
            TaskReport::Found { session, found } => {
                let (size, kind) = found.unzip();
                let kind = kind.unwrap_or_default();
                self.input(Input::Found { session, size, kind });
            }
            TaskReport::PartialFound { transfer, found } => self.partial_found(transfer, found),
            TaskReport::Opened { transfer, opened } => self.opened(transfer, opened),
            TaskReport::BatchMoved { transfer, files } => {
                self.input(Input::BatchProgress { transfer, files });
            }
            TaskReport::PipeEnded { transfer, bytes } => {
                self.input(Input::Progress { transfer, bytes })
            }
            TaskReport::SendEnded { transfer, bytes, unsent, why } => {
                self.transfers.remove(&transfer);
                self.input(Input::SendEnded { transfer, bytes, unsent, why });
            }
            TaskReport::ReceiveEnded { transfer, bytes, digests, end, partial } => {
                let abandoned =
                    self.transfers.remove(&transfer).is_none_or(|transfer| transfer.abandoned);
                match partial {
                    Some(partial) if abandoned => self.keep(transfer, partial),
                    Some(partial) => {
                        self.partials.insert(transfer, partial);
                    }
                    None => {}
                }
                if abandoned {
                    self.session_of.remove(&transfer);
                } else {
                    self.input(Input::ReceiveEnded { transfer, bytes, digests, end });
                }
            }
            TaskReport::Stored { transfer, name } => self.input(Input::Stored { transfer, name }),
            TaskReport::StoreFailed { transfer, reason, why } => {
                self.input(Input::StoreFailed { transfer, reason, why });
            }
            TaskReport::PinFailed { nick, why } => {
                self.events.push_back(HostEvent::PinFailed { nick, why });
            }
        }
    }
}
