//! The path that the NATs of two hosts leave to them.

use super::super::lab::Nat;

/// The best path between two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Best {
    Direct,
    Punched,
    Bridge,
}

/// Returns the best path that the NATs of two hosts leave to them.
pub(super) fn best(caller: Nat, callee: Nat, is_delayed: bool) -> Best {
    use Nat::{AddressRestricted, Firewall, FullCone, Open, PortRestricted, Refusing, Symmetric};
    match (caller, callee) {
        // The callee dials the caller's port.
        (Open | FullCone, _) => Best::Direct,
        // The caller dials the callee's rendezvous, an ordinary connection too.
        (_, Open | FullCone) => Best::Punched,
        // What it sends lets the other's connection in, whichever port the other's NAT gives that.
        (AddressRestricted, _) | (_, AddressRestricted) => Best::Punched,
        // The port of its connection to the other host is not that of its connection to the relay, so the
        // other's NAT does not let it in.
        (Symmetric, _) | (_, Symmetric) => Best::Bridge,
        // Each NAT refuses a connection that arrives before its own host has sent something, and that ends the
        // attempt on both sides. Only packets that take time cross on the way.
        (Refusing, Refusing) if !is_delayed => Best::Bridge,
        // Both connect at once.
        (Firewall | PortRestricted | Refusing, Firewall | PortRestricted | Refusing) => {
            Best::Punched
        }
    }
}
