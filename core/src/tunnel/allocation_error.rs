//! Refusals of a bridge.

use core::fmt;
use core::net::SocketAddr;

use crate::addr::AddrError;

/// The reason why a bridge refuses a connection or a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllocationError {
    /// No X_INIT named this address, or the call was answered already or has expired; and the tunnel has no
    /// connection to it.
    NoCall(SocketAddr),
    /// The address is the bridge's own, but not of a listener that it allocated.
    NotAllocated(SocketAddr),
    /// The listener exists, but expects neither a call nor a data connection from this visitor.
    NotExpected(SocketAddr),
    /// The address or port must not be dialled.
    Address(AddrError),
    /// The tunnel has neither a nick nor a connection, one of which a listener needs.
    NoNick,
    /// The tunnel or its client's address has as many listeners as the limits allow.
    TooManyListeners,
}

impl fmt::Display for AllocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCall(to) => write!(f, "{to} is not authorised by any call or session"),
            Self::NotAllocated(to) => write!(f, "{to} is not a port that this bridge allocated"),
            Self::NotExpected(at) => write!(f, "the listener at {at} expects another visitor"),
            Self::Address(error) => error.fmt(f),
            Self::NoNick => f.write_str("X_LISTEN needs a nick at the relay or a connection"),
            Self::TooManyListeners => f.write_str("too many listeners"),
        }
    }
}

impl core::error::Error for AllocationError {}
