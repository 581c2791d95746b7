//! The reports of a [`Peer`](crate::Peer) to its user.

use alloc::boxed::Box;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use super::{Error, Notice, Path, Security, SessionId, TransferId};
use crate::session::Want;
use crate::{Device, FileName, InvalidName, LeftOut, Nick, NotStored, Size, Stat};

/// The direction of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To this host.
    Receive,
    /// From this host.
    Send,
}

/// A report to the user.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// This host is online: also after [`Offline`](Self::Offline), or while it stayed online by another connection
    /// (section 5.9).
    Online {
        /// The nick that the relay gave it.
        nick: Nick,
    },
    /// The connection to the relay is closed, or could not be made.
    Offline {
        /// The reason.
        error: Error,
        /// The wait before the relay is dialled again; `None` if it is not.
        retry: Option<Duration>,
    },
    /// One nick that is online.
    Nick {
        /// The nick as the relay spells it.
        nick: Nick,
    },
    /// The list of nicks is complete.
    NicksEnd,
    /// A host calls. Answer with [`Peer::accept`](crate::Peer::accept) or
    /// [`Peer::reject`](crate::Peer::reject).
    Call {
        /// The session that would result.
        session: SessionId,
        /// The address at which the caller listens.
        from: SocketAddr,
        /// The caller's nick, as the relay says.
        nick: Option<Nick>,
    },
    /// A call was refused.
    CallRefused {
        /// The address at which the caller listens.
        from: SocketAddr,
        /// The reason.
        error: Error,
    },
    /// The session is established. For an outgoing call it is reported again if the first connection was a
    /// not the callee's: what was reported of that one is void.
    Opened {
        /// The session.
        session: SessionId,
        /// The address of the peer.
        peer: SocketAddr,
        /// The nick that was called, or the caller's as the relay says.
        nick: Option<Nick>,
        /// True if the peer called this host.
        incoming: bool,
        /// The path of its connections; in an unencrypted session, as far as this host can tell.
        path: Path,
        /// True if both hosts are behind one NAT, and its connections stay there.
        near: bool,
        /// Its confidentiality.
        security: Security,
        /// The device that the peer says it is. Nothing proves it.
        device: Option<Device>,
    },
    /// The safety words of an encrypted session: both users see the same, unless an attacker is on the path
    /// (section 11.5).
    SafetyWords {
        /// The session.
        session: SessionId,
        /// Three words.
        words: Box<str>,
    },
    /// The files of a session take another path from now on; those under way are not moved.
    Link {
        /// The session.
        session: SessionId,
        /// True for a link between both browsers (section 24), false for the path of the session.
        is_used: bool,
    },
    /// A session could not be opened.
    OpenFailed {
        /// The session.
        session: SessionId,
        /// The reason.
        error: Error,
    },
    /// One entry of the peer's list.
    Entry {
        /// The session.
        session: SessionId,
        /// The file.
        name: FileName,
        /// Its size.
        size: Size,
        /// Its kind, mode and times.
        stat: Stat,
    },
    /// One entry of the peer's list with an invalid name: it cannot be requested.
    InvalidEntry {
        /// The session.
        session: SessionId,
        /// The name, and the rule that it violates.
        error: InvalidName,
    },
    /// The peer's list is complete.
    ListEnd {
        /// The session.
        session: SessionId,
        /// The number of its entries.
        entries: u64,
    },
    /// The answer to [`Peer::check`](crate::Peer::check).
    Checked {
        /// The session.
        session: SessionId,
        /// The file.
        name: Box<str>,
        /// True if the peer shares it.
        yes: bool,
    },
    /// One file that the peer offers (section 17): [`Peer::get`](crate::Peer::get) it, or
    /// [`Peer::decline`](crate::Peer::decline).
    Offered {
        /// The session.
        session: SessionId,
        /// The file.
        name: FileName,
        /// Its size.
        size: Size,
        /// Its kind, mode and times.
        stat: Stat,
    },
    /// One entry of an offer with an invalid name: it cannot be requested.
    InvalidOffer {
        /// The session.
        session: SessionId,
        /// The name, and the rule that it violates.
        error: InvalidName,
    },
    /// The peer left this out of its list or offer (section 20).
    LeftOut {
        /// The session.
        session: SessionId,
        /// The file, and the reason.
        left: LeftOut,
    },
    /// The offer is complete.
    OfferEnd {
        /// The session.
        session: SessionId,
        /// The number of its entries.
        entries: u64,
    },
    /// Nothing was offered, because the session is not encrypted or the peer does not support offers.
    NotOffered {
        /// The session.
        session: SessionId,
        /// The one of the two that applies.
        error: Error,
    },
    /// The peer declined a file that was offered to it.
    Declined {
        /// The session.
        session: SessionId,
        /// The file.
        name: Box<str>,
    },
    /// Too many wrong codes were tried: this host's code admits no caller any more (section 12).
    CodeExhausted,
    /// A transfer has its data connection.
    Started {
        /// The transfer.
        transfer: TransferId,
        /// The session.
        session: SessionId,
        /// Its direction.
        direction: Direction,
        /// The file.
        name: FileName,
        /// Its size.
        size: Size,
        /// Bytes of an earlier attempt, which are not transferred again.
        from: u64,
        /// The number of other small files in the same batch; the size is that of all together.
        more: u64,
    },
    /// A transfer made progress.
    Progress {
        /// The transfer.
        transfer: TransferId,
        /// The session.
        session: SessionId,
        /// Its direction.
        direction: Direction,
        /// Bytes so far.
        bytes: u64,
    },
    /// A file is complete: stored under its name, or sent to its last byte.
    Finished {
        /// The transfer.
        transfer: TransferId,
        /// The session.
        session: SessionId,
        /// Its direction.
        direction: Direction,
        /// The name under which it was stored, which differs if its own was taken.
        name: FileName,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The fate of a file that the peer requested, as far as this host can know. There is one such
    /// event for each file that was requested and is shared, or was.
    Delivered {
        /// The session.
        session: SessionId,
        /// The transfer; `None` if none was started.
        transfer: Option<TransferId>,
        /// The file.
        name: FileName,
        /// Its size in bytes, of piped input the bytes sent; 0 if no transfer was started.
        bytes: u64,
        /// Its fate.
        delivery: Delivery,
    },
    /// The number of files that the peer wants (section 19); events add up.
    Wanted {
        /// The session.
        session: SessionId,
        /// The number, and how many of them it has already.
        want: Want,
    },
    /// A transfer failed.
    Failed {
        /// The transfer.
        transfer: TransferId,
        /// The session.
        session: SessionId,
        /// Its direction.
        direction: Direction,
        /// The file.
        name: FileName,
        /// The reason.
        error: Error,
    },
    /// Something unexpected that changes nothing.
    Notice {
        /// The session that it concerns, if any.
        session: Option<SessionId>,
        /// The notice.
        notice: Notice,
    },
    /// The session has ended. Moving transfers continue.
    Ended {
        /// The session.
        session: SessionId,
        /// The reason, unless a side ended it with X_END.
        error: Option<Error>,
    },
}

/// The fate of a file that the peer requested. Each front end words each of them, so that no further
/// one comes without its attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The peer reported it as stored under its name.
    Stored,
    /// All its bytes were sent to a peer that sends no receipts: more is not known.
    HandedOver,
    /// The peer reported that it is not stored, and why.
    NotStored(NotStored),
    /// This host did not send it completely, and why.
    Unsent(Error),
    /// The session ended before the peer reported anything, however much was sent.
    Unconfirmed,
}

/// One file of a transfer with its name, its size in bytes, and its fate.
pub(super) type Delivered = (TransferId, (FileName, u64), Delivery);

impl Delivery {
    /// Returns true if the file counts as delivered, as far as this host can know.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Stored | Self::HandedOver)
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored => f.write_str("stored"),
            Self::HandedOver => f.write_str("sent"),
            Self::NotStored(why) => why.fmt(f),
            Self::Unsent(error) => error.fmt(f),
            Self::Unconfirmed => f.write_str("the session ended before the peer confirmed it"),
        }
    }
}
