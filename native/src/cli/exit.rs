//! How a command ends.

use xcher_core::peer::{Error, ErrorKind};
use xcher_core::{MisuseError, ProtocolError};

use crate::keys::KeysError;

/// The exit codes (README, "Exit codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// The other side said no, or a transfer did not complete.
    Incomplete = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The relay or the other side cannot be reached.
    Unreachable = 3,
    /// A rule forbids it.
    Policy = 4,
    /// The other side is not who it was, or the session would not be private.
    NotPrivate = 5,
}

/// A command that did not come to its end.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) code: ExitCode,
    /// One line for the user; `None` where it was told already, or there is nothing to tell.
    pub(crate) message: Option<String>,
    /// The user stopped it, or nobody reads its output any more.
    pub(crate) stopped: bool,
}

impl CliError {
    pub(crate) fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()), stopped: false }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// This host's system refused something.
    pub(crate) fn local(error: impl std::fmt::Display) -> Self {
        Self::new(ExitCode::Incomplete, error.to_string())
    }

    /// The host could not be asked to do it.
    pub(crate) fn misuse(error: MisuseError) -> Self {
        let code = match error {
            MisuseError::OwnNick => ExitCode::Usage,
            _ => ExitCode::Unreachable,
        };
        Self::new(code, error.to_string())
    }

    /// Standard output did not take what was to be written. Whoever closed it wants no more, and a
    /// full disk is told of.
    pub(crate) fn unwritten(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => {
                Self { stopped: true, ..Self::told(ExitCode::Incomplete) }
            }
            _ => Self::new(
                ExitCode::Incomplete,
                format!("standard output cannot be written: {error}"),
            ),
        }
    }

    /// The user ended it: there is nothing to tell.
    pub(crate) fn interrupted() -> Self {
        Self { code: ExitCode::Incomplete, message: None, stopped: true }
    }

    /// What the user was told of already.
    pub(crate) fn told(code: ExitCode) -> Self {
        Self { code, message: None, stopped: false }
    }

    /// What a program is told: the same as a person, or that it was told before.
    pub(crate) fn reason(&self) -> &str {
        match &self.message {
            Some(message) => message,
            None if self.stopped => "stopped",
            None => "the events before this one say what failed",
        }
    }
}

impl From<KeysError> for CliError {
    fn from(error: KeysError) -> Self {
        let code = match error {
            KeysError::Unsafe { .. } | KeysError::OtherKey { .. } => ExitCode::Policy,
            _ => ExitCode::Incomplete,
        };
        Self::new(code, error.to_string())
    }
}

/// The code for a session or a link that failed.
pub(crate) fn code_of(error: &Error) -> ExitCode {
    match error.kind() {
        _ if is_about_encryption(error) => ExitCode::NotPrivate,
        ErrorKind::Unreachable => ExitCode::Unreachable,
        ErrorKind::Policy => ExitCode::Policy,
        ErrorKind::Refused
        | ErrorKind::Incomplete
        | ErrorKind::Protocol
        | ErrorKind::Local
        | ErrorKind::Cancelled => ExitCode::Incomplete,
    }
}

/// Returns true if a session was not opened because of the peer's key or of missing encryption.
fn is_about_encryption(error: &Error) -> bool {
    use ProtocolError::{EncryptionNotOffered, KeyChanged, Unencrypted};
    matches!(error, Error::Protocol(KeyChanged { .. } | Unencrypted | EncryptionNotOffered))
}

/// The code for a file that did not get across.
pub(crate) fn code_of_transfer(error: &Error) -> ExitCode {
    match error.kind() {
        ErrorKind::Policy => ExitCode::Policy,
        _ => ExitCode::Incomplete,
    }
}
