//! What a host knows of one session.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::awaited_receipts::AwaitedReceipts;
use super::door::{Door, Guest};
use super::path::Way;
use super::{Action, ConnId, Path, SessionId, TransferId, Turn};
use crate::code::Code;
use crate::secure::{Identity, PublicKey, Side};
use crate::session::Extensions;
use crate::ticket::Ticket;
use crate::{FileName, Kind, LeftOut, Limits, MisuseError, Nick, Session, SharedFile};

/// How long the other side may take to show that it knows more than the six packets.
pub(super) const PROBE: Duration = Duration::from_secs(3);

/// How long a connection to a listener is tried while another waits.
pub(super) const TRIAL: Duration = Duration::from_secs(5);

/// Bytes of answers that may wait above the limit, from a side that otherwise reads nothing more.
const ANSWERS: usize = 16 << 10;

/// One session of a host.
pub(super) struct Slot {
    pub(super) stage: Stage,
    pub(super) session: Session,
    pub(super) nick: Option<Nick>,
    /// Whether the other side called: this host is B.
    pub(super) called: bool,
    /// Whose place among the sessions it has.
    pub(super) caller: Option<IpAddr>,
    /// What it called this host, as X_INIT spelled it.
    pub(super) called_me: Option<Nick>,
    /// Whether the user knows of it.
    pub(super) opened: bool,
    /// Whether both sides know what they can do.
    pub(super) agreed: bool,
    /// The key that the other side proved to hold.
    pub(super) key: Option<PublicKey>,
    /// Its long-term key, where that one is of a code (section 12.3).
    pub(super) own_key: Option<PublicKey>,
    /// What this side showed, where that is of a code.
    pub(super) shown: Option<Arc<Identity>>,
    /// Safety words that came before a code was proved.
    pub(super) words: Option<Box<str>>,
    /// What this side was told, to prove it.
    pub(super) code: Option<Code>,
    /// When it began, when its stage did, and when it last heard or asked.
    pub(super) began: Duration,
    pub(super) since: Duration,
    pub(super) heard: Duration,
    /// This end and the other of the control connection.
    pub(super) ends: Option<(IpAddr, IpAddr)>,
    pub(super) remote: Option<SocketAddr>,
    /// The way of that connection, and of those for its files.
    pub(super) path: Path,
    /// Where whom this host calls is awaited, until they have shown to be a peer; and how many
    /// X_INITs that say so the relay refused.
    pub(super) doors: Vec<Door>,
    pub(super) refused: usize,
    /// Connections to these that wait, oldest first, and whether one showed a wrong ticket.
    pub(super) guests: Vec<Guest>,
    pub(super) met_stranger: bool,
    /// What this host shows whoever called it.
    pub(super) ticket: Option<Ticket>,
    /// The call whose answer is this one's too.
    pub(super) asked_with: Option<SessionId>,
    /// How a caller may be reached, and why the last dial failed.
    pub(super) ways: Vec<Way>,
    pub(super) why: Option<Box<str>>,
    /// When another way is tried, or none any more.
    pub(super) next_way: Option<Duration>,
    /// Bytes written and not yet on their way.
    pub(super) unsent: usize,
    /// When some of them last left.
    moved: Duration,
    pub(super) paused: bool,
    /// The driver is looking something up for the oldest question.
    pub(super) looking: bool,
    /// Asked of a host that has not shown to be a peer yet.
    pub(super) asked: Vec<Ask>,
    /// Files to fetch that wait their turn, and how many do not.
    pub(super) fetches: Vec<TransferId>,
    pub(super) fetching: usize,
    /// Files to send that wait their turn, and how many do not.
    pub(super) serves: Vec<TransferId>,
    pub(super) serving: usize,
    /// Files that were sent and are not reported stored or failed.
    pub(super) receipts: AwaitedReceipts,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Stage {
    /// A listener was asked for.
    Listening,
    /// X_INIT was sent.
    Calling,
    /// The user is asked.
    Consent,
    Dialling,
    /// Connected; listeners stand until the other side has shown to be a peer.
    Live {
        conn: ConnId,
    },
}

#[derive(PartialEq)]
pub(super) enum Ask {
    List,
    Check(FileName),
    Offer(Vec<SharedFile>),
    LeaveOut(Vec<LeftOut>),
}

impl Ask {
    /// Whether the other side knows what it is about.
    pub(super) fn is_known(&self, session: &Session) -> bool {
        !matches!(self, Self::Offer(_)) || session.extensions().has(Extensions::OFFER)
    }

