//! The log of a relay: a line for each connection when it ends, and one for each call.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tracing::{Level, enabled, info};
use xcher_core::registry::{Account, Asked, ConnId, Outcome, Registry, UserName};
use xcher_core::secure::PublicKey;

use super::tcp_connection::Ending;
use crate::net::log_line::{self, LineLimit, seconds, shown};

/// The names of a connection as the log shows them, each once it is known.
#[derive(Debug, Default)]
pub(super) struct ShownNames {
    pub(super) nick: OnceLock<Box<str>>,
    pub(super) user: OnceLock<UserName>,
}

/// Writes the line of a connection when dropped: also if its task panics or is aborted.
pub(super) struct ConnectionLine {
    id: ConnId,
    address: SocketAddr,
    names: Arc<ShownNames>,
    since: Instant,
    /// Bytes received.
    pub(super) received: u64,
    /// Bytes sent.
    pub(super) sent: u64,
    /// Why it ended: a label.
    outcome: &'static str,
    /// The error, if it failed.
    error: Option<String>,
}

impl ConnectionLine {
    pub(super) fn new(id: ConnId, address: SocketAddr, names: Arc<ShownNames>) -> Self {
        let (since, outcome) = (Instant::now(), "dropped");
        Self { id, address, names, since, received: 0, sent: 0, outcome, error: None }
    }

    /// Notes why the connection ends.
    pub(super) fn end(&mut self, ending: &Ending) {
        self.outcome = match ending {
            Ending::HalfClosed => "closed_by_client",
            Ending::Failed(_) => "failed",
            Ending::Closing(reason) => reason.label(),
        };
        if let Ending::Failed(error) = ending {
            self.error = Some(error.to_string());
        }
    }
}

impl Drop for ConnectionLine {
    fn drop(&mut self) {
        let Self { id, address, names, since, received, sent, outcome, error } = self;
        info!(
            target: log_line::CONNECTION,
            parent: None,
            id = id.0,
            nick = names.nick.get().map(|nick| &**nick),
            user = names.user.get().map(UserName::as_str),
            %address,
            outcome,
            error,
            received,
            sent,
            seconds = seconds(since.elapsed()),
            "connection"
        );
    }
}

/// The line of a call, a meeting or a nick, to be written without the hub's lock.
pub(super) struct CallLine {
    id: ConnId,
    nick: Option<Box<str>>,
    user: Option<UserName>,
    address: Option<IpAddr>,
    asked: Asked,
    callee: Option<Box<str>>,
    /// The key that the host has proved.
    key: Option<PublicKey>,
    outcome: &'static str,
    /// Lines that the limit left out before this one.
    left_out: u32,
}

/// Returns the line for an outcome, if such lines are wanted. A nick that is not online is left out: it may be
/// anything, a whole code too.
pub(super) fn call_line(
    registry: &Registry,
    conn: ConnId,
    outcome: Outcome,
    limit: &LineLimit,
) -> Option<CallLine> {
    if !enabled!(target: log_line::CALL, Level::INFO) {
        return None;
    }
    let (asked, callee, outcome) = match outcome {
        Outcome::Called { callee } => (Asked::Init, callee, "delivered"),
        Outcome::Invited { callee } => (Asked::Meet, callee, "invited"),
        Outcome::Introduced { .. } => (Asked::Meet, None, "introduced"),
        Outcome::Registered => (Asked::Nick, None, "registered"),
        Outcome::Proved => (Asked::Key, None, "proved"),
        Outcome::Refused { asked, rule } => (asked, None, rule.label()),
        _ => return None,
    };
    let nick = |conn| registry.nick(conn).map(|nick| shown(nick).into());
    let left_out = limit.admit(Instant::now())?;
    let (callee, address) = (callee.and_then(nick), registry.address(conn));
    let user = registry.account(conn).and_then(Account::user).cloned();
    let nick = nick(conn);
    // Not at each call: it stays the same.
    let key = registry.key(conn).filter(|_| [Asked::Nick, Asked::Key].contains(&asked));
    Some(CallLine { id: conn, nick, user, address, asked, callee, key, outcome, left_out })
}

impl CallLine {
    pub(super) fn write(self) {
        let Self { id, nick, user, address, asked, callee, key, outcome, left_out } = self;
        let kind = match asked {
            Asked::Init => "call",
            Asked::Meet => "meeting",
            Asked::Nick => "nick",
            Asked::Key => "key",
            _ => "packet",
        };
        info!(
            target: log_line::CALL,
            parent: None,
            id = id.0,
            nick = nick.as_deref(),
            user = user.as_ref().map(UserName::as_str),
            address = address.map(tracing::field::display),
            packet = asked.label(),
            callee = callee.as_deref(),
            key = key.map(tracing::field::display),
            outcome,
            left_out = (left_out > 0).then_some(left_out),
            "{kind}"
        );
    }
}
