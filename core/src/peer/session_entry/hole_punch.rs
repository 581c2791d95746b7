//! The hole punching of one call, from the invitation to the link (section 5.8).

use alloc::string::String;
use core::time::Duration;

use crate::LineBuffer;
use crate::peer::{ConnId, ListenerId};
use crate::ticket::Ticket;

/// Time for the rendezvous of a callee, and for the attempts of both to connect.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// One attempt of two hosts to connect through their NATs.
#[derive(Default)]
pub(crate) struct HolePunch {
    /// The invitation and the relay's TCP port, once they have come.
    invitation: Option<(Ticket, u16)>,
    /// The listener from whose port the relay and the peer are dialled.
    listener: Option<ListenerId>,
    /// The connection of the rendezvous.
    rendezvous: Option<ConnId>,
    lines: LineBuffer,
    /// The ticket of the link, once the relay has told the peer's address.
    ticket: Option<Ticket>,
    /// Time at which it is given up.
    until: Option<Duration>,
}

impl HolePunch {
    /// Returns true if the relay was asked, and has not answered.
    pub(crate) fn awaits_invitation(&self) -> bool {
        self.invitation.is_none()
    }

    pub(crate) fn invited(&mut self, invitation: Ticket, port: u16) {
        self.invitation = Some((invitation, port));
    }

    /// Begins with this listener; returns false if that was done or there is no invitation.
    pub(crate) fn begin(&mut self, listener: ListenerId) -> bool {
        let may_begin = self.invitation.is_some() && self.listener.is_none();
        if may_begin {
            self.listener = Some(listener);
        }
        may_begin
    }

    /// Limits the time for what comes next.
    pub(crate) fn limit(&mut self, now: Duration) {
        self.until = Some(now.saturating_add(ATTEMPT_TIMEOUT));
    }

    /// The listener is open: returns the port at which to dial the relay over this connection.
    pub(crate) fn dial(&mut self, conn: ConnId) -> Option<u16> {
        let (_, port) = self.invitation.as_ref().filter(|_| self.rendezvous.is_none())?;
        self.rendezvous = Some(conn);
        Some(*port)
    }

    /// Returns the invitation as a field.
    pub(crate) fn invitation(&self) -> Option<String> {
        self.invitation.as_ref().map(|(invitation, _)| invitation.text())
    }

    /// Returns the buffer of the lines that come over the rendezvous.
    pub(crate) fn lines(&mut self) -> &mut LineBuffer {
        &mut self.lines
    }

    /// The relay told the peer's address and this ticket; returns the listener from whose port to dial,
    /// or nothing if it had done so before.
    pub(crate) fn meets(&mut self, ticket: Ticket, now: Duration) -> Option<ListenerId> {
        let listener = self.listener.filter(|_| self.ticket.is_none())?;
        self.ticket = Some(ticket);
        self.limit(now);
        Some(listener)
    }

    /// Returns the ticket of the link, once the peer's address is known.
    pub(crate) fn ticket(&self) -> Option<&Ticket> {
        self.ticket.as_ref()
    }

    pub(crate) fn listener(&self) -> Option<ListenerId> {
        self.listener
    }

    pub(crate) fn rendezvous(&self) -> Option<ConnId> {
        self.rendezvous
    }

    /// The connection of the rendezvous is closed.
    pub(crate) fn left(&mut self) {
        self.rendezvous = None;
    }

    pub(crate) fn until(&self) -> Option<Duration> {
        self.until
    }
}
