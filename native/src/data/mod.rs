//! Transfers the bytes of a file between a socket and the disk.
//!
//! The functions here block: each runs on a thread of its own, with a socket in blocking mode. To
//! cancel one, stop its throttle; to cancel one that receives, also shut down both directions of a
//! clone of its socket. It then returns at once. They report progress through a counter.

mod batch_receive;
mod batch_send;
mod buffers;
mod destination;
mod mark;
mod pipe_send;
mod receive;
mod sealed_receive;
mod sealed_send;
mod send;
mod send_end;
#[cfg(target_os = "linux")]
mod splice;
mod store;
mod throttle;

pub use batch_receive::receive_batch;
pub use batch_send::send_batch;
pub use buffers::BufferBudget;
pub use destination::ReceiveEnd;
pub use mark::Mark;
pub use pipe_send::send_pipe;
pub use receive::receive;
pub use sealed_receive::receive_sealed;
pub use sealed_send::send_sealed;
pub use send::send;
#[cfg(test)]
use send::send_now;
pub use send_end::SendEnd;
pub use store::{Store, write_with_holes};
pub use throttle::{Rate, Throttle};

use xcher_core::stream::{Hasher, Seal};

/// The encryption of a file, and the digest of the part that an earlier attempt transferred.
#[derive(Debug)]
pub struct Sealing {
    /// The seal that the state machine returned.
    pub seal: Seal,
    /// A hasher fed with the bytes that are not transferred again.
    pub prefix: Hasher,
    /// The state of the file to be sent when those bytes were read.
    pub mark: Option<Mark>,
}

#[cfg(test)]
mod rate_tests;
#[cfg(test)]
mod sealed_tests;
#[cfg(test)]
mod tests;
