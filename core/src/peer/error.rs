//! Failures of connections, sessions and transfers.

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use super::{RefusedRequest, Wait};
use crate::addr::AddrError;
use crate::code::CodeError;
use crate::{HumanSize, NameError, Nick, NotStored, ProtocolError, Size};

/// The failure of a connection, a session or a transfer.
///
/// Its `Display` is one line for a person. Texts inside come from the system or from the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke the protocol.
    Protocol(ProtocolError),
    /// The peer refused a request.
    Refused,
    /// The stream of a file ended early.
    Incomplete {
        /// The size announced.
        expected: Size,
        /// Bytes received.
        got: u64,
        /// The reason, unless the peer closed the connection.
        why: Option<Interruption>,
    },
    /// The digest of the received bytes is not the provider's.
    Altered,
    /// The stream of a file continued after its last byte.
    Excess {
        /// The size announced, in bytes.
        expected: u64,
    },
    /// A file of this host could not be read, or has changed: the system's reason.
    Unsent(Box<str>),
    /// This host refused a request.
    NotServed(RefusedRequest),
    /// Something did not happen in time.
    TimedOut {
        /// The thing waited for.
        waited_for: Wait,
        /// The time allowed for it.
        after: Duration,
    },
    /// No connection could be made: the system's reason.
    Unreachable(Box<str>),
    /// The connection closed before all was answered, with the system's reason if it broke.
    Closed(Option<Box<str>>),
    /// The connection to the relay is lost, on which a call depends.
    RelayDisconnected,
    /// The relay did not carry out a packet: its words, quoted.
    Relay(Box<str>),
    /// The relay did not prove the key that it showed (section 5.6).
    UnprovenRelayKey,
    /// The relay asks for this host's token over a connection that others could read, and did not get it (section
    /// 5.11).
    TokenInClear,
    /// All nicks asked for are taken; the last of them.
    NickTaken(Nick),
    /// The address policy (section 6) forbids it.
    Policy(AddrError),
    /// The name cannot be used on this host.
    Name(NameError),
    /// This host has as many sessions as its limits (section 8) allow.
    TooManySessions,
    /// A received file could not be stored on this host.
    NotStored {
        /// The reason that is reported to the provider.
        reason: NotStored,
        /// The system's reason, and where the bytes are.
        why: Box<str>,
    },
    /// This host's system failed, as with no port to listen on: its reason.
    Local(Box<str>),
    /// The user of this host declined.
    Declined,
    /// The peer declined this host's call (section 5.13).
    CallDeclined,
    /// The user of this host cancelled it.
    Cancelled,
}

/// The reason why the stream of a file ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interruption {
    /// No byte arrived for too long.
    Stalled,
    /// The system's reason.
    System(Box<str>),
}

/// The kinds of [`Error`], as exit codes distinguish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The peer or the relay refused.
    Refused,
    /// A transfer did not complete.
    Incomplete,
    /// The peer broke the protocol.
    Protocol,
    /// The relay or the peer cannot be reached.
    Unreachable,
    /// A policy of this host or of the relay forbids it.
    Policy,
    /// This host's system failed.
    Local,
    /// The user ended it.
    Cancelled,
}

