//! Exit codes, and the error that a command ends with.

use xcher_core::MisuseError;
use xcher_core::peer::{Error, ErrorKind};

use crate::keys::KeysError;

/// Exit codes (README, "Exit codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// The peer refused, or a transfer is incomplete.
    Incomplete = 1,
    /// Invalid command line.
    Usage = 2,
    /// The relay or the peer is unreachable.
    Unreachable = 3,
    /// Refused by policy.
    Policy = 4,
    /// Authentication failed, or the session would not be encrypted.
    NotPrivate = 5,
}

/// Reason for a command to fail.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) code: ExitCode,
    /// Text for the user; `None` if it was printed before, or there is nothing to print.
    pub(crate) message: Option<String>,
    /// Set if the user stopped the command, or closed its output.
    pub(crate) stopped: bool,
    /// Set if the peer declined the call: to call again would bother its user.
    pub(crate) declined: bool,
}

impl CliError {
    pub(crate) fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()), stopped: false, declined: false }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// An error of this host's system.
    pub(crate) fn local(error: impl std::fmt::Display) -> Self {
        Self::new(ExitCode::Incomplete, error.to_string())
    }

    /// A call of the host that cannot be carried out now.
    pub(crate) fn misuse(error: MisuseError) -> Self {
        match error {
            MisuseError::OwnNick => Self::usage("that is your own nick; name a peer's"),
            error => Self::new(ExitCode::Unreachable, error.to_string()),
        }
    }

    /// A failed write to standard output. A closed pipe means that its reader has enough; a full disk is an
    /// error.
    pub(crate) fn unwritten(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => {
                Self { stopped: true, ..Self::reported(ExitCode::Incomplete) }
            }
            _ => {
                Self::new(ExitCode::Incomplete, format!("cannot write to standard output: {error}"))
            }
        }
    }

    /// Stopped by the user.
    pub(crate) fn interrupted() -> Self {
        Self { stopped: true, ..Self::reported(ExitCode::Incomplete) }
    }

    /// An error that the user has read already.
    pub(crate) fn reported(code: ExitCode) -> Self {
        Self { code, message: None, stopped: false, declined: false }
    }

    /// Returns the reason for `--json`.
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
        match error {
            KeysError::Unsafe { .. } => {
                Self::new(ExitCode::Policy, format!("{error} with --data-dir"))
            }
            KeysError::OtherKey { .. } => Self::new(ExitCode::Policy, error.to_string()),
            _ => Self::new(ExitCode::Incomplete, error.to_string()),
        }
    }
}

/// Returns the exit code for a session or relay connection that failed.
pub(crate) fn code_of(error: &Error) -> ExitCode {
    match error.kind() {
        _ if error.is_about_encryption() => ExitCode::NotPrivate,
        ErrorKind::Unreachable => ExitCode::Unreachable,
        ErrorKind::Policy => ExitCode::Policy,
        _ => ExitCode::Incomplete,
    }
}

/// Returns the exit code for a transfer that failed.
pub(crate) fn code_of_transfer(error: &Error) -> ExitCode {
    match error.kind() {
        ErrorKind::Policy => ExitCode::Policy,
        _ => ExitCode::Incomplete,
    }
}
