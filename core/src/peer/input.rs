//! The reports of a driver to a [`Peer`](crate::Peer).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::{ConnId, LinkReport, ListenerId, SessionId, TransferId};
use crate::stream::{Digest, Digests};
use crate::{FileName, Kind, LeftOut, NotStored, SharedFile, Size};

/// A report of the driver. One about something that is already closed or ended is ignored.
///
/// The enum is exhaustive on purpose, as [`Action`](super::Action) is: its variants answer the actions.
#[derive(Debug)]
pub enum Input<'a> {
    /// A dial succeeded.
    Connected {
        /// The connection, as the action named it.
        conn: ConnId,
        /// The address of this end.
        local: SocketAddr,
        /// The address of the other end.
        remote: SocketAddr,
    },
    /// A dial failed.
    ConnectFailed {
        /// The connection, as the action named it.
        conn: ConnId,
        /// The system's reason.
        why: Box<str>,
    },
    /// Bytes arrived on the relay's or a control connection.
    Received {
        /// The connection.
        conn: ConnId,
        /// The bytes, split anywhere.
        bytes: &'a [u8],
    },
    /// Bytes written to a connection were sent.
    Sent {
        /// The connection.
        conn: ConnId,
        /// The number of bytes since the last such input.
        bytes: usize,
    },
    /// The relay's or a control connection was closed by the other end, or broke.
    Closed {
        /// The connection.
        conn: ConnId,
        /// The system's reason, if it broke.
        why: Option<Box<str>>,
    },
    /// A listener is open.
    Listening {
        /// The listener.
        listener: ListenerId,
        /// The address at which others reach it, if it is not this host's own: a bridge allocated the port.
        allocated_at: Option<IpAddr>,
        /// Its port.
        port: u16,
    },
    /// A listener could not be opened.
    ListenFailed {
        /// The listener.
        listener: ListenerId,
        /// The system's reason.
        why: Box<str>,
    },
    /// A listener accepted a connection.
    Accepted {
        /// The listener.
        listener: ListenerId,
        /// The connection's id, from [`Peer::new_conn`](crate::Peer::new_conn).
        conn: ConnId,
        /// The address of this end.
        local: SocketAddr,
        /// The address of the other end.
        remote: SocketAddr,
    },
    /// A report about the link of a session (section 24).
    Link {
        /// The session.
        session: SessionId,
        /// The report.
        report: LinkReport,
    },
    /// The answer to [`Action::List`](super::Action::List): the next entries, in any order.
    Entries {
        /// The session.
        session: SessionId,
        /// The entries.
        entries: Vec<SharedFile>,
        /// True if these were the last.
        done: bool,
    },
    /// The files of a list that cannot be sent, right before the [`Input::Entries`] to which they belong.
    LeftOut {
        /// The session.
        session: SessionId,
        /// The files, and why.
        left: Vec<LeftOut>,
    },
    /// The answer to [`Action::Find`](super::Action::Find).
    Found {
        /// The session.
        session: SessionId,
        /// Exact, or [`Size::UNKNOWN`]; `None` if the file is not shared.
        size: Option<Size>,
        /// A file, a folder or a link.
        kind: Kind,
    },
    /// The answer to [`Action::FindPartial`](super::Action::FindPartial).
    PartialFound {
        /// The transfer.
        transfer: TransferId,
        /// The length of the partial file and its digest; `None` if there is none.
        has: Option<(u64, Digest)>,
    },
    /// The answer to [`Action::Open`](super::Action::Open).
    Opened {
        /// The transfer.
        transfer: TransferId,
        /// The digest of its first bytes, or why the file cannot be read or has changed.
        digest: Result<Digest, Box<str>>,
    },
    /// A transfer made progress. For a file of unknown size, its final length is reported before its end
    /// is sent.
    Progress {
        /// The transfer.
        transfer: TransferId,
        /// Bytes so far, those of an earlier attempt included.
        bytes: u64,
    },
    /// Received bytes of a file wait for their reader on this host, so its provider is not late. The driver
    /// reports every such transfer before the [`Tick`](Self::Tick) that would find it late.
    Backpressure {
        /// The transfer.
        transfer: TransferId,
    },
    /// The driver has every byte of a file, or of all files of a batch that are still to be stored, and stores
    /// them later, together with others. Until then they take no place among the transfers under way.
    Deferred {
        /// The transfer, or that of the batch.
        transfer: TransferId,
    },
    /// As [`Backpressure`](Self::Backpressure), for the entries of a list.
    ListBackpressure {
        /// The session.
        session: SessionId,
    },
    /// Files of a batch arrived, or did not.
    BatchProgress {
        /// The transfer of the batch.
        transfer: TransferId,
        /// The end of each file.
        files: Vec<(TransferId, BatchFileEnd)>,
    },
    /// [`Action::Send`](super::Action::Send) has ended.
    SendEnded {
        /// The transfer.
        transfer: TransferId,
        /// Bytes sent, and those of an earlier attempt.
        bytes: u64,
        /// The files of [`Action::SendBatch`](super::Action::SendBatch) that were not sent, by their index,
        /// and why.
        unsent: Vec<(usize, Box<str>)>,
        /// `None` if every byte of the other files was sent; else the reason.
        why: Option<Box<str>>,
    },
    /// [`Action::Receive`](super::Action::Receive) has ended, and the data connection with it.
    ReceiveEnded {
        /// The transfer.
        transfer: TransferId,
        /// Bytes kept, those of an earlier attempt included.
        bytes: u64,
        /// Its digests, if it came with one.
        digests: Option<Digests>,
        /// The end of its data connection.
        end: ReceiveEnd,
    },
    /// [`Action::Store`](super::Action::Store) succeeded.
    Stored {
        /// The transfer.
        transfer: TransferId,
        /// The name that the file has now.
        name: FileName,
    },
    /// [`Action::Store`](super::Action::Store) failed.
    StoreFailed {
        /// The transfer.
        transfer: TransferId,
        /// The reason to report to the provider.
        reason: NotStored,
        /// The system's reason, and where the bytes are.
        why: Box<str>,
    },
    /// Time passed.
    Tick,
}

/// The end of the data connection of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiveEnd {
    /// The provider closed it.
    Eof,
    /// More bytes arrived than [`Action::Receive`](super::Action::Receive) announced. They were not kept.
    Excess,
    /// The connection broke: the system's reason.
    Broken(Box<str>),
    /// The bytes could not be kept.
    Disk {
        /// The reason to report to the provider.
        reason: NotStored,
        /// The system's reason.
        why: Box<str>,
    },
}

/// The end of one file of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchFileEnd {
    /// It is stored under this name.
    Stored(FileName),
    /// The provider did not send it.
    Missing,
    /// The digest of its bytes is not the provider's.
    Altered,
    /// The connection ended before it was complete; with the system's reason, if it broke.
    Incomplete(Option<Box<str>>),
    /// It could not be stored.
    Failed {
        /// The reason to report to the provider.
        reason: NotStored,
        /// The system's reason.
        why: Box<str>,
    },
}