    /// What of an offer the other side would take for something else, and is not offered.
    pub(super) fn unfit(&self, session: &Session) -> Vec<Box<str>> {
        match self {
            Self::Offer(files) if !session.extensions().has(Extensions::STAT) => {
                let unfit = files.iter().filter(|file| file.stat.kind != Kind::File);
                unfit.map(|file| file.name.as_str().into()).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn send(&self, session: &mut Session, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        match self {
            Self::List => session.list(out),
            Self::Check(name) => session.check(name.borrowed(), out),
            Self::Offer(files) => {
                for SharedFile { name, size, stat } in files {
                    session.offer(name.borrowed(), *size, *stat, out)?;
                }
                session.offer_end(out)
            }
            Self::LeaveOut(left) => left.iter().try_for_each(|left| session.leave_out(left, out)),
        }
    }
}

impl Slot {
    /// In a box, since it is large and the map it goes to is moved.
    pub(super) fn new(
        stage: Stage,
        nick: Option<Nick>,
        called: bool,
        now: Duration,
        limits: &Limits,
    ) -> Box<Self> {
        Box::new(Self {
            stage,
            session: Session::new(limits),
            nick,
            called,
            caller: None,
            called_me: None,
            opened: false,
            agreed: false,
            key: None,
            own_key: None,
            shown: None,
            words: None,
            code: None,
            began: now,
            since: now,
            heard: now,
            moved: now,
            ends: None,
            remote: None,
            path: Path::Direct,
            doors: Vec::new(),
            refused: 0,
            guests: Vec::new(),
            met_stranger: false,
            ticket: None,
            asked_with: None,
            ways: Vec::new(),
            why: None,
            next_way: None,
            unsent: 0,
            paused: false,
            looking: false,
            asked: Vec::new(),
            fetches: Vec::new(),
            fetching: 0,
            serves: Vec::new(),
            serving: 0,
            receipts: AwaitedReceipts::default(),
        })
    }

    /// Forgets what passed on a connection that was no peer's.
    pub(super) fn restart(&mut self, limits: &Limits) {
        self.session = Session::new(limits);
        self.agreed = false;
        self.key = None;
        self.own_key = None;
        self.shown = None;
        self.ends = None;
        self.unsent = 0;
        self.paused = false;
        self.looking = false;
    }

    pub(super) fn side(&self) -> Side {
        if self.called { Side::Callee } else { Side::Caller }
    }

    /// The nick that was called, as the caller spelled it.
    pub(super) fn called_as(&self) -> Option<&Nick> {
        if self.called { self.called_me.as_ref() } else { self.nick.as_ref() }
    }

    pub(super) fn conn(&self) -> Option<ConnId> {
        match self.stage {
            Stage::Live { conn } => Some(conn),
            _ => None,
        }
    }

    pub(super) fn deadline(&self, limits: &Limits) -> Option<Duration> {
        let (from, wait) = match self.stage {
            Stage::Listening | Stage::Calling | Stage::Consent => (self.began, limits.open_timeout),
            Stage::Dialling => (self.since, limits.open_timeout),
            Stage::Live { .. } if !self.agreed => {
                // A caller that says nothing, as one of the six packets may, is told of after that.
                (
                    self.since,
                    if self.session.is_probing() { PROBE } else { limits.first_line_timeout },
                )
            }
            Stage::Live { .. } if !self.session.has_received_packet() => {
                if self.called {
                    (self.since, limits.first_line_timeout)
                } else if self.asked.is_empty() {
                    (self.heard, limits.idle_timeout)
                } else if !self.has_spare() {
                    (self.heard, limits.first_line_timeout)
                } else {
                    (self.since, TRIAL)
                }
            }
            Stage::Live { .. } if self.session.has_pending_question() => {
                (self.heard, limits.answer_timeout)
            }
            Stage::Live { .. } if self.has_work() => (self.heard, Duration::MAX),
            Stage::Live { .. } => (self.heard.max(self.moved), limits.idle_timeout),
        };
        let mut due = from.saturating_add(wait);
        if self.unsent > 0 {
            due = due.min(self.moved.saturating_add(limits.stall_timeout));
        }
        (due < Duration::MAX).then_some(due)
    }

    /// Whether nothing is asked or under way, and nothing was for so long.
    pub(super) fn is_idle(&self, least: Duration, now: Duration) -> bool {
        matches!(self.stage, Stage::Live { .. })
            && !self.has_work()
            && !self.session.has_pending_question()
            && self.session.question().is_none()
            && self.unsent == 0
            && self.heard.max(self.moved).saturating_add(least) <= now
    }

    fn has_work(&self) -> bool {
        self.looking
            || self.fetching + self.serving > 0
            || !(self.fetches.is_empty() && self.serves.is_empty())
    }

    /// Whether too much is written and not sent for anything more to be answered. Of a side that reads
    /// nothing more until it has answered, it is not so soon: two such would wait for each other.
    pub(super) fn is_clogged(&self, limits: &Limits) -> bool {
        let room = if self.session.is_full() { ANSWERS } else { 0 };
        self.unsent > limits.unsent.saturating_add(room)
    }

    /// So many bytes have left.
    pub(super) fn sent(&mut self, bytes: usize, now: Duration) {
        self.unsent = self.unsent.saturating_sub(bytes);
        self.moved = now;
    }

    /// Hands what a command or an answer wrote to the driver.
    pub(super) fn write(&mut self, bytes: Vec<u8>, turn: &mut Turn<'_>) {
        if let Stage::Live { conn } = self.stage
            && !bytes.is_empty()
        {
            let bytes = self.session.seal(bytes);
            if self.unsent == 0 {
                self.moved = turn.now;
            }
            self.unsent += bytes.len();
            turn.act(Action::Write { conn, bytes });
        }
    }
}
