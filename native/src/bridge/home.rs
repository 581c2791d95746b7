//! The relay that a bridge's tunnels reach, and a tunnel's link to it.

use crate::relay::{InProcessConnection, Relay};

/// The relay that the tunnels of a bridge reach.
#[derive(Clone)]
pub enum Home {
    /// A relay in this process. It sees each client's own address, and learns the ports allocated to it.
    Here(Relay),
    /// A relay at this `HOST:PORT`. It sees the bridge's address, which the allocated ports have too.
    Elsewhere(String),
}

impl From<Relay> for Home {
    fn from(relay: Relay) -> Self {
        Self::Here(relay)
    }
}

/// A tunnel's link to the relay.
pub(super) enum RelayLink {
    Here(InProcessConnection),
    Elsewhere,
}
