//! The state of one session.

mod authentication;
mod awaited_receipts;
mod call;
mod call_listeners;
mod candidates;
mod command;
mod flow_control;
mod hole_punch;
mod transfer_queue;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

pub(crate) use authentication::Authentication;
pub(crate) use awaited_receipts::AwaitedReceipts;
pub(crate) use call::Call;
pub(crate) use call_listeners::{Admission, CallListeners, ExpectedTicket, InboundConn};
pub(crate) use candidates::{Candidates, Greeting};
pub(crate) use command::Command;
pub(crate) use flow_control::FlowControl;
pub(crate) use hole_punch::HolePunch;
pub(crate) use transfer_queue::TransferQueue;

use super::path_selection::SELECTS;
use super::{Action, ConnId, Path, Turn};
use crate::{Limits, Session};

/// Time after which a caller without a ticket that has sent nothing is taken for one of the base protocol.
const SILENT_CALLER_TIMEOUT: Duration = Duration::from_secs(3);

/// Time for which a connection to a listener is tried while another waits.
pub(crate) const TRIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// One session of a host. Each part keeps its own invariants.
pub(crate) struct SessionEntry {
    pub(crate) stage: SessionStage,
    pub(crate) call: Call,
    pub(crate) session: Session,
    pub(crate) auth: Authentication,
    pub(crate) flow: FlowControl,
    /// Set while the driver looks something up for the peer's oldest question.
    pub(crate) is_looking_up: bool,
    /// Commands that the peer may not have received yet.
    pub(crate) commands: Vec<Command>,
    /// The listeners at which the callee of this host's call is awaited.
    pub(crate) listeners: CallListeners,
    /// The addresses at which the caller of this host can be reached.
    pub(crate) candidates: Candidates,
    /// True if this host has shown no ticket: a caller without one may know nothing but the base protocol.
    pub(crate) is_without_ticket: bool,
    /// The attempt to connect through NATs.
    pub(crate) hole_punch: Option<Box<HolePunch>>,
    pub(crate) fetches: TransferQueue,
    pub(crate) serves: TransferQueue,
    /// Files that were sent and not yet reported as stored or not.
    pub(crate) receipts: AwaitedReceipts,
    /// Set once the session was reported as open.
    pub(crate) is_reported: bool,
    pub(crate) began: Duration,
    /// Time at which the peer last sent anything, or this host asked for anything.
    pub(crate) heard: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SessionStage {
    /// The driver was asked for a listener.
    Listening,
    /// X_INIT was sent.
    Calling,
    /// The user is asked whether to accept.
    Consent,
    Dialling {
        since: Duration,
    },
    /// Connected. Listeners stay open until the peer has shown itself.
    Live(Connection),
}

/// A control connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Connection {
    pub(crate) conn: ConnId,
    /// The address of this end.
    pub(crate) local: IpAddr,
    /// The address of the other end.
    pub(crate) peer: IpAddr,
    /// The other end, as the driver named it.
    pub(crate) remote: SocketAddr,
    /// The path of this connection, and of those for its files.
    pub(crate) path: Path,
    /// True if both hosts are behind one NAT, and this connection stays there.
    pub(crate) is_near: bool,
    pub(crate) since: Duration,
}

impl Connection {
    /// Returns the connection to name for others of its link or tunnel, if it is a stream of one.
    pub(crate) fn link(&self) -> Option<ConnId> {
        (self.path != Path::Direct).then_some(self.conn)
    }
}

impl SessionEntry {
    /// Returns it in a box, since it is large and the map that keeps it moves its values.
    pub(crate) fn new(call: Call, now: Duration, limits: &Limits) -> Box<Self> {
        Box::new(Self {
            stage: match call {
                Call::Outgoing { .. } => SessionStage::Listening,
                Call::Incoming { .. } => SessionStage::Consent,
            },
            call,
            session: Session::new(limits),
            auth: Authentication::default(),
            flow: FlowControl::default(),
            is_looking_up: false,
            commands: Vec::new(),
            listeners: CallListeners::default(),
            candidates: Candidates::default(),
            is_without_ticket: false,
            hole_punch: None,
            fetches: TransferQueue::default(),
            serves: TransferQueue::default(),
            receipts: AwaitedReceipts::default(),
            is_reported: false,
            began: now,
            heard: now,
        })
    }

    /// Forgets everything of a connection that was not the peer's: the call waits for another.
    pub(crate) fn restart(&mut self, limits: &Limits) {
        self.stage = SessionStage::Calling;
        self.session = Session::new(limits);
        self.auth = Authentication::default();
        self.flow = FlowControl::default();
        self.is_looking_up = false;
    }

    pub(crate) fn connection(&self) -> Option<&Connection> {
        match &self.stage {
            SessionStage::Live(connection) => Some(connection),
            _ => None,
        }
    }

    pub(crate) fn conn(&self) -> Option<ConnId> {
        self.connection().map(|connection| connection.conn)
    }

