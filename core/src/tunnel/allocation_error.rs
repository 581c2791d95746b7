//! Why a bridge does not dial, listen or let in.

use core::fmt;
use core::net::SocketAddr;

use crate::addr::AddrError;

/// Why a tunnel does not get a connection or a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocationError {
    /// No X_INIT named this address, or it was dialled already, or too late; and no connection of
    /// this tunnel goes there.
    NoCall(SocketAddr),
    /// The address is the bridge's own, and no listener of the bridge is there.
    NotAllocated(SocketAddr),
    /// The listener is there, but neither for a call nor for a session with this visitor.
    NotExpected(SocketAddr),
    /// The address or port is one that may not be dialled.
    Address(AddrError),
    /// A listener is for a call or a session, and the tunnel has neither nick nor connection.
    NoNick,
    /// The tunnel, or its address, has as many listeners as it may have.
    TooManyListeners,
}

impl fmt::Display for AllocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCall(to) => {
                write!(
                    f,
                    "expected an address that an X_INIT brought or a session goes to, got {to}"
                )
            }
            Self::NotAllocated(to) => {
                write!(f, "expected a port that this bridge allocated at its own address, got {to}")
            }
            Self::NotExpected(at) => write!(f, "the listener at {at} awaits another visitor"),
            Self::Address(error) => error.fmt(f),
            Self::NoNick => f.write_str(
                "expected a nick at the relay or a connection before X_LISTEN, got none",
            ),
            Self::TooManyListeners => f.write_str("expected fewer listeners, got one too many"),
        }
    }
}

impl core::error::Error for AllocationError {}
