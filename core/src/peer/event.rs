//! What a [`Peer`](crate::Peer) has to tell its user.

use alloc::boxed::Box;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use super::{Path, Secrecy, SessionId, TransferId};
use crate::addr::AddrFault;
use crate::code::CodeError;
use crate::session::Want;
use crate::{FileName, LeftOut, NameFault, Nick, NotStored, ProtocolError, Size, Stat};

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
pub enum Event {
    /// The relay knows this host.
    Online {
        /// By this nick.
        nick: Nick,
    },
    /// The link to the relay is gone, or could not be had.
    Offline {
        /// Why.
        fault: Fault,
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
        fault: Fault,
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
        /// Whether the other side called.
        called: bool,
        /// Which way it goes, and its files with it; of one in the clear, at this end.
        path: Path,
        /// Who hears what is said in it.
        secrecy: Secrecy,
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
        fault: Fault,
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
    BadEntry {
        /// In which session.
        session: SessionId,
        /// What was expected and what came.
        why: Box<str>,
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
    BadOffer {
        /// In which session.
        session: SessionId,
        /// What was expected and what came.
        why: Box<str>,
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
        fault: Fault,
    },
    /// The other side does not want a file that was offered to it.
    Declined {
        /// In which session.
        session: SessionId,
        /// The file.
        name: Box<str>,
    },
    /// Too many have tried wrong codes: this one lets nobody in any more (section 12).
    CodeDead,
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
        fault: Fault,
    },
    /// Something odd that changes nothing.
    Notice {
        /// Which session it concerns, if one.
        session: Option<SessionId>,
        /// What was expected and what came.
        text: Box<str>,
    },
    /// The control connection is closed. Transfers under way go on.
    Ended {
        /// Which session.
        session: SessionId,
        /// Why, unless it was in order.
        fault: Option<Fault>,
    },
}

/// What became of a file that this host was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The other side reported that it is stored under its name.
    Stored,
    /// All its bytes were sent to a peer that reports nothing: more is not known.
    HandedOver,
    /// The other side reported that it is not stored, and why.
    NotStored(NotStored),
    /// This host did not send it, or not whole: the reason.
    Unsent(Box<str>),
    /// The session ended before the other side reported, whatever was sent.
    Unconfirmed,
}

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
            Self::Unsent(why) => f.write_str(why),
            Self::Unconfirmed => {
                f.write_str("the session ended before the other side confirmed it")
            }
        }
    }
}

/// Why something did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The other side broke the protocol.
    Protocol(ProtocolError),
    /// The other side said NO to a request.
    Refused,
    /// The stream of a file ended early.
    Incomplete {
        /// The size announced.
        expected: Size,
        /// Bytes that came.
        got: u64,
        /// The system's reason, if the connection broke.
        why: Option<Box<str>>,
    },
    /// The sum of a file is another than the one that the other side told.
    Altered,
    /// The stream of a file went on after its last byte.
    Excess {
        /// The size announced, in bytes.
        expected: u64,
    },
    /// A file to be sent is not what it was.
    Unsent(Box<str>),
    /// Nothing came in time.
    TimedOut {
        /// What was waited for.
        waited_for: &'static str,
        /// How long.
        after: Duration,
    },
    /// The other side could not be connected to.
    Unreachable(Box<str>),
    /// The connection ended with a question unanswered.
    Closed(Option<Box<str>>),
    /// The relay did not carry out a packet: its own words.
    Relay(Box<str>),
    /// The relay did not prove the key that it showed (section 5.6).
    NotThatRelay,
    /// The relay gave none of the nicks tried.
    NickTaken(Nick),
    /// The address policy (section 6) forbids it.
    Policy(AddrFault),
    /// The name cannot be used on this host.
    Name(NameFault),
    /// A limit of this host's (section 8) is reached.
    Busy(&'static str),
    /// A file that came could not be stored here.
    NotStored {
        /// What the other side is told.
        reason: NotStored,
        /// The system's reason, and where the bytes are.
        why: Box<str>,
    },
    /// This host's system refused: a full disk, an unwritable folder, no port to listen on.
    Local(Box<str>),
    /// The user of this host did not want it.
    Declined,
    /// The user of this host ended it.
    Cancelled,
}

