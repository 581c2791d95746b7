//! Incoming calls that wait for a decision.

use std::net::SocketAddr;

use xcher_core::peer::SessionCommand;

use super::handle::SessionHandle;

/// A call that waits for a decision; without one it expires after [`Options::timeout`](super::Options::timeout).
/// An accepted call is reported as [`Event::Session`](super::Event::Session), or as
/// [`Event::CallRefused`](super::Event::CallRefused) if the caller cannot be reached.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) from: SocketAddr,
    pub(super) nick: Option<String>,
    pub(super) session: SessionHandle,
}

impl Call {
    /// Returns the address at which the caller listens.
    pub fn from(&self) -> SocketAddr {
        self.from
    }

    /// Returns the caller's nick, as the relay reports it.
    pub fn nick(&self) -> Option<&str> {
        self.nick.as_deref()
    }

    /// Connects to the caller.
    pub fn accept(&self) {
        self.session.command(SessionCommand::Accept);
    }

    /// Ignores the call.
    pub fn reject(&self) {
        self.session.command(SessionCommand::Reject);
    }
}
