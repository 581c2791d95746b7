//! How a host behaves.

use alloc::vec::Vec;
use core::net::IpAddr;

use super::PathPolicy;
use crate::{Limits, Nick, Platform};

/// What to do with the call of a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CallPolicy {
    /// Take it up.
    #[default]
    Accept,
    /// Ask the user first: [`Event::Call`](super::Event::Call).
    Ask,
    /// Leave it.
    Ignore,
}

/// How a host behaves.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The nicks to ask the relay for, in this order, until it gives one.
    pub nicks: Vec<Nick>,
    /// What to do with calls.
    pub calls: CallPolicy,
    /// Take up calls from private addresses over any relay.
    pub allow_private: bool,
    /// Which ways its connections may go.
    pub via: PathPolicy,
    /// The address to name in X_INIT, where it is not the one that the relay sees.
    pub advertise: Option<IpAddr>,
    /// What this host's file system takes for a name.
    pub platform: Platform,
    /// What it bears.
    pub limits: Limits,
}
