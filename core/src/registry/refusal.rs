//! Refusals of clients' packets.

use alloc::string::String;

use super::CloseReason;

/// The refusal of a packet: the reason for X_ERR, and its effect on the connection.
pub(super) enum Refusal {
    /// The packet is valid, but must not be carried out.
    Declined(String),
    /// The packet is an error of the client, which the registry counts.
    Error(String),
    /// The registry closes the connection.
    Close(String, CloseReason),
}
