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

pub(crate) use batch_receive::receive_batch;
pub(crate) use batch_send::send_batch;
pub(crate) use buffers::BufferBudget;
pub(crate) use destination::ReceiveEnd;
pub(crate) use mark::Mark;
pub(crate) use pipe_send::send_pipe;
pub(crate) use receive::receive;
pub(crate) use sealed_receive::receive_sealed;
pub(crate) use sealed_send::send_sealed;
pub(crate) use send::send;
#[cfg(test)]
use send::send_now;
pub(crate) use send_end::SendEnd;
pub(crate) use store::{Store, write_with_holes};
pub use throttle::Rate;
pub(crate) use throttle::Throttle;

use xcher_core::stream::{Hasher, Seal};

/// The encryption of a file, and the digest of the part that an earlier attempt transferred.
#[derive(Debug)]
pub(crate) struct Sealing {
    /// The seal that the state machine returned.
    pub(crate) seal: Seal,
    /// A hasher fed with the bytes that are not transferred again.
    pub(crate) prefix: Hasher,
    /// The state of the file to be sent when those bytes were read.
    pub(crate) mark: Option<Mark>,
}

#[cfg(test)]
mod rate_tests;
#[cfg(test)]
mod sealed_tests;
#[cfg(test)]
mod tests;
