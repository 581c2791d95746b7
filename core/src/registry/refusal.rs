//! Why a packet of a client is not carried out.

use alloc::string::String;

use super::CloseReason;

/// What its X_ERR says, and what becomes of the connection.
pub(super) enum Refusal {
    /// The packet is in order, but is not carried out.
    Declined(String),
    /// The client should not have sent it. Such errors are counted.
    Error(String),
    /// The connection is closed.
    Over(String, CloseReason),
}
