//! Incoming calls that wait for a decision.

use std::net::SocketAddr;

use xcher_core::peer::{SessionCommand, SessionId};

use super::actor::Handle;

/// A call that waits for a decision; without one it expires after [`Options::timeout`](super::Options::timeout).
/// An accepted call is reported as [`Event::Session`](super::Event::Session), or as
/// [`Event::CallRefused`](super::Event::CallRefused) if the caller cannot be reached.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) session: SessionId,
    pub(super) from: SocketAddr,
    pub(super) nick: Option<String>,
    pub(super) handle: Handle,
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
        let session = self.session;
        // A call that has expired is reported as refused.
        self.handle.tell(move |actor| _ = actor.host.command(session, SessionCommand::Accept));
    }

    /// Ignores the call.
    pub fn reject(&self) {
        let session = self.session;
        self.handle.tell(move |actor| _ = actor.host.command(session, SessionCommand::Reject));
    }
}
