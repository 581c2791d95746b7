//! The configuration of a host.

use alloc::vec::Vec;
use core::net::IpAddr;

use super::PathPolicy;
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
    /// The address to name in X_INIT, if it is not the one that the relay sees.
    pub advertise: Option<IpAddr>,
    /// The platform that file names must suit.
    pub platform: Platform,
    /// The bounds on time, memory and traffic.
    pub limits: Limits,
}
