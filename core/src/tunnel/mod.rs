//! Tunnels, through which a bridge provides sockets to a browser or to a host behind NAT (section 10).
//!
//! A tunnel carries many streams. Each starts with one [`FirstLine`] and carries raw bytes afterwards.
//! [`Allocations`] decides which addresses a tunnel may dial and which visitors it may accept.
//!
//! ```
//! use core::time::Duration;
//! use xcher_core::tunnel::{AllocationError, AllocationLimits, Allocations, FirstLine};
//!
//! let mut bridge = Allocations::new(AllocationLimits::default(), true);
//! let tunnel = bridge.open([198, 18, 0, 1].into(), false);
//! let now = Duration::ZERO;
//!
//! // The client asks to dial an address. No X_INIT has named it.
//! let FirstLine::Dial(to) = FirstLine::parse("X_DIAL 8.8.8.8 40000")? else { panic!() };
//! assert_eq!(bridge.dial(tunnel, to, false, now), Err(AllocationError::NoCall(to)));
//!
//! // The relay forwards an X_INIT with this address to the client.
//! bridge.record_call(tunnel, to, now);
//! let (_route, lease) = bridge.dial(tunnel, to, false, now).expect("a call authorises it");
//! bridge.closed(lease);
//! # Ok::<(), xcher_core::ProtocolError>(())
//! ```

mod allocation_error;
mod allocations;
mod first_line;
mod first_line_buffer;
mod quota;

pub use allocation_error::AllocationError;
pub use allocations::{AllocationLimits, Allocations, Lease, Route, TunnelId};
pub use first_line::FirstLine;
pub use first_line_buffer::{FirstLineBuffer, FirstLineError};
pub use quota::{
    MAX_QUOTA_ADDRESSES, Month, QuotaAccount, QuotaError, QuotaLimits, QuotaRecord, Quotas, Reset,
    Spent,
};

pub use crate::before_module::{PATH, SUBPROTOCOL};

/// Bytes of the longest first line of a stream, including its end.
pub const MAX_FIRST_LINE_LEN: usize = 256;
/// Concurrent streams that a client may open in one tunnel (section 8). A session with sixteen transfers in
/// each direction needs about seventy.
pub const MAX_STREAMS: usize = 128;
/// Concurrent streams of one tunnel for visitors of its listeners (section 8).
pub const MAX_VISITORS: usize = 64;
/// Bytes that each side of a new stream may send before the other one reads (yamux's window).
pub const STREAM_CREDIT: usize = 256 << 10;
/// Bytes of the longest yamux frame to send, so that streams share the tunnel fairly.
pub const MAX_FRAME_LEN: usize = 64 << 10;
