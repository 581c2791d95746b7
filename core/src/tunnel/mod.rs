//! Sockets lent over a tunnel: to a browser, or to a host behind NAT (section 10).
//!
//! A tunnel carries many streams. Each begins with one line, and is raw bytes from then on. What the
//! bridge lets a tunnel dial, and whom it lets in, is for [`Allocations`] to say.

mod allocation_error;
mod allocations;
mod first_line;

pub use allocation_error::AllocationError;
pub use allocations::{AllocationLimits, Allocations, Lease, Route, TunnelId};
pub use first_line::FirstLine;

/// The WebSocket subprotocol of a tunnel.
pub const SUBPROTOCOL: &str = "xcher.tunnel.1";
/// The path of the WebSocket.
pub const PATH: &str = "/xcher";
/// The longest first line of a stream, in bytes, its end included.
pub const MAX_FIRST_LINE_LEN: usize = 256;
