//! Parts that every server and driver here shares: accepting connections, buffers to read into, rates, log
//! lines.

pub(crate) mod accept;
#[cfg(feature = "bridge")]
pub(crate) mod log_line;
pub(crate) mod rate_budget;
pub(crate) mod read_buffer;
