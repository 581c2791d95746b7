//! What a driver reports to a [`Peer`](crate::Peer).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::{ConnId, ListenerId, SessionId, TransferId};
use crate::stream::{Digest, Digests};
use crate::{FileName, Kind, LeftOut, NotStored, SharedFile, Size};

/// What happened. Inputs that name something already gone are passed over.
#[derive(Debug)]
pub enum Input<'a> {
    /// A dial succeeded.
    Connected {
        /// As the action named it.
        conn: ConnId,
        /// This end.
        local: SocketAddr,
        /// The other end.
        remote: SocketAddr,
    },
    /// A dial failed.
    ConnectFailed {
        /// As the action named it.
        conn: ConnId,
        /// The system's reason.
        why: Box<str>,
    },
    /// Bytes came on the relay's or a control connection.
    Received {
        /// On which.
        conn: ConnId,
        /// Split anywhere.
        bytes: &'a [u8],
    },
    /// So many of the bytes written to a connection are on their way.
    Sent {
        /// On which.
        conn: ConnId,
        /// How many since the last such input.
        bytes: usize,
    },
    /// The relay's or a control connection ended, by the other side or by a fault.
    Closed {
        /// Which.
        conn: ConnId,
        /// The system's reason, if it was a fault.
        why: Option<Box<str>>,
    },
    /// A listener stands.
    Listening {
        /// Which.
        listener: ListenerId,
        /// At this address for others, where that is none of this host's: a port lent by a bridge.
        allocated_at: Option<IpAddr>,
        /// On this port.
        port: u16,
    },
    /// A listener could not be had.
    ListenFailed {
        /// Which.
        listener: ListenerId,
        /// The system's reason.
        why: Box<str>,
    },
    /// Someone connected to a listener.
    Accepted {
        /// Which.
        listener: ListenerId,
        /// From [`Peer::new_conn`](crate::Peer::new_conn).
        conn: ConnId,
        /// This end.
        local: SocketAddr,
        /// The other end.
        remote: SocketAddr,
    },
    /// The answer to [`Action::List`](super::Action::List): the next files, in any order.
    Entries {
        /// For which session.
        session: SessionId,
        /// What there is.
        entries: Vec<SharedFile>,
        /// Whether these were the last.
        done: bool,
    },
    /// What of the next files cannot be sent: right before the [`Input::Entries`] that it belongs to.
    LeftOut {
        /// For which session.
        session: SessionId,
        /// What it is.
        left: Vec<LeftOut>,
    },
    /// The answer to [`Action::Find`](super::Action::Find): the file's size, if it is shared.
    Found {
        /// For which session.
        session: SessionId,
        /// Exact, or [`Size::UNKNOWN`]; `None` for a file that is not shared.
        size: Option<Size>,
        /// What it is.
        kind: Kind,
    },
    /// The answer to [`Action::FindPartial`](super::Action::FindPartial).
    PartialFound {
        /// For which transfer.
        transfer: TransferId,
        /// How many bytes of the file are here, and their sum; `None` if there are none.
        has: Option<(u64, Digest)>,
    },
    /// The answer to [`Action::Open`](super::Action::Open).
    Opened {
        /// For which transfer.
        transfer: TransferId,
        /// The sum of its beginning, or why the file cannot be read or is not what it was.
        digest: Result<Digest, Box<str>>,
    },
    /// A transfer moves. Of a file of unknown size it is said how long it was before its end is sent.
    Progress {
        /// Which.
        transfer: TransferId,
        /// Bytes so far, those of an earlier try included.
        bytes: u64,
    },
    /// Bytes of a file wait on this host for their reader: the other side is not late. A driver says so
    /// for every such transfer before the [`Tick`](Self::Tick) that would find it late.
    Backpressure {
        /// Which transfer.
        transfer: TransferId,
    },
    /// As [`Backpressure`](Self::Backpressure), of the entries of a list.
    ListBackpressure {
        /// Of which session.
        session: SessionId,
    },
    /// Files of a batch came, or did not.
    BatchProgress {
        /// Which transfer.
        transfer: TransferId,
        /// How each ended.
        files: Vec<(TransferId, BatchFileEnd)>,
    },
    /// [`Action::Send`](super::Action::Send) is over.
    SendEnded {
        /// Which.
        transfer: TransferId,
        /// Bytes sent, and those of an earlier try.
        bytes: u64,
        /// The files of [`Action::SendBatch`](super::Action::SendBatch) that were left out, by their place in it, and why.
        unsent: Vec<(usize, Box<str>)>,
        /// `None` if every byte was sent, but for those files; else the reason.
        why: Option<Box<str>>,
    },
    /// [`Action::Receive`](super::Action::Receive) is over, and the data connection with it.
    ReceiveEnded {
        /// Which.
        transfer: TransferId,
        /// Bytes kept, those of an earlier try included.
        bytes: u64,
        /// The sums of it, where it came with one.
        digests: Option<Digests>,
        /// How it ended.
        end: ReceiveEnd,
    },
    /// [`Action::Store`](super::Action::Store) is done.
    Stored {
        /// Which.
        transfer: TransferId,
        /// The name it has now.
        name: FileName,
    },
    /// [`Action::Store`](super::Action::Store) failed.
    StoreFailed {
        /// Which.
        transfer: TransferId,
        /// What the other side is told.
        reason: NotStored,
        /// The reason in words, and where the bytes are.
        why: Box<str>,
    },
    /// Nothing but the passing of time.
    Tick,
}

/// How a data connection that brought a file ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiveEnd {
    /// The other side closed it.
    Eof,
    /// More bytes came than the size that [`Action::Receive`](super::Action::Receive) named. They were not kept.
    Excess,
    /// The connection broke.
    Broken(Box<str>),
    /// The bytes could not be kept.
    Disk {
        /// What the other side is told.
        reason: NotStored,
        /// The system's reason.
        why: Box<str>,
    },
}

/// How one file of a batch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchFileEnd {
    /// It has this name now.
    Stored(FileName),
    /// The other side did not send it.
    Missing,
    /// Its sum is another than the one that was told.
    Altered,
    /// The connection ended before it was whole; with the system's reason, if it broke.
    Incomplete(Option<Box<str>>),
    /// It could not be stored.
    Failed {
        /// What the other side is told.
        reason: NotStored,
        /// The system's reason.
        why: Box<str>,
    },
}
