//! Tells the relay by which path a call reached its callee, for its operator's counts (section 5.12).

use super::{Peer, Turn};
use crate::RelayPacket;
use crate::relay_caps::RelayCaps;

/// Behind the NAT that both hosts share.
pub(super) const NEAR: &str = "near";
/// Nobody connected back in time.
pub(super) const NONE: &str = "none";

impl Peer {
    /// Tells the relay the path of a call that it forwarded, if it counts paths.
    pub(super) fn tell_path(&mut self, path: &str, turn: &mut Turn<'_>) {
        if self.relay.nick().is_some() && self.relay.login.caps.has(RelayCaps::PATH) {
            self.write_relay(RelayPacket::Path(path), turn);
        }
    }
}
