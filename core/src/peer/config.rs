//! The configuration of a host.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use super::PathPolicy;
use crate::relay_packet::is_token;
use crate::{Limits, Nick, Platform};

/// The answer of a host to incoming calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CallPolicy {
    /// Accepts them.
    #[default]
    Accept,
    /// Asks the user: [`Event::Call`](super::Event::Call).
    Ask,
    /// Ignores them.
    Ignore,
}

/// The token of a user of a relay (section 5.11): 1 to 256 bytes of printable ASCII, without spaces. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayToken(Box<str>);

impl RelayToken {
    /// Checks `text`; returns `None` for anything that is no token.
    pub fn parse(text: &str) -> Option<Self> {
        is_token(text).then(|| Self(text.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RelayToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayToken(…)")
    }
}

/// The configuration of a host.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The nicks to ask the relay for, in this order, until it gives one.
    pub nicks: Vec<Nick>,
    /// The answer to incoming calls.
    pub calls: CallPolicy,
    /// Accepts calls from private addresses over any relay.
    pub allow_private: bool,
    /// Connects to hosts behind the same NAT in their network (section 5.7).
    pub near: bool,
    /// Connects to hosts behind other NATs by hole punching (section 5.8).
    pub punch: bool,
    /// The paths that connections can take.
    pub via: PathPolicy,
    /// The token to show a relay that knows users. It is shown only over loopback, and where
    /// `is_relay_confidential`: otherwise this host does not go online at such a relay.
    pub token: Option<RelayToken>,
    /// True if nobody on the path reads what this host and its relay, or its bridge, say, because the driver
    /// connects by TLS.
    pub is_relay_confidential: bool,
    /// The address to name in X_INIT, if it is not the one that the relay sees.
    pub advertise: Option<IpAddr>,
    /// The platform that file names must suit.
    pub platform: Platform,
    /// The bounds on time, memory and traffic.
    pub limits: Limits,
}
