//! What a driver tells a [`Peer`](crate::Peer), and what it is told to do.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::{Event, Path};
use crate::secure::PublicKey;
use crate::stream::{Seal, Sum, Sums};
use crate::{FileName, Kind, LeftOut, Listed, Nick, NotStored, Size, Stat};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);
    )*};
}

ids! {
    /// A connection: to the relay, a control connection or a data connection.
    ConnId,
    /// A port that is listened on.
    ListenerId,
    /// An exchange with one other host.
    SessionId,
    /// One file on its way, or waiting to be.
    TransferId,
}

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
        lent_at: Option<IpAddr>,
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
    /// The answer to [`Action::List`]: the next files, in any order.
    Entries {
        /// For which session.
        session: SessionId,
        /// What there is.
        entries: Vec<Listed>,
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
    /// The answer to [`Action::Find`]: the file's size, if it is shared.
    Found {
        /// For which session.
        session: SessionId,
        /// Exact, or [`Size::UNKNOWN`]; `None` for a file that is not shared.
        size: Option<Size>,
        /// What it is.
        kind: Kind,
    },
    /// The answer to [`Action::FindPartial`].
    PartialFound {
        /// For which transfer.
        transfer: TransferId,
        /// How many bytes of the file are here, and their sum; `None` if there are none.
        has: Option<(u64, Sum)>,
    },
    /// The answer to [`Action::Open`].
    Opened {
        /// For which transfer.
        transfer: TransferId,
        /// The sum of its beginning, or why the file cannot be read or is not what it was.
        sum: Result<Sum, Box<str>>,
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
    ReaderSlow {
        /// Which transfer.
        transfer: TransferId,
    },
    /// As [`ReaderSlow`](Self::ReaderSlow), of the entries of a list.
    ListReaderSlow {
        /// Of which session.
        session: SessionId,
    },
    /// Files of a batch came, or did not.
    BatchMoved {
        /// Which transfer.
        transfer: TransferId,
        /// How each ended.
        files: Vec<(TransferId, BatchFileEnd)>,
    },
    /// [`Action::Send`] is over.
    SendEnded {
        /// Which.
        transfer: TransferId,
        /// Bytes sent, and those of an earlier try.
        bytes: u64,
        /// The files of [`Action::SendBatch`] that were left out, by their place in it, and why.
        unsent: Vec<(usize, Box<str>)>,
        /// `None` if every byte was sent, but for those files; else the reason.
        why: Option<Box<str>>,
    },
    /// [`Action::Receive`] is over, and the data connection with it.
    ReceiveEnded {
        /// Which.
        transfer: TransferId,
        /// Bytes kept, those of an earlier try included.
        bytes: u64,
        /// The sums of it, where it came with one.
        sums: Option<Sums>,
        /// How it ended.
        end: ReceiveEnd,
    },
    /// [`Action::Store`] is done.
    Stored {
        /// Which.
        transfer: TransferId,
        /// The name it has now.
        name: FileName,
    },
    /// [`Action::Store`] failed.
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
    /// More bytes came than the size that [`Action::Receive`] named. They were not kept.
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

/// What a connection between two hosts is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Packets: the driver reads at once, and writes as told.
    Control,
    /// One file: the driver waits for [`Action::Send`] or [`Action::Receive`].
    Data,
}

/// One file of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchFile {
    /// Its own transfer.
    pub transfer: TransferId,
    /// Its name.
    pub name: FileName,
    /// Its size in bytes, at most [`batch::MAX_FILE`](crate::batch::MAX_FILE).
    pub size: u64,
    /// What else it is to have.
    pub stat: Stat,
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

/// What a driver is to do: all that it can do.
#[derive(Debug)]
pub enum Action {
    /// Connect to the relay.
    DialRelay {
        /// What to call the connection.
        conn: ConnId,
    },
    /// Connect to a host.
    Dial {
        /// What to call the connection.
        conn: ConnId,
        /// Where to.
        to: SocketAddr,
        /// Which way.
        path: Path,
        /// What for.
        purpose: Purpose,
    },
    /// Listen on a random free port, this host's or a bridge's.
    Listen {
        /// What to call the listener.
        listener: ListenerId,
        /// On this address of the host, where the port is its own.
        ip: IpAddr,
        /// Whose port.
        path: Path,
        /// What the connections that come are for.
        purpose: Purpose,
    },
    /// Stop listening.
    StopListening {
        /// Which.
        listener: ListenerId,
    },
    /// Write to the relay's or a control connection, after what was written before.
    Write {
        /// Which.
        conn: ConnId,
        /// What.
        bytes: Vec<u8>,
    },
    /// Read no more from a connection until told.
    Pause {
        /// Which.
        conn: ConnId,
    },
    /// Read on.
    Resume {
        /// Which.
        conn: ConnId,
    },
    /// Close a connection, once what was written to it is sent. A data connection closes at once,
    /// and no input about its transfer is waited for.
    Close {
        /// Which.
        conn: ConnId,
    },
    /// Give the next files of the list, some hundreds at a time: [`Input::Entries`].
    List {
        /// For which session.
        session: SessionId,
    },
    /// Say whether a file is shared: [`Input::Found`].
    Find {
        /// For which session.
        session: SessionId,
        /// Which file.
        name: FileName,
    },
    /// Look for what an earlier try has left of a file, and keep it for [`Action::Receive`] or
    /// [`Action::Abandon`]: [`Input::PartialFound`].
    FindPartial {
        /// For which transfer.
        transfer: TransferId,
        /// Which file.
        name: FileName,
        /// Of this size in bytes.
        size: u64,
        /// From whom.
        from: PublicKey,
    },
    /// Open a file that is to be sent, keep it for [`Action::Send`] or [`Action::Abandon`], and say the
    /// sum of its beginning: [`Input::Opened`].
    Open {
        /// For which transfer.
        transfer: TransferId,
        /// Of which session.
        session: SessionId,
        /// Which file.
        name: FileName,
        /// It must still have this size, in bytes.
        size: u64,
        /// So many bytes are its beginning; none where the other side has nothing of it.
        length: u64,
    },
    /// Send a file's bytes into a data connection and close it: [`Input::SendEnded`].
    Send {
        /// Which transfer.
        transfer: TransferId,
        /// Into which connection.
        conn: ConnId,
        /// Which file.
        name: FileName,
        /// It must still have this size, in bytes; one of unknown size goes to its end.
        size: Size,
        /// Those before these are there.
        from: u64,
        /// How it is sealed, in a private session.
        seal: Option<Seal>,
    },
    /// Take a file's bytes from a data connection into a temporary file: [`Input::ReceiveEnded`].
    Receive {
        /// Which transfer.
        transfer: TransferId,
        /// From which connection.
        conn: ConnId,
        /// Which file.
        name: FileName,
        /// Of this size; no byte above an exact size is kept.
        size: Size,
        /// Those before these are here, as [`Input::PartialFound`] said. What else there was found is
        /// given up.
        from: u64,
        /// How it is sealed, in a private session.
        seal: Option<Seal>,
    },
    /// Send many small files into a data connection, those that are there and have these sizes, and
    /// close it: [`Input::SendEnded`].
    SendBatch {
        /// Which transfer.
        transfer: TransferId,
        /// Into which connection.
        conn: ConnId,
        /// Names and sizes in bytes.
        files: Vec<(FileName, u64)>,
        /// How they are sealed.
        seal: Seal,
    },
    /// Take many small files from a data connection, and store each as soon as it is whole:
    /// [`Input::BatchMoved`], then [`Input::ReceiveEnded`].
    ReceiveBatch {
        /// Which transfer.
        transfer: TransferId,
        /// From which connection.
        conn: ConnId,
        /// Which files, in their order.
        files: Vec<BatchFile>,
        /// How they are sealed.
        seal: Seal,
    },
    /// Give a received file its name: [`Input::Stored`] or [`Input::StoreFailed`].
    Store {
        /// Which transfer.
        transfer: TransferId,
        /// What else it is to have.
        stat: Stat,
    },
    /// A received file will not become whole: leave the temporary file where it is. Or what
    /// [`Action::Open`] opened is not sent: stop reading it, and keep nothing of it.
    Abandon {
        /// Which transfer.
        transfer: TransferId,
    },
    /// Keep that a nick at this relay holds a key.
    Pin {
        /// Whose.
        nick: Nick,
        /// Which.
        key: PublicKey,
    },
    /// Comes right before [`Event::Online`], so that this host knows those whom it knew at this relay
    /// ([`Peer::know_if_new`](super::Peer::know_if_new)), at whatever address that was.
    RelayProved {
        /// The key that the relay proved to hold; none where it has none (section 5.6).
        key: Option<PublicKey>,
    },
    /// Tell the user.
    Tell(Event),
}
