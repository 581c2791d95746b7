//! Refusals of clients' packets.

use alloc::string::String;

use super::{CloseReason, Rule};

/// The refusal of a packet: the rule that forbids it, the reason for X_ERR, and its effect on the connection.
pub(super) enum Refusal {
    /// The packet is valid, but must not be carried out.
    Declined(Rule, String),
    /// The packet is an error of the client, which the registry counts.
    Error(Rule, String),
    /// The registry closes the connection.
    Close(Rule, String, CloseReason),
}
