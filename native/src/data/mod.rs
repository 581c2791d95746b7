//! Moving the bytes of a file between a socket and the disk.
//!
//! The functions here block: each runs on a thread of its own, with a socket in blocking mode. To
//! cancel one, stop its brake; of one that receives, shut down both directions of a clone of its socket
//! as well: it returns at once. Progress is read from a counter that they move.

mod batch_receive;
mod batch_send;
mod buffers;
mod mark;
mod pipe_send;
mod receive;
mod sealed_receive;
mod sealed_send;
mod send;
#[cfg(target_os = "linux")]
mod splice;
mod store;
mod throttle;

pub use batch_receive::receive_batch;
pub use batch_send::send_batch;
pub use buffers::BufferBudget;
pub use mark::Mark;
pub use pipe_send::send_pipe;
pub use receive::{ReceiveEnd, receive};
pub use sealed_receive::receive_sealed;
pub use sealed_send::send_sealed;
#[cfg(test)]
use send::send_now;
pub use send::{SendEnd, send};
pub use store::{Store, write_with_holes};
pub use throttle::{Brake, Rate};

use xcher_core::stream::{Hasher, Seal};

/// How a file is sealed, and the sum of what an earlier try has moved of it.
#[derive(Debug)]
pub struct Sealing {
    /// As the state machine says.
    pub seal: Seal,
    /// Fed with the bytes that do not move again.
    pub begun: Hasher,
    /// What the file to be sent was when those were read.
    pub mark: Option<Mark>,
}

#[cfg(test)]
mod rate_tests;
#[cfg(test)]
mod sealed_tests;
#[cfg(test)]
mod tests;
