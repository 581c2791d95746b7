//! The commands to one session as data, so that a driver forwards all of them with one method.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Action, Peer, SessionId};
use crate::session::Want;
use crate::{FileName, LeftOut, MisuseError, NotStored, SharedFile};

/// A command to one session. Each stands for the method of [`Peer`] that it names.
#[derive(Clone, Debug)]
pub enum SessionCommand {
    /// [`Peer::accept`].
    Accept,
    /// [`Peer::reject`].
    Reject,
    /// [`Peer::list`].
    List,
    /// [`Peer::check`].
    Check(FileName),
    /// [`Peer::offer`].
    Offer(Vec<SharedFile>),
    /// [`Peer::leave_out`].
    LeaveOut(Vec<LeftOut>),
    /// [`Peer::decline`].
    Decline(FileName),
    /// [`Peer::want`].
    Want(Want),
    /// [`Peer::skip`].
    Skip(FileName, NotStored),
    /// [`Peer::end`].
    End,
}

impl Peer {
    /// Runs a command to a session.
    ///
    /// # Errors
    ///
    /// As the method that the command names.
    pub fn run_command(
        &mut self,
        session: SessionId,
        command: SessionCommand,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        match command {
            SessionCommand::Accept => self.accept(session, now, actions),
            SessionCommand::Reject => self.reject(session, now, actions),
            SessionCommand::List => self.list(session, now, actions),
            SessionCommand::Check(name) => self.check(session, name, now, actions),
            SessionCommand::Offer(files) => self.offer(session, files, now, actions),
            SessionCommand::LeaveOut(left) => self.leave_out(session, left, now, actions),
            SessionCommand::Decline(name) => self.decline(session, &name, now, actions),
            SessionCommand::Want(want) => self.want(session, want, now, actions),
            SessionCommand::Skip(name, why) => self.skip(session, &name, why, now, actions),
            SessionCommand::End => self.end(session, now, actions),
        }
    }
}
