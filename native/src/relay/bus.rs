//! What carries messages between the relays of a cluster, as the hub sees it.

use xcher_core::registry::Action;

/// The sending side of a bus.
pub(super) trait Bus: Send + Sync {
    /// Takes an action that concerns the bus. It is called while the registry is locked, in the order of the
    /// actions, and does not wait.
    fn carry_out(&self, action: Action);
}
