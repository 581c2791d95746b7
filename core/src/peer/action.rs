//! What a [`Peer`](crate::Peer) has its driver do.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::{ConnId, Event, ListenerId, Path, SessionId, TransferId};
use crate::secure::PublicKey;
use crate::stream::Seal;
use crate::{FileName, Nick, Size, Stat};

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
    /// Its size in bytes, at most [`batch::MAX_FILE_LEN`](crate::batch::MAX_FILE_LEN).
    pub size: u64,
    /// What else it is to have.
    pub stat: Stat,
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
    /// Give the next files of the list, some hundreds at a time: [`Input::Entries`](super::Input::Entries).
    List {
        /// For which session.
        session: SessionId,
    },
    /// Say whether a file is shared: [`Input::Found`](super::Input::Found).
    Find {
        /// For which session.
        session: SessionId,
        /// Which file.
        name: FileName,
    },
    /// Look for what an earlier try has left of a file, and keep it for [`Action::Receive`] or
    /// [`Action::Abandon`]: [`Input::PartialFound`](super::Input::PartialFound).
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
    /// sum of its beginning: [`Input::Opened`](super::Input::Opened).
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
    /// Send a file's bytes into a data connection and close it: [`Input::SendEnded`](super::Input::SendEnded).
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
    /// Take a file's bytes from a data connection into a temporary file: [`Input::ReceiveEnded`](super::Input::ReceiveEnded).
    Receive {
        /// Which transfer.
        transfer: TransferId,
        /// From which connection.
        conn: ConnId,
        /// Which file.
        name: FileName,
        /// Of this size; no byte above an exact size is kept.
        size: Size,
        /// Those before these are here, as [`Input::PartialFound`](super::Input::PartialFound) said. What else there was found is
        /// given up.
        from: u64,
        /// How it is sealed, in a private session.
        seal: Option<Seal>,
    },
    /// Send many small files into a data connection, those that are there and have these sizes, and
    /// close it: [`Input::SendEnded`](super::Input::SendEnded).
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
    /// [`Input::BatchProgress`](super::Input::BatchProgress), then [`Input::ReceiveEnded`](super::Input::ReceiveEnded).
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
    /// Give a received file its name: [`Input::Stored`](super::Input::Stored) or [`Input::StoreFailed`](super::Input::StoreFailed).
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
    /// ([`Peer::pin_if_new`](super::Peer::pin_if_new)), at whatever address that was.
    RelayVerified {
        /// The key that the relay proved to hold; none where it has none (section 5.6).
        key: Option<PublicKey>,
    },
    /// Tell the user.
    Notify(Event),
}
