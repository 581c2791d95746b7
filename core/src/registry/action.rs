//! Actions for the driver.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::{CloseReason, ConnId, Outcome, Question, ReplyId, RequestId, Subject};

/// An action for the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send these bytes after those of earlier writes.
    Write {
        /// The connection.
        conn: ConnId,
        /// At least one byte.
        bytes: Vec<u8>,
    },
    /// Pass a report to the bridge of this client. Comes before the related write to the client.
    Report {
        /// The client's connection.
        conn: ConnId,
        /// The report.
        report: Report,
    },
    /// Count or log what became of a packet of this client, whose connection may be closed by now.
    Record {
        /// The client's connection.
        conn: ConnId,
        /// What became of it.
        outcome: Outcome,
    },
    /// Send all written bytes, then close. The registry has removed the connection and needs no
    /// [`Input::Closed`](super::Input::Closed).
    Close {
        /// The connection.
        conn: ConnId,
        /// The reason, for the log.
        reason: CloseReason,
    },
    /// Ask the operator's hook, within a time that the driver limits, and report the answer with
    /// [`Input::Decided`](super::Input::Decided).
    Ask(Question),
    /// Subscribe to this subject of the bus, before what follows is sent there.
    Subscribe(Subject),
    /// End the subscription.
    Unsubscribe(Subject),
    /// Send a request, whose end [`Input::Answered`](super::Input::Answered) reports.
    Request {
        /// Its number.
        id: RequestId,
        /// The subject.
        to: Subject,
        /// The message.
        bytes: Vec<u8>,
        /// Time after which it has failed.
        timeout: Duration,
    },
    /// Answer the request of another relay.
    Reply {
        /// Its number.
        to: ReplyId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Publish a message, without an answer.
    Publish {
        /// The subject.
        to: Subject,
        /// The message.
        bytes: Vec<u8>,
    },
}

/// A fact that the relay vouches for to the bridge of a client (section 10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The client has registered a nick.
    Registered,
    /// The relay forwards an X_INIT of the client that names an address allocated to it.
    Named {
        /// The address.
        at: SocketAddr,
        /// The callee's address as its relay sees it. `None` while the callee's relay is asked (section 23.4):
        /// another report follows if it forwards the call.
        callee: Option<IpAddr>,
    },
    /// The relay forwards an X_INIT to the client, and the named address is the caller's own as the relay
    /// sees it, or one allocated to the caller.
    Called {
        /// The address.
        at: SocketAddr,
    },
}
