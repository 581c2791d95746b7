//! Parts that every server and driver here shares: accepting connections, buffers to read into, rates.

pub(crate) mod accept;
pub(crate) mod rate_budget;
pub(crate) mod read_buffer;
