//! What a [`Peer`](crate::Peer) has to tell its user.

use alloc::boxed::Box;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use super::{Error, Notice, Path, Security, SessionId, TransferId};
use crate::session::Want;
use crate::{FileName, InvalidName, LeftOut, Nick, NotStored, Size, Stat};

/// Which way a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To this host.
    Receive,
    /// From this host.
    Send,
}

/// Something the user may want to know.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The relay knows this host.
    Online {
        /// By this nick.
        nick: Nick,
    },
    /// The link to the relay is gone, or could not be had.
    Offline {
        /// Why.
        error: Error,
        /// After how long it is tried again; `None` if it is not.
        retry: Option<Duration>,
    },
    /// One nick of those online.
    Nick {
        /// As the relay spells it.
        nick: Nick,
    },
    /// All nicks were told.
    NicksEnd,
    /// Someone calls. Answer with [`Peer::accept`](crate::Peer::accept) or
    /// [`Peer::reject`](crate::Peer::reject).
    Call {
        /// The session it would be.
        session: SessionId,
        /// Where the caller listens.
        from: SocketAddr,
        /// Who the relay says it is.
        nick: Option<Nick>,
    },
    /// A call was not taken up.
    CallRefused {
        /// Where the caller listens.
        from: SocketAddr,
        /// Why.
        error: Error,
    },
    /// The control connection stands. Of a session that this host called for it is told again where the
    /// connection that stood first was a stranger's: what was said of that one holds no more.
    Opened {
        /// Which session.
        session: SessionId,
        /// The other end.
        peer: SocketAddr,
        /// Whom we called, or who the relay says called us.
        nick: Option<Nick>,
        /// True if the peer called this host.
        incoming: bool,
        /// Which way it goes, and its files with it; of one in the clear, at this end.
        path: Path,
        /// Who hears what is said in it.
        security: Security,
    },
    /// What both users of a private session see, if nobody is between them (section 11.5).
    SafetyWords {
        /// Which session.
        session: SessionId,
        /// Three words.
        words: Box<str>,
    },
    /// A session could not be opened.
    OpenFailed {
        /// Which.
        session: SessionId,
        /// Why.
        error: Error,
    },
    /// One file of the other side's list.
    Entry {
        /// In which session.
        session: SessionId,
        /// The file.
        name: FileName,
        /// Its size.
        size: Size,
        /// What else is told of it.
        stat: Stat,
    },
    /// One line of the other side's list that names no file this host could take.
    InvalidEntry {
        /// In which session.
        session: SessionId,
        /// The name, and the rule that it violates.
        error: InvalidName,
    },
    /// The other side's list is complete.
    ListEnd {
        /// In which session.
        session: SessionId,
        /// How many lines it had.
        entries: u64,
    },
    /// The answer to [`Peer::check`](crate::Peer::check).
    Checked {
        /// In which session.
        session: SessionId,
        /// The file.
        name: Box<str>,
        /// Whether the other side shares it.
        yes: bool,
    },
    /// One file that the other side offers (section 17): [`Peer::get`](crate::Peer::get) it, or
    /// [`Peer::decline`](crate::Peer::decline).
    Offered {
        /// In which session.
        session: SessionId,
        /// The file.
        name: FileName,
        /// Its size.
        size: Size,
        /// What else is told of it.
        stat: Stat,
    },
    /// One line of an offer that names no file this host could take.
    InvalidOffer {
        /// In which session.
        session: SessionId,
        /// The name, and the rule that it violates.
        error: InvalidName,
    },
    /// The other side has this, and cannot include it in its list or offer (section 20).
    LeftOut {
        /// In which session.
        session: SessionId,
        /// What, and why.
        left: LeftOut,
    },
    /// The offer is complete.
    OfferEnd {
        /// In which session.
        session: SessionId,
        /// How many lines it had.
        entries: u64,
    },
    /// Nothing was offered: the session is not encrypted, or the other side knows no offers.
    NotOffered {
        /// In which session.
        session: SessionId,
        /// Which of the two.
        error: Error,
    },
    /// The other side does not want a file that was offered to it.
    Declined {
        /// In which session.
        session: SessionId,
        /// The file.
        name: Box<str>,
    },
    /// Too many wrong codes were tried: this host's code admits no caller any more (section 12).
    CodeExhausted,
    /// The first byte of a file can move.
    Started {
        /// Which transfer.
        transfer: TransferId,
        /// Of which session.
        session: SessionId,
        /// Which way.
        direction: Direction,
        /// The file.
        name: FileName,
        /// Its size.
        size: Size,
        /// Bytes of an earlier try, which do not move again.
        from: u64,
        /// How many other small files go with it; the size is that of all together.
        more: u64,
    },
    /// More of a file has moved.
    Progress {
        /// Which transfer.
        transfer: TransferId,
        /// Of which session.
        session: SessionId,
        /// Which way.
        direction: Direction,
        /// Bytes so far.
        bytes: u64,
    },
    /// A file is whole: stored under its name, or all its bytes are on their way.
    Finished {
        /// Which transfer.
        transfer: TransferId,
        /// Of which session.
        session: SessionId,
        /// Which way.
        direction: Direction,
        /// The name it was stored under, which differs where the name was taken.
        name: FileName,
        /// Its size in bytes.
        bytes: u64,
    },
    /// What became of a file that the other side requested of this host, as far as this host can
    /// know. There is one such event for each file that was requested and is shared, or was.
    Delivered {
        /// In which session.
        session: SessionId,
        /// With which transfer; `None` where none came about.
        transfer: Option<TransferId>,
        /// The file.
        name: FileName,
        /// Its size in bytes, of a pipe as many as were sent; 0 where none came about.
        bytes: u64,
        /// What became of it.
        delivery: Delivery,
    },
    /// How many files the other side wants (section 19); each event adds to those before.
    Wanted {
        /// In which session.
        session: SessionId,
        /// How many, and what it has already.
        want: Want,
    },
    /// A file did not get across, or not whole.
    Failed {
        /// Which transfer.
        transfer: TransferId,
        /// Of which session.
        session: SessionId,
        /// Which way.
        direction: Direction,
        /// The file.
        name: FileName,
        /// Why.
        error: Error,
    },
    /// Something odd that changes nothing.
    Notice {
        /// Which session it concerns, if one.
        session: Option<SessionId>,
        /// What it is.
        notice: Notice,
    },
    /// The control connection is closed. Transfers under way go on.
    Ended {
        /// Which session.
        session: SessionId,
        /// Why, unless it was in order.
        error: Option<Error>,
    },
}

/// What became of a file that the peer requested. Each front end words each of them, so that no further
/// one comes without its attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The other side reported that it is stored under its name.
    Stored,
    /// All its bytes were sent to a peer that reports nothing: more is not known.
    HandedOver,
    /// The other side reported that it is not stored, and why.
    NotStored(NotStored),
    /// This host did not send it completely, and why.
    Unsent(Error),
    /// The session ended before the other side reported, whatever was sent.
    Unconfirmed,
}

/// The fate of one file of a transfer: its name, its size in bytes, and what became of it.
pub(super) type Delivered = (TransferId, (FileName, u64), Delivery);

impl Delivery {
    /// Whether the file counts as delivered, as far as the other side can tell.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Stored | Self::HandedOver)
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored => f.write_str("stored"),
            Self::HandedOver => f.write_str("handed over"),
            Self::NotStored(why) => why.fmt(f),
            Self::Unsent(error) => error.fmt(f),
            Self::Unconfirmed => {
                f.write_str("the session ended before the other side confirmed it")
            }
        }
    }
}
