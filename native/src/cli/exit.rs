//! How a command ends.

use xcher_core::MisuseError;
use xcher_core::peer::{Error, ErrorKind};

use super::privacy::is_about_privacy;

/// The exit codes (README, "Exit codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Code {
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
pub(super) struct CliError {
    pub(super) code: Code,
    /// One line for the user; `None` where it was told already, or there is nothing to tell.
    pub(super) message: Option<String>,
    /// The user stopped it, or nobody reads its output any more.
    pub(super) stopped: bool,
}

impl CliError {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()), stopped: false }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    /// This host's system refused something.
    pub(super) fn local(error: impl std::fmt::Display) -> Self {
        Self::new(Code::Incomplete, error.to_string())
    }

    /// The host could not be asked to do it.
    pub(super) fn misuse(error: MisuseError) -> Self {
        let code = match error {
            MisuseError::OwnNick => Code::Usage,
            _ => Code::Unreachable,
        };
        Self::new(code, error.to_string())
    }

    /// Standard output did not take what was to be written. Whoever closed it wants no more, and a
    /// full disk is told of.
    pub(super) fn unwritten(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => {
                Self { stopped: true, ..Self::told(Code::Incomplete) }
            }
            _ => Self::new(Code::Incomplete, format!("standard output cannot be written: {error}")),
        }
    }

    /// The user ended it: there is nothing to tell.
    pub(super) fn interrupted() -> Self {
        Self { code: Code::Incomplete, message: None, stopped: true }
    }

    /// What the user was told of already.
    pub(super) fn told(code: Code) -> Self {
        Self { code, message: None, stopped: false }
    }

    /// What a program is told: the same as a person, or that it was told before.
    pub(super) fn reason(&self) -> &str {
        match &self.message {
            Some(message) => message,
            None if self.stopped => "stopped",
            None => "the events before this one say what failed",
        }
    }
}

/// The code for a session or a link that failed.
pub(super) fn code_of(error: &Error) -> Code {
    match error.kind() {
        _ if is_about_privacy(error) => Code::NotPrivate,
        ErrorKind::Unreachable => Code::Unreachable,
        ErrorKind::Policy => Code::Policy,
        ErrorKind::Refused
        | ErrorKind::Incomplete
        | ErrorKind::Protocol
        | ErrorKind::Local
        | ErrorKind::Cancelled => Code::Incomplete,
    }
}

/// The code for a file that did not get across.
pub(super) fn code_of_transfer(error: &Error) -> Code {
    match error.kind() {
        ErrorKind::Policy => Code::Policy,
        _ => Code::Incomplete,
    }
}