/// The kinds of [`Fault`] that a program or an exit code tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The other side, or the relay, said no.
    Refused,
    /// A transfer did not complete.
    Incomplete,
    /// The other side broke the protocol.
    Protocol,
    /// The relay or the other side cannot be reached.
    Unreachable,
    /// A rule of this host or of the relay forbids it.
    Policy,
    /// This host's system failed.
    Local,
    /// The user ended it.
    Cancelled,
}

impl FaultKind {
    /// One lower-case word, which stays the same.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Incomplete => "incomplete",
            Self::Protocol => "protocol",
            Self::Unreachable => "unreachable",
            Self::Policy => "policy",
            Self::Local => "local",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Fault {
    /// Its kind.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Protocol(_) | Self::NotThatRelay => FaultKind::Protocol,
            Self::Refused | Self::NickTaken(_) => FaultKind::Refused,
            Self::Incomplete { .. } | Self::Altered | Self::Excess { .. } | Self::Unsent(_) => {
                FaultKind::Incomplete
            }
            Self::TimedOut { .. } | Self::Unreachable(_) | Self::Closed(_) => {
                FaultKind::Unreachable
            }
            // The relay marks what its policy forbids (section 5.2).
            Self::Relay(reason) if reason.starts_with("refused:") => FaultKind::Policy,
            Self::Relay(_) => FaultKind::Unreachable,
            Self::Policy(_) | Self::Name(_) | Self::Busy(_) => FaultKind::Policy,
            Self::NotStored { .. } | Self::Local(_) => FaultKind::Local,
            Self::Declined | Self::Cancelled => FaultKind::Cancelled,
        }
    }

    /// What a program tells it by, in one lower-case word, which stays the same: finer than
    /// [`kind`](Self::kind).
    pub fn code(&self) -> &'static str {
        match self {
            Self::NickTaken(_) => "nick-taken",
            Self::TimedOut { .. } => "timed-out",
            Self::Altered | Self::NotThatRelay | Self::Protocol(ProtocolError::Secure(_)) => {
                "altered"
            }
            Self::Protocol(ProtocolError::NotPrivate | ProtocolError::NoSecure) => "not-private",
            Self::Protocol(ProtocolError::NoOffers) => "refused",
            Self::Protocol(ProtocolError::OtherKey { .. }) => "other-key",
            Self::Protocol(ProtocolError::Code(CodeError::Wrong)) => "wrong-code",
            fault => fault.kind().as_str(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Refused => {
                write!(f, "the other side said NO: not shared, or not any more as it was listed")
            }
            Self::Incomplete { expected, got, why } => {
                match expected.is_unknown() {
                    true => write!(f, "expected its end, got {got} bytes without it")?,
                    false => write!(f, "expected {expected} bytes, got {got}")?,
                }
                why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
            }
            Self::Altered => {
                write!(
                    f,
                    "expected the sum that the other side told, got another: its bytes changed"
                )
            }
            Self::Excess { expected } => write!(f, "expected {expected} bytes, got more"),
            Self::Unsent(why) => write!(f, "could not send it whole: {why}"),
            Self::TimedOut { waited_for, after } => {
                write!(f, "expected {waited_for}, got nothing in {} s", after.as_secs())
            }
            Self::Unreachable(why) => write!(f, "could not connect: {why}"),
            Self::Closed(None) => write!(f, "the other side closed the connection"),
            Self::Closed(Some(why)) => write!(f, "the connection broke: {why}"),
            Self::Relay(reason) => write!(f, "the relay said: {reason}"),
            Self::NotThatRelay => write!(
                f,
                "the relay did not prove the key that it showed: something on the way may have changed \
                 what it said"
            ),
            Self::NickTaken(nick) => write!(f, "the nick {nick} is taken at this relay"),
            Self::Policy(fault) => fault.fmt(f),
            Self::Name(fault) => write!(f, "the name cannot be used here: {fault}"),
            Self::Busy(limit) => write!(f, "this host's limit is reached: {limit}"),
            Self::NotStored { why, .. } | Self::Local(why) => why.fmt(f),
            Self::Declined => write!(f, "declined"),
            Self::Cancelled => write!(f, "cancelled"),
        }
    }
}

impl core::error::Error for Fault {}
