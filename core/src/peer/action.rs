//! The instructions of a [`Peer`](crate::Peer) to its driver.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::{ConnId, Event, LinkStep, ListenerId, Path, SessionId, TransferId};
use crate::secure::PublicKey;
use crate::stream::Seal;
use crate::{FileName, Nick, Size, Stat};

/// The use of a connection between two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Packets: the driver reads at once, and writes on request.
    Control,
    /// One file or batch: the driver waits for [`Action::Send`] or [`Action::Receive`].
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
    /// Its mode and times.
    pub stat: Stat,
}

/// An instruction to the driver. These are all that a driver can do.
///
/// The enum is exhaustive on purpose: a driver must carry out every action, so a new one has to break
/// its build.
#[derive(Debug)]
pub enum Action {
    /// Connect to the relay.
    DialRelay {
        /// The id of the connection.
        conn: ConnId,
    },
    /// Connect to the relay from the port of a listener whose path is [`Path::Punched`]: the connection of
    /// a rendezvous (section 5.8).
    DialRendezvous {
        /// The id of the connection.
        conn: ConnId,
        /// The listener.
        listener: ListenerId,
        /// The relay's TCP port. A driver that dials the relay by TCP uses the address that it dials.
        port: u16,
    },
    /// Connect to a host from the port of a listener whose path is [`Path::Punched`], and try a few times
    /// more if that is refused. What is established, there or at the listener, is a link; its first stream
    /// is a control connection, which [`Input::Accepted`](super::Input::Accepted) reports on both sides.
    /// [`Input::ListenFailed`](super::Input::ListenFailed) reports that no attempt succeeded.
    Punch {
        /// The listener.
        listener: ListenerId,
        /// The address at which the relay sees the other host.
        to: SocketAddr,
        /// True if this host called the other, which then opens the first stream.
        is_caller: bool,
    },
    /// Connect to a host.
    Dial {
        /// The id of the connection.
        conn: ConnId,
        /// The address of the host.
        to: SocketAddr,
        /// The path to it.
        path: Path,
        /// The use of the connection.
        purpose: Purpose,
        /// The connection in whose link or tunnel a stream is opened: the control connection, or the one to the
        /// relay if the path is [`Path::Bridge`] and the purpose [`Purpose::Control`]. `None` for the path
        /// [`Path::Direct`], and while there is no connection to the relay: the dial fails.
        link: Option<ConnId>,
    },
    /// Listen on a random free port, of this host or of a bridge.
    Listen {
        /// The id of the listener.
        listener: ListenerId,
        /// The address of this host to listen on, if the port is its own.
        ip: IpAddr,
        /// The path of the connections that arrive.
        path: Path,
        /// The use of these connections.
        purpose: Purpose,
        /// The connection to whose link or tunnel the port belongs, as in [`Action::Dial`]. Without it, if the
        /// path is [`Path::Punched`], a port of this host is needed from which it can dial too.
        link: Option<ConnId>,
    },
    /// Stop listening.
    StopListening {
        /// The listener.
        listener: ListenerId,
    },
    /// Write to the relay's or a control connection, after what was written before.
    Write {
        /// The connection.
        conn: ConnId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Stop reading from a connection, until [`Action::Resume`].
    Pause {
        /// The connection.
        conn: ConnId,
    },
    /// Read from a connection again.
    Resume {
        /// The connection.
        conn: ConnId,
    },
    /// Close a connection, once what was written to it is sent. A data connection is closed at once, and
    /// no input about its transfer is awaited.
    Close {
        /// The connection.
        conn: ConnId,
    },
    /// Do something about the link of a session. Only a host whose [`LinkPolicy`](super::LinkPolicy) permits links
    /// gets this.
    Link {
        /// The session.
        session: SessionId,
        /// The step.
        step: LinkStep,
    },
    /// Read the next entries of the list, some hundreds at a time:
    /// [`Input::Entries`](super::Input::Entries).
    List {
        /// The session that requested it.
        session: SessionId,
    },
    /// Look up a shared file: [`Input::Found`](super::Input::Found).
    Find {
        /// The session that asked.
        session: SessionId,
        /// The file.
        name: FileName,
    },
    /// Look for the partial file of an earlier attempt, and keep it for [`Action::Receive`] or
    /// [`Action::Abandon`]: [`Input::PartialFound`](super::Input::PartialFound).
    FindPartial {
        /// The transfer.
        transfer: TransferId,
        /// The file.
        name: FileName,
        /// Its size in bytes.
        size: u64,
        /// The key of its provider.
        from: PublicKey,
    },
    /// Open a file to send, keep it for [`Action::Send`] or [`Action::Abandon`], and compute the digest of
    /// its first bytes: [`Input::Opened`](super::Input::Opened).
    Open {
        /// The transfer.
        transfer: TransferId,
        /// The session that requested it.
        session: SessionId,
        /// The file.
        name: FileName,
        /// The size in bytes that it must still have.
        size: u64,
        /// The number of bytes that the digest covers; 0 if the requester has nothing of the file.
        length: u64,
    },
    /// Send a file's bytes over a data connection and close it: [`Input::SendEnded`](super::Input::SendEnded).
    Send {
        /// The transfer.
        transfer: TransferId,
        /// The data connection.
        conn: ConnId,
        /// The file.
        name: FileName,
        /// The size in bytes that it must still have; a file of unknown size is sent to its end.
        size: Size,
        /// The first byte to send: the requester has those before it.
        from: u64,
        /// The encryption of the stream, in an encrypted session.
        seal: Option<Seal>,
    },
    /// Receive a file's bytes from a data connection into a temporary file:
    /// [`Input::ReceiveEnded`](super::Input::ReceiveEnded).
    Receive {
        /// The transfer.
        transfer: TransferId,
        /// The data connection.
        conn: ConnId,
        /// The file.
        name: FileName,
        /// Its size; bytes beyond an exact size are not kept.
        size: Size,
        /// The first byte to receive: those before it are in the partial file, as
        /// [`Input::PartialFound`](super::Input::PartialFound) reported. The rest of that file is discarded.
        from: u64,
        /// The encryption of the stream, in an encrypted session.
        seal: Option<Seal>,
    },
    /// Send small files over one data connection, those that exist and have these sizes, and close it:
    /// [`Input::SendEnded`](super::Input::SendEnded).
    SendBatch {
        /// The transfer.
        transfer: TransferId,
        /// The data connection.
        conn: ConnId,
        /// Names and sizes in bytes.
        files: Vec<(FileName, u64)>,
        /// The encryption of the stream.
        seal: Seal,
    },
    /// Receive small files from one data connection, and store each as soon as it is complete:
    /// [`Input::BatchProgress`](super::Input::BatchProgress), then
    /// [`Input::ReceiveEnded`](super::Input::ReceiveEnded).
    ReceiveBatch {
        /// The transfer.
        transfer: TransferId,
        /// The data connection.
        conn: ConnId,
        /// The files, in their order.
        files: Vec<BatchFile>,
        /// The encryption of the stream.
        seal: Seal,
    },
    /// Give a received file its name: [`Input::Stored`](super::Input::Stored) or
    /// [`Input::StoreFailed`](super::Input::StoreFailed).
    Store {
        /// The transfer.
        transfer: TransferId,
        /// The mode and times to give to it.
        stat: Stat,
    },
    /// Leave the temporary file of an incomplete download where it is. Or, after [`Action::Open`], stop
    /// reading the file and close it.
    Abandon {
        /// The transfer.
        transfer: TransferId,
    },
    /// Store the key of a nick at this relay.
    Pin {
        /// The nick.
        nick: Nick,
        /// The key.
        key: PublicKey,
    },
    /// Restore the pins of this relay with [`Peer::pin_if_new`](super::Peer::pin_if_new), whatever address
    /// the relay had. [`Event::Online`] follows at once.
    RelayVerified {
        /// The key that the relay proved to hold; `None` if it has none (section 5.6).
        key: Option<PublicKey>,
    },
    /// Report an event to the user.
    Notify(Event),
}
