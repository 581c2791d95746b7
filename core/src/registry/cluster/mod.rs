//! A cluster: relays that share their nicks over a bus (section 23).
//!
//! The bus is any messaging system in which subscribing to a subject is visible to all: the driver owns the
//! connection to it. A relay's subscription to the subject of a nick is its lease on that nick.

mod subject;

use alloc::boxed::Box;
use core::time::Duration;

pub use subject::{RelayId, Subject};

/// The settings of a relay in a cluster.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Identifies the relay until it stops: random.
    pub relay: RelayId,
    /// The Unix time at which the registry's time was zero. It orders claims to one nick; a clock that is wrong
    /// decides nothing but which of two hosts keeps a nick that both had.
    pub epoch: Duration,
    /// The private network that the relay's hosts are in. Hosts of one site may call each other at private
    /// addresses; `None` is a site of its own.
    pub site: Option<Box<str>>,
}

/// Identifies a request to other relays, whose answer [`Input::Answered`](super::Input::Answered) reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Identifies a request of another relay, which [`Action::Reply`](super::Action::Reply) answers. The driver
/// assigns the numbers and never reuses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId(pub u64);

/// The end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// A relay's reply.
    Reply(&'a [u8]),
    /// No relay has subscribed to the subject.
    Nobody,
    /// The bus is not reachable, or no reply came in time.
    Failed,
}