impl ErrorKind {
    /// Returns one lower-case word for programs. It never changes.
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
    /// Returns its kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Protocol(_) | Self::UnprovenRelayKey => ErrorKind::Protocol,
            Self::Refused | Self::CallDeclined | Self::NickTaken(_) => ErrorKind::Refused,
            Self::Incomplete { .. } | Self::Altered | Self::Excess { .. } | Self::Unsent(_) => {
                ErrorKind::Incomplete
            }
            Self::TimedOut { .. }
            | Self::Unreachable(_)
            | Self::Closed(_)
            | Self::RelayDisconnected => ErrorKind::Unreachable,
            // The relay marks what its policy forbids (section 5.2).
            Self::Relay(reason) if reason.trim_start_matches('"').starts_with("refused:") => {
                ErrorKind::Policy
            }
            Self::Relay(_) => ErrorKind::Unreachable,
            Self::TokenInClear
            | Self::Policy(_)
            | Self::Name(_)
            | Self::TooManySessions
            | Self::NotServed(_) => ErrorKind::Policy,
            Self::NotStored { .. } | Self::Local(_) => ErrorKind::Local,
            Self::Declined | Self::Cancelled => ErrorKind::Cancelled,
        }
    }

    /// Returns one lower-case word for programs, finer than [`kind`](Self::kind). It never changes.
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

    /// Returns true for the loss of a connection or of a peer, after which another session can resume. Other
    /// errors would be the same there.
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Incomplete { .. }) || self.kind() == ErrorKind::Unreachable
    }

    /// Returns true if a session was not opened because of the peer's key, or for lack of encryption.
    pub fn is_about_encryption(&self) -> bool {
        use ProtocolError::{EncryptionNotOffered, KeyChanged, Unencrypted};
        matches!(self, Self::Protocol(KeyChanged { .. } | Unencrypted | EncryptionNotOffered))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Refused => {
                f.write_str("the peer refused: not shared, or changed since it was listed")
            }
            Self::Incomplete { expected, got, why } => {
                let (some, all) = (HumanSize(*got), HumanSize(expected.bytes()));
                match expected.is_unknown() {
                    true => write!(f, "incomplete after {some}")?,
                    // Only exact numbers show the difference.
                    false if some.looks_like(all) => {
                        write!(f, "incomplete: {got} of {expected} bytes")?;
                    }
                    false => write!(f, "incomplete: {some} of {all}")?,
                }
                why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
            }
            Self::Altered => f.write_str("checksum mismatch: the data was altered in transit"),
            Self::Excess { expected } => {
                write!(f, "the peer sent more than the announced {}", HumanSize(*expected))
            }
            Self::Unsent(why) => write!(f, "not sent completely: {why}"),
            Self::NotServed(why) => why.fmt(f),
            Self::TimedOut { waited_for, after } => {
                write!(f, "{waited_for} within {} s", after.as_secs())
            }
            Self::Unreachable(why) => write!(f, "cannot connect: {why}"),
            Self::Closed(None) => f.write_str("connection closed"),
            Self::Closed(Some(why)) => write!(f, "connection lost: {why}"),
            Self::RelayDisconnected => f.write_str("the connection to the relay was lost"),
            Self::Relay(reason) => write!(f, "relay error: {reason}"),
            Self::UnprovenRelayKey => f.write_str(
                "the relay did not prove its key: an attacker on the path may have altered its packets",
            ),
            Self::TokenInClear => f.write_str(
                "the relay asks for the token over a connection without encryption, and did not get it",
            ),
            Self::NickTaken(nick) => write!(f, "the nick {nick} is taken at this relay"),
            Self::Policy(error) => error.fmt(f),
            Self::Name(error) => write!(f, "the name cannot be used on this host: {error}"),
            Self::TooManySessions => f.write_str("too many sessions at once"),
            Self::NotStored { why, .. } | Self::Local(why) => why.fmt(f),
            Self::Declined => f.write_str("declined"),
            Self::CallDeclined => f.write_str("the peer declined the call"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalled => f.write_str("the transfer stalled"),
            Self::System(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString as _};

    use super::*;

    fn incomplete(expected: &str, got: u64, why: Option<Interruption>) -> String {
        let expected = Size::parse(expected).expect("a size");
        Error::Incomplete { expected, got, why }.to_string()
    }

    #[test]
    fn shows_sizes_in_binary_units() {
        assert_eq!(incomplete("2097152", 1024, None), "incomplete: 1.00 KiB of 2.00 MiB");
        assert_eq!(
            incomplete("5", 3, Some(Interruption::Stalled)),
            "incomplete: 3 B of 5 B: the transfer stalled"
        );
        let excess = Error::Excess { expected: 5 };
        assert_eq!(excess.to_string(), "the peer sent more than the announced 5 B");
    }

    #[test]
    fn shows_a_small_difference_in_bytes() {
        let exact = incomplete("2097152", 2_097_151, None);
        assert_eq!(exact, "incomplete: 2097151 of 2097152 bytes");
    }
}
