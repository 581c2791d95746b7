//! Forwards an X_INIT to its callee, with what precedes it (section 5).

use alloc::vec::Vec;

use super::{Action, ConnId, Registry};
use crate::relay_caps::RelayCaps;
use crate::{Line, Nick, RelayPacket};

/// An X_INIT on its way to a callee.
pub(super) struct Delivery<'a> {
    /// Its sender, whom X_FROM names.
    pub(super) caller: Option<&'a Nick>,
    /// True if it names an inner address of a host that is near (section 5.7).
    pub(super) is_near: bool,
    pub(super) ticket: Option<&'a str>,
    pub(super) line: Line<'a>,
}

impl Registry {
    /// Writes an X_INIT byte for byte. Returns false if the callee does not read and was closed.
    pub(super) fn deliver(
        &mut self,
        target: ConnId,
        delivery: &Delivery<'_>,
        actions: &mut Vec<Action>,
    ) -> bool {
        let wants_from =
            self.clients.get(&target).is_some_and(|client| client.supports(RelayCaps::FROM));
        self.write_with(target, actions, |out| {
            if let Some(caller) = delivery.caller.filter(|_| wants_from) {
                RelayPacket::From(caller.as_str()).encode(out);
            }
            if delivery.is_near {
                RelayPacket::Near.encode(out);
            }
            if let Some(ticket) = delivery.ticket {
                RelayPacket::Ticket(ticket).encode(out);
            }
            out.extend_from_slice(delivery.line.raw().as_bytes());
        })
    }
}
