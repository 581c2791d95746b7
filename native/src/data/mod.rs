//! Moving the bytes of a file between a socket and the disk.
//!
//! The functions here block: each runs on a thread of its own, with a socket in blocking mode. To
//! cancel one that receives, shut down both directions of a clone of its socket; it returns at once.
//! One that sends has a switch for it. Progress is read from a counter that they move.

mod buffers;
mod receive;
mod sealed_receive;
mod sealed_send;
mod send;
#[cfg(target_os = "linux")]
mod splice;

pub use buffers::BufferBudget;
pub use receive::{ReceiveEnd, receive};
pub use sealed_receive::receive_sealed;
pub use sealed_send::send_sealed;
pub use send::{SendEnd, send};

#[cfg(test)]
mod sealed_tests;
#[cfg(test)]
mod tests;
