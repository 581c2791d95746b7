//! Inputs from the driver.

use core::net::SocketAddr;
use core::time::Duration;

use super::{Account, Answer, ConnId, Decision, QuestionId, ReplyId, RequestId};

/// An input from the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// The driver accepted a connection.
    Connected {
        /// Its number.
        conn: ConnId,
        /// The client's address.
        from: SocketAddr,
    },
    /// The driver received bytes.
    Received {
        /// The connection.
        conn: ConnId,
        /// The bytes, split anywhere.
        bytes: &'a [u8],
    },
    /// The driver sent bytes of earlier [`Action::Write`](super::Action::Write)s.
    Sent {
        /// The connection.
        conn: ConnId,
        /// Bytes sent.
        bytes: usize,
    },
    /// The client closed the connection, or it failed.
    Closed {
        /// The connection.
        conn: ConnId,
    },
    /// The connection belongs to a bridge's client: [`Action::Report`](super::Action::Report)s report its calls.
    Bridged {
        /// The connection.
        conn: ConnId,
    },
    /// The bridge has checked the token of its client, which counts for this account. Follows [`Input::Bridged`].
    /// Ignored if the relay has no users (section 5.11).
    Admitted {
        /// The connection.
        conn: ConnId,
        /// For whom it counts.
        account: &'a Account,
    },
    /// The bridge allocated an address to the client, which its X_INITs may name. Ignored above
    /// [`RelayLimits::allocations`](crate::RelayLimits::allocations).
    Allocated {
        /// The connection.
        conn: ConnId,
        /// The address and port.
        at: SocketAddr,
    },
    /// The bridge released an address. The registry releases all of them when the connection closes.
    Released {
        /// The connection.
        conn: ConnId,
        /// The address and port.
        at: SocketAddr,
    },
    /// The bus of the cluster is reachable, and all subscriptions are in force (again).
    BusConnected,
    /// The bus is not reachable. The driver keeps the subscriptions and renews them.
    BusLost,
    /// A request of this relay has ended.
    Answered {
        /// Its number.
        request: RequestId,
        /// How.
        answer: Answer<'a>,
    },
    /// Another relay sent a request to a subject of this one.
    Requested {
        /// The number that the reply must name.
        reply: ReplyId,
        /// The message.
        bytes: &'a [u8],
    },
    /// Another relay published a message to a subject of this one.
    Published {
        /// The message.
        bytes: &'a [u8],
    },
    /// The operator's hook has answered a question, or has not.
    Decided {
        /// The question.
        question: QuestionId,
        /// The answer.
        decision: Decision<'a>,
    },
    /// Time has passed.
    Tick,
    /// The relay will stop: it asks the hosts that can to connect anew (section 5.9), and helps no more hosts to
    /// punch holes. [`Registry::is_drained`](super::Registry::is_drained) tells when it has nothing to wait for.
    Drain {
        /// Time until the driver sends [`Input::Stop`] at the latest.
        within: Duration,
    },
    /// The relay stops: it sends X_END to all clients and closes new connections.
    Stop,
}

impl Input<'_> {
    /// Returns the connection that the input concerns, if any.
    pub(super) fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Connected { conn, .. }
            | Self::Received { conn, .. }
            | Self::Sent { conn, .. }
            | Self::Closed { conn }
            | Self::Bridged { conn }
            | Self::Admitted { conn, .. }
            | Self::Allocated { conn, .. }
            | Self::Released { conn, .. } => Some(*conn),
            Self::BusConnected
            | Self::BusLost
            | Self::Answered { .. }
            | Self::Requested { .. }
            | Self::Published { .. }
            | Self::Decided { .. }
            | Self::Tick
            | Self::Drain { .. }
            | Self::Stop => None,
        }
    }
}
