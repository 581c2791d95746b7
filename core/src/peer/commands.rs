//! The user's commands to the peer of a session (section 3).

use alloc::vec::Vec;
use core::time::Duration;

use super::session_entry::{Command, SessionEntry};
use super::{Action, ConnId, Error, Event, Peer, SessionId, Turn};
use crate::{FileName, LeftOut, MisuseError, ProtocolError, SharedFile};

impl Peer {
    /// Returns a session's control connection, for a driver whose user does not read as fast as it comes.
    pub fn control_connection(&self, session: SessionId) -> Option<ConnId> {
        self.sessions.get(&session)?.conn()
    }

    /// Requests the list of what the peer shares: [`Event::Entry`] for each, then [`Event::ListEnd`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`], [`MisuseError::AlreadyAsked`], [`MisuseError::Closing`].
    pub fn list(
        &mut self,
        session: SessionId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.send_command(session, Command::List, now, actions)
    }

    /// Asks if the peer shares a file: [`Event::Checked`].
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list); [`MisuseError::TooManyRequests`].
    pub fn check(
        &mut self,
        session: SessionId,
        name: FileName,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.send_command(session, Command::Check(name), now, actions)
    }

    /// Offers files. The peer fetches them, or declines some: [`Event::Declined`].
    /// [`Event::NotOffered`] if the peer knows no offers, or the session is not encrypted.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn offer(
        &mut self,
        session: SessionId,
        files: Vec<SharedFile>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.send_command(session, Command::Offer(files), now, actions)
    }

    /// Names what the next offer cannot include. A peer that does not know the packet is sent nothing.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn leave_out(
        &mut self,
        session: SessionId,
        left: Vec<LeftOut>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.send_command(session, Command::LeaveOut(left), now, actions)
    }

    /// Declines an offered file.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`].
    pub fn decline(
        &mut self,
        session: SessionId,
        name: &FileName,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.run(now, actions, |peer, turn| {
            let entry = peer.sessions.get_mut(&session).ok_or(MisuseError::NoSession)?;
            let mut out = Vec::new();
            entry.session.refuse(name, &mut out);
            entry.write(out, turn);
            Ok(())
        })
    }

    /// Sends X_END and closes the connection. Moving transfers continue; waiting ones are cancelled.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`].
    pub fn end(
        &mut self,
        session: SessionId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.run(now, actions, |peer, turn| {
            if !peer.sessions.contains_key(&session) {
                return Err(MisuseError::NoSession);
            }
            peer.leave(session, None, turn);
            Ok(())
        })
    }

    fn send_command(
        &mut self,
        id: SessionId,
        command: Command,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.run(now, actions, |peer, turn| {
            let max_waiting = peer.config.limits.questions;
            let entry = peer.sessions.get_mut(&id).ok_or(MisuseError::NoSession)?;
            let is_established = entry.auth.is_established();
            let mut out = Vec::new();
            if is_established {
                if !command.is_known_to(&entry.session) {
                    turn.notify(not_offered(id, entry));
                    return Ok(());
                }
                command.send(&mut entry.session, &mut out)?;
                notify_declined(id, &command, entry, turn);
            }
            if !(is_established && entry.session.has_received_packet()) {
                if !is_established && entry.commands.contains(&command) {
                    return Err(MisuseError::AlreadyAsked);
                }
                if entry.commands.len() >= max_waiting {
                    return Err(MisuseError::TooManyRequests);
                }
                entry.commands.push(command);
            }
            entry.heard = turn.now;
            entry.write(out, turn);
            Ok(())
        })
    }

    /// Sends the commands given before the session was established.
    pub(super) fn send_commands(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let mut out = Vec::new();
        let commands = core::mem::take(&mut entry.commands);
        for command in &commands {
            if !command.is_known_to(&entry.session) {
                turn.notify(not_offered(id, entry));
                continue;
            }
            // Each was checked when it was given, and nothing else has been sent since.
            let sent = command.send(&mut entry.session, &mut out);
            debug_assert_eq!(sent, Ok(()));
            notify_declined(id, command, entry, turn);
        }
        entry.commands = commands;
        entry.write(out, turn);
        self.start_fetches(id, turn);
    }
}

/// Reports files that are not offered, because the peer would mistake them for others, as declined.
fn notify_declined(id: SessionId, command: &Command, entry: &SessionEntry, turn: &mut Turn<'_>) {
    for name in command.not_offered(&entry.session) {
        turn.notify(Event::Declined { session: id, name });
    }
}

/// Returns why nothing is offered in a session.
fn not_offered(session: SessionId, entry: &SessionEntry) -> Event {
    let error = match entry.auth.key() {
        Some(_) => ProtocolError::NoOffers,
        None => ProtocolError::Unencrypted,
    };
    Event::NotOffered { session, error: Error::Protocol(error) }
}
