//! Errors of the library, with codes that stay the same.

use std::fmt;
use std::sync::Arc;

use xcher_core::peer::ErrorKind;
use xcher_core::{MisuseError, peer};

/// Classifies an [`Error`]. New codes may be added; existing ones keep their meaning and are those of the
/// npm package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The peer violated the protocol.
    Protocol,
    /// The peer refused: it declined the call, or the file is not shared or changed since it was listed.
    Refused,
    /// The relay gave none of the requested nicks.
    NickTaken,
    /// A file ended early, was longer than announced, or could not be sent completely.
    Incomplete,
    /// Encrypted data was modified in transit.
    Altered,
    /// Another host uses this nick, or the peer has a new key.
    OtherKey,
    /// Encryption was required, and the peer does not support it.
    NotEncrypted,
    /// The code is wrong, or ten wrong attempts have ended it.
    WrongCode,
    /// Nothing arrived within the time limit.
    TimedOut,
    /// The relay, the bridge or the peer cannot be reached, or the connection was lost.
    Unreachable,
    /// A rule of this host, the relay or the bridge forbids it: an address, a name, a limit.
    Policy,
    /// This host failed: a file cannot be read or written, no port is free.
    Local,
    /// This host's user ended it.
    Cancelled,
    /// The call is invalid now, or with these arguments.
    Misuse,
}

impl ErrorCode {
    /// Returns the code as one lower-case word, which stays the same.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Refused => "refused",
            Self::NickTaken => "nick-taken",
            Self::Incomplete => "incomplete",
            Self::Altered => "altered",
            Self::OtherKey => "other-key",
            Self::NotEncrypted => "not-private",
            Self::WrongCode => "wrong-code",
            Self::TimedOut => "timed-out",
            Self::Unreachable => "unreachable",
            Self::Policy => "policy",
            Self::Local => "local",
            Self::Cancelled => "cancelled",
            Self::Misuse => "misuse",
        }
    }

    /// Codes that are finer than the kind of error they belong to.
    const FINE: [Self; 6] = [
        Self::NickTaken,
        Self::Altered,
        Self::OtherKey,
        Self::NotEncrypted,
        Self::WrongCode,
        Self::TimedOut,
    ];

    fn of(error: &peer::Error) -> Self {
        if let Some(fine) = Self::FINE.into_iter().find(|code| code.as_str() == error.code()) {
            return fine;
        }
        match error.kind() {
            ErrorKind::Refused => Self::Refused,
            ErrorKind::Incomplete => Self::Incomplete,
            ErrorKind::Protocol => Self::Protocol,
            ErrorKind::Unreachable => Self::Unreachable,
            ErrorKind::Policy => Self::Policy,
            ErrorKind::Cancelled => Self::Cancelled,
            _ => Self::Local,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The one error type of [`Peer`](super::Peer) and what belongs to it: a code for programs and a message
/// for people. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Error {
    code: ErrorCode,
    message: Arc<str>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Returns the code to match on.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    pub(super) fn new(code: ErrorCode, message: impl Into<Arc<str>>) -> Self {
        Self { code, message: message.into(), source: None }
    }

    pub(super) fn misuse(message: &str) -> Self {
        Self::new(ErrorCode::Misuse, message)
    }

    /// Wraps an error of this host's system or configuration.
    pub(super) fn local(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self {
            code: ErrorCode::Local,
            message: error.to_string().into(),
            source: Some(Arc::new(error)),
        }
    }

    /// The peer was closed while something was in progress.
    pub(super) fn closed() -> Self {
        Self::new(ErrorCode::Cancelled, "the peer was closed")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<peer::Error> for Error {
    fn from(error: peer::Error) -> Self {
        Self {
            code: ErrorCode::of(&error),
            message: error.to_string().into(),
            source: Some(Arc::new(error)),
        }
    }
}

impl From<MisuseError> for Error {
    fn from(error: MisuseError) -> Self {
        Self {
            code: ErrorCode::Misuse,
            message: error.to_string().into(),
            source: Some(Arc::new(error)),
        }
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.code {
            ErrorCode::TimedOut => std::io::ErrorKind::TimedOut,
            ErrorCode::Incomplete => std::io::ErrorKind::UnexpectedEof,
            ErrorCode::Altered | ErrorCode::Protocol => std::io::ErrorKind::InvalidData,
            _ => std::io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
