//! Sockets lent over a tunnel: to a browser, or to a host behind NAT (section 10).
//!
//! A tunnel carries many streams. Each begins with one line, and is raw bytes from then on. What the
//! bridge lets a tunnel dial, and whom it lets in, is for [`Allocations`] to say.

mod allocation_error;
mod allocations;
mod first_line;
mod first_line_buffer;

pub use allocation_error::AllocationError;
pub use allocations::{AllocationLimits, Allocations, Lease, Route, TunnelId};
pub use first_line::FirstLine;
pub use first_line_buffer::{FirstLineBuffer, FirstLineError};

/// The WebSocket subprotocol of a tunnel.
pub const SUBPROTOCOL: &str = "xcher.tunnel.1";
/// The path of the WebSocket.
pub const PATH: &str = "/xcher";
/// The longest first line of a stream, in bytes, its end included.
pub const MAX_FIRST_LINE_LEN: usize = 256;
/// The most streams that a client may open in one tunnel (section 8). A session with sixteen files each
/// way takes about seventy.
pub const MAX_STREAMS: usize = 128;
/// The most streams of one tunnel that bring visitors of its listeners (section 8).
pub const MAX_VISITORS: usize = 64;
/// The bytes that yamux lets each side of a new stream send before the other takes any.
pub const STREAM_CREDIT: usize = 256 << 10;
/// The longest yamux frame that is sent, so that streams take turns.
pub const MAX_FRAME_LEN: usize = 64 << 10;
