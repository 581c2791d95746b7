//! Declined calls: a callee tells that it declines, and a caller learns of it (section 5.13).

use super::session_entry::SessionEntry;
use super::{Error, Peer, Turn};
use crate::RelayPacket;
use crate::relay_caps::RelayCaps;
use crate::ticket::Ticket;

impl Peer {
    /// Tells the caller that its call is declined, where relay and call permit it.
    pub(super) fn decline_call(&mut self, ticket: Option<&Ticket>, turn: &mut Turn<'_>) {
        if let Some(ticket) = ticket.filter(|_| self.relay.login.caps.has(RelayCaps::DECLINE)) {
            self.write_relay(RelayPacket::Decline(&ticket.text()), turn);
        }
    }

    /// The relay says that the callee has declined the call with this ticket. A call that is connected or over is
    /// not affected.
    pub(super) fn call_declined(&mut self, ticket: &str, turn: &mut Turn<'_>) {
        let Some(ticket) = Ticket::parse(ticket) else { return };
        let is_it =
            |entry: &SessionEntry| entry.connection().is_none() && entry.listeners.expects(&ticket);
        let id = self.sessions.iter().find(|(_, entry)| is_it(entry)).map(|(id, _)| *id);
        if let Some(id) = id {
            self.open_failed(id, Error::CallDeclined, turn);
        }
    }
}