    /// Returns true if the relay was asked to forward its call, and has not said what became of that.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.stage == SessionStage::Calling && self.listeners.is_unanswered()
    }

    /// Returns the time at which another path of its call is due.
    pub(crate) fn next_path_at(&self) -> Option<Duration> {
        let next = match self.call {
            Call::Outgoing { .. } => self.listeners.next_path_at(),
            Call::Incoming { .. } => self.candidates.next_dial_at(),
        };
        let punch = self.listeners.punch_at().into_iter().chain(self.punch_until());
        next.into_iter().chain(punch).min()
    }

    /// Returns true if the relay was asked for hole punching, and has not answered.
    pub(crate) fn awaits_invitation(&self) -> bool {
        self.hole_punch.as_ref().is_some_and(|punch| punch.awaits_invitation())
    }

    /// Returns the time at which hole punching is given up.
    pub(crate) fn punch_until(&self) -> Option<Duration> {
        self.hole_punch.as_ref().filter(|_| SELECTS)?.until()
    }

    pub(crate) fn deadline(&self, limits: &Limits) -> Option<Duration> {
        let (from, wait) = match self.stage {
            SessionStage::Listening | SessionStage::Calling | SessionStage::Consent => {
                (self.began, limits.open_timeout)
            }
            SessionStage::Dialling { since } => (since, limits.open_timeout),
            SessionStage::Live(Connection { since, .. }) => self.live_deadline(since, limits),
        };
        let due = from.saturating_add(wait);
        let due = self.flow.deadline(limits.stall_timeout).map_or(due, |late| due.min(late));
        (due < Duration::MAX).then_some(due)
    }

    /// Returns true for a caller that has sent nothing and may know nothing but the base protocol: such a one may wait to
    /// be asked.
    pub(crate) fn awaits_base_caller(&self) -> bool {
        self.call.is_incoming() && self.is_without_ticket && self.session.is_probing()
    }

    fn live_deadline(&self, since: Duration, limits: &Limits) -> (Duration, Duration) {
        if !self.auth.is_established() {
            if self.awaits_base_caller() {
                return (since, SILENT_CALLER_TIMEOUT);
            }
            // It may be another host than the callee, while one waits that may be the callee.
            let is_trial = !self.session.has_received_packet() && self.listeners.has_spare();
            return (since, if is_trial { TRIAL_TIMEOUT } else { limits.first_line_timeout });
        }
        if !self.session.has_received_packet() {
            return if self.call.is_incoming() {
                (since, limits.first_line_timeout)
            } else if self.commands.is_empty() {
                (self.heard, limits.idle_timeout)
            } else if !self.listeners.has_spare() {
                (self.heard, limits.first_line_timeout)
            } else {
                (since, TRIAL_TIMEOUT)
            };
        }
        if self.session.has_pending_question() {
            (self.heard, limits.answer_timeout)
        } else if self.has_work() {
            (self.heard, Duration::MAX)
        } else {
            (self.heard.max(self.flow.moved()), limits.idle_timeout)
        }
    }

    /// Returns true if nothing is asked or running, and nothing was for `least`.
    pub(crate) fn is_idle(&self, least: Duration, now: Duration) -> bool {
        matches!(self.stage, SessionStage::Live { .. })
            && !self.has_work()
            && !self.session.has_pending_question()
            && self.session.question().is_none()
            && self.flow.unsent() == 0
            && self.heard.max(self.flow.moved()).saturating_add(least) <= now
    }

    fn has_work(&self) -> bool {
        self.is_looking_up || !(self.fetches.is_idle() && self.serves.is_idle())
    }

    /// Returns true if too much is unsent for anything more to be answered.
    pub(crate) fn is_clogged(&self, limits: &Limits) -> bool {
        self.flow.is_clogged(self.session.is_full(), limits)
    }

    /// Hands what a command or an answer wrote to the driver.
    pub(crate) fn write(&mut self, bytes: Vec<u8>, turn: &mut Turn<'_>) {
        let Some(conn) = self.conn().filter(|_| !bytes.is_empty()) else { return };
        let bytes = self.session.seal(bytes);
        self.flow.wrote(bytes.len(), turn.now);
        turn.act(Action::Write { conn, bytes });
    }

    /// Asserts that its parts agree with its stage and with each other.
    pub(crate) fn check(&self) {
        let is_live = self.connection().is_some();
        self.auth.check(is_live);
        self.flow.check(is_live);
        self.listeners.check();
        self.candidates.check(is_live);
        self.receipts.check();
        assert!(is_live || !self.is_looking_up, "a question of no connection is looked up");
        assert!(is_live || self.serves.is_idle(), "files leave for no connection");
        match self.call {
            Call::Outgoing { .. } => {
                assert!(self.candidates.is_empty(), "a callee is dialled");
                let waits = matches!(self.stage, SessionStage::Listening | SessionStage::Calling);
                assert!(is_live || waits, "{:?} of an outgoing call", self.stage);
            }
            Call::Incoming { .. } => {
                assert!(!self.listeners.are_open(), "a caller is listened for");
                let waits =
                    matches!(self.stage, SessionStage::Consent | SessionStage::Dialling { .. });
                assert!(is_live || waits, "{:?} of an incoming call", self.stage);
            }
        }
    }
}
