//! Handles to the task that owns a host.

use std::sync::Arc;

use tokio::sync::mpsc;
use xcher_core::peer::{SessionCommand, SessionId};

use super::command::Command;

/// Sends commands to the task. Does not keep it alive.
#[derive(Clone, Debug)]
pub(super) struct Handle(mpsc::UnboundedSender<Command>);

impl Handle {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Command>) {
        let (sender, commands) = mpsc::unbounded_channel();
        (Self(sender), commands)
    }

    /// Sends a command; a peer that was closed drops it, and with it the channel for its answer.
    pub(super) fn send(&self, command: Command) {
        let _ = self.0.send(command);
    }
}

/// Keeps the peer online: the last clone closes it.
#[derive(Clone, Debug)]
pub(super) struct Owner(Arc<Closer>);

#[derive(Debug)]
struct Closer(Handle);

impl Owner {
    pub(super) fn new(handle: Handle) -> Self {
        Self(Arc::new(Closer(handle)))
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.0.0
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.send(Command::Stop(None));
    }
}

/// A session, and what keeps it open: the last clone of one that this host opened ends it.
#[derive(Clone, Debug)]
pub(super) struct SessionHandle {
    pub(super) id: SessionId,
    handle: Handle,
    _guard: Option<Arc<SessionGuard>>,
}

#[derive(Debug)]
struct SessionGuard {
    id: SessionId,
    owner: Owner,
}

impl SessionHandle {
    /// Returns the handle of a session that this host opened, which keeps the peer online.
    pub(super) fn opened(id: SessionId, owner: Owner) -> Self {
        let handle = owner.handle().clone();
        Self { id, handle, _guard: Some(Arc::new(SessionGuard { id, owner })) }
    }

    /// Returns the handle of a session that the peer opened.
    pub(super) fn incoming(id: SessionId, handle: Handle) -> Self {
        Self { id, handle, _guard: None }
    }

    pub(super) fn send(&self, command: Command) {
        self.handle.send(command);
    }

    /// Forwards a command to the session.
    pub(super) fn command(&self, command: SessionCommand) {
        self.send(Command::Session(self.id, command));
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.owner.handle().send(Command::Session(self.id, SessionCommand::End));
    }
}
