//! What XCHER needs of a host: sockets, files, timers. Every decision is `xcher_core`'s.

pub mod bridge;
pub mod cli;
pub mod data;
mod descriptors;
pub mod files;
pub mod host;
pub mod http;
pub mod keys;
mod net;
pub mod relay;
mod relay_address;
pub mod tunnel;

pub use relay_address::RelayAddress;
