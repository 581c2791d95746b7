//! Why something did not come about.

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use crate::addr::AddrError;
use crate::code::CodeError;
use crate::{NameError, Nick, NotStored, ProtocolError, Size};

/// Why something did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
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
    UnprovenRelayKey,
    /// The relay gave none of the nicks tried.
    NickTaken(Nick),
    /// The address policy (section 6) forbids it.
    Policy(AddrError),
    /// The name cannot be used on this host.
    Name(NameError),
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

/// The kinds of [`Error`] that a program or an exit code tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
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

impl ErrorKind {
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

impl Error {
    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Protocol(_) | Self::UnprovenRelayKey => ErrorKind::Protocol,
            Self::Refused | Self::NickTaken(_) => ErrorKind::Refused,
            Self::Incomplete { .. } | Self::Altered | Self::Excess { .. } | Self::Unsent(_) => {
                ErrorKind::Incomplete
            }
            Self::TimedOut { .. } | Self::Unreachable(_) | Self::Closed(_) => {
                ErrorKind::Unreachable
            }
            // The relay marks what its policy forbids (section 5.2).
            Self::Relay(reason) if reason.starts_with("refused:") => ErrorKind::Policy,
            Self::Relay(_) => ErrorKind::Unreachable,
            Self::Policy(_) | Self::Name(_) | Self::Busy(_) => ErrorKind::Policy,
            Self::NotStored { .. } | Self::Local(_) => ErrorKind::Local,
            Self::Declined | Self::Cancelled => ErrorKind::Cancelled,
        }
    }

    /// What a program tells it by, in one lower-case word, which stays the same: finer than
    /// [`kind`](Self::kind).
    pub fn code(&self) -> &'static str {
        match self {
            Self::NickTaken(_) => "nick-taken",
            Self::TimedOut { .. } => "timed-out",
            Self::Altered | Self::UnprovenRelayKey | Self::Protocol(ProtocolError::Secure(_)) => {
                "altered"
            }
            Self::Protocol(ProtocolError::Unencrypted | ProtocolError::EncryptionNotOffered) => {
                "not-private"
            }
            Self::Protocol(ProtocolError::NoOffers) => "refused",
            Self::Protocol(ProtocolError::KeyChanged { .. }) => "other-key",
            Self::Protocol(ProtocolError::Code(CodeError::Wrong)) => "wrong-code",
            error => error.kind().as_str(),
        }
    }
}

impl fmt::Display for Error {
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
                    "expected the digest that the other side told, got another: its bytes changed"
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
            Self::UnprovenRelayKey => write!(
                f,
                "the relay did not prove the key that it showed: something on the way may have changed \
                 what it said"
            ),
            Self::NickTaken(nick) => write!(f, "the nick {nick} is taken at this relay"),
            Self::Policy(error) => error.fmt(f),
            Self::Name(error) => write!(f, "the name cannot be used here: {error}"),
            Self::Busy(limit) => write!(f, "this host's limit is reached: {limit}"),
            Self::NotStored { why, .. } | Self::Local(why) => why.fmt(f),
            Self::Declined => write!(f, "declined"),
            Self::Cancelled => write!(f, "cancelled"),
        }
    }
}

impl core::error::Error for Error {}
