//! Parts that every server and driver here shares: accepting connections, buffers to read into, rates, log
//! lines.

pub(crate) mod accept;
#[cfg(feature = "bridge")]
pub(crate) mod listener;
#[cfg(feature = "bridge")]
pub(crate) mod log_line;
#[cfg(feature = "bridge")]
pub(crate) mod proxy_header;
pub(crate) mod rate_budget;
pub(crate) mod read_buffer;
#[cfg(feature = "cli")]
pub(crate) mod socket_address;
#[cfg(all(unix, feature = "bridge"))]
pub(crate) mod unix_socket;
