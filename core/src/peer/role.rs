//! The roles of the connections and listeners of a host.

use super::{SessionId, TransferId};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ConnRole {
    Relay,
    Control(SessionId),
    /// Connected to a listener of this session's call, and not yet shown to be the callee's.
    Waiting(SessionId),
    /// To the relay, for this session's hole punching.
    Rendezvous(SessionId),
    Data(TransferId),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ListenerRole {
    Control(SessionId),
    /// The port from which this session's caller is dialled.
    Punch(SessionId),
    Data(TransferId),
}
