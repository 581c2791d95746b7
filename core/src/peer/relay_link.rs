//! The state of the link to the relay (section 5).

use core::net::IpAddr;
use core::time::Duration;

use super::ConnId;
use super::nick_list::NickList;
use crate::relay_caps::RelayCaps;
use crate::secure::{Identity, PublicKey};
use crate::ticket::Ticket;
use crate::{Limits, LineBuffer, Nick};

/// Wait before the relay is dialled again the first time; each further wait is twice as long.
const MIN_RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(30);

/// A host's link to its relay.
pub(super) struct RelayLink {
    pub(super) stage: RelayStage,
    pub(super) conn: Option<ConnId>,
    /// The state of this connection alone.
    pub(super) login: RelayLogin,
    /// Dials in a row that led to no nick.
    failures: u32,
    /// Set once the host was online: a lost link is then dialled again.
    was_online: bool,
    /// True for the link that is to replace the current one (section 5.9).
    pub(super) is_next: bool,
    /// Moves in a row after connections that did not last.
    moves: u32,
}

/// The facts that a host learns anew on each connection to the relay.
#[derive(Default)]
pub(super) struct RelayLogin {
    pub(super) lines: LineBuffer,
    /// This end's address and the relay's.
    pub(super) ends: Option<(IpAddr, IpAddr)>,
    /// This host's address, as the relay sees it.
    pub(super) seen: Option<IpAddr>,
    /// Time at which it was connected.
    since: Duration,
    /// Time of the relay's last bytes.
    pub(super) heard: Duration,
    /// Set while the answer to a ping is awaited.
    pub(super) pinged: bool,
    /// The relay's capabilities.
    pub(super) caps: RelayCaps,
    /// Set once the relay was asked for them.
    pub(super) asked: bool,
    /// Set while the relay's capabilities are known and its key was not asked for.
    pub(super) is_proof_due: bool,
    /// This host's key for this connection alone, until the relay has proved its own.
    pub(super) ephemeral: Option<Identity>,
    /// The key that the relay proved to hold.
    pub(super) key: Option<PublicKey>,
    /// X_MOVE: when the relay stops.
    pub(super) stops_at: Option<Duration>,
    /// X_FROM: the caller of the next X_INIT.
    pub(super) from: Option<Nick>,
    /// The lists of nicks asked for.
    pub(super) nicks: NickList,
    /// X_NEAR: the next X_INIT, or the next ticket, is of a host behind the same NAT.
    pub(super) near: bool,
    /// X_TICKET: what to show the caller of the next X_INIT.
    pub(super) ticket: Option<Ticket>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum RelayStage {
    Idle,
    /// Until then.
    Dialling(Duration),
    /// X_CAPS and X_ADDR were sent before the nick of this index is asked for; the answer is due then.
    Introducing(usize, Duration),
    /// X_NICK was sent, for the nick of this index; the answer is due then.
    Naming(usize, Duration),
    /// X_CAPS and X_ADDR were sent; the answer is due then.
    Asking(NickAnswer, Duration),
    /// X_KEY was sent; the answer is due then.
    Proving(NickAnswer, Duration),
    Online(usize),
    /// It has the nick of this index on the next link, which takes over when no call is in flight on the
    /// current one, and then at the latest.
    Ready(usize, Duration),
    /// Dials again then.
    Retry(Duration),
}

/// The relay's answer to X_NICK, for the nick of this index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NickAnswer {
    pub(super) at: usize,
    pub(super) yes: bool,
}

impl RelayLink {
    pub(super) fn new() -> Self {
        Self {
            stage: RelayStage::Idle,
            conn: None,
            login: RelayLogin::default(),
            failures: 0,
            was_online: false,
            is_next: false,
            moves: 0,
        }
    }

    /// Returns the link that is to replace this one, which is dialled at once if this one lasted for `min_stay` or
    /// is the first of its kind.
    pub(super) fn next_after(&mut self, now: Duration, min_stay: Duration) -> Self {
        let lasted = now.saturating_sub(self.login.since) >= min_stay;
        let wait = match self.moves {
            0 => Duration::ZERO,
            _ if lasted => Duration::ZERO,
            moves => backoff(moves - 1),
        };
        let moves = if lasted { 1 } else { self.moves.saturating_add(1) };
        let stage = RelayStage::Retry(now.saturating_add(wait));
        Self { stage, was_online: true, is_next: true, moves, ..Self::new() }
    }

    pub(super) fn dialled(&mut self, conn: ConnId, until: Duration) {
        self.conn = Some(conn);
        self.stage = RelayStage::Dialling(until);
    }

    pub(super) fn connected(&mut self, ends: (IpAddr, IpAddr), now: Duration) {
        self.login =
            RelayLogin { ends: Some(ends), since: now, heard: now, ..RelayLogin::default() };
    }

    pub(super) fn is_online(&mut self, at: usize) {
        self.stage = RelayStage::Online(at);
        self.failures = 0;
        self.was_online = true;
    }

    /// The connection is closed; returns the wait before the next dial, if the relay is dialled again.
    /// It is even where the nick was taken: the relay may hold it for the connection that broke.
    pub(super) fn lost(&mut self, now: Duration, is_stopping: bool) -> Option<Duration> {
        self.conn = None;
        self.login.from = None;
        self.login.ticket = None;
        self.login.near = false;
        let wait = backoff(self.failures);
        let retry = (self.was_online && !is_stopping).then_some(wait);
        self.failures = self.failures.saturating_add(1);
        let again = |wait| RelayStage::Retry(now.saturating_add(wait));
        self.stage = retry.map_or(RelayStage::Idle, again);
        retry
    }

    pub(super) fn heard(&mut self, now: Duration) {
        self.login.heard = now;
        self.login.pinged = false;
    }

    /// The index of the nick that this host has at the relay.
    pub(super) fn nick(&self) -> Option<usize> {
        match self.stage {
            RelayStage::Online(at) => Some(at),
            _ => None,
        }
    }

    pub(super) fn was_online(&self) -> bool {
        self.was_online
    }

    /// This end's address and the relay's.
    pub(super) fn ends(&self) -> Option<(IpAddr, IpAddr)> {
        self.login.ends
    }

    /// Returns true if the relay says what a callee must show.
    pub(super) fn knows_tickets(&self) -> bool {
        self.login.caps.has(RelayCaps::TICKET)
    }

    /// The relay's address, as this host dialled it.
    pub(super) fn relay_ip(&self) -> Option<IpAddr> {
        self.ends().map(|(_, relay)| relay)
    }

    pub(super) fn deadline(&self, limits: &Limits) -> Option<Duration> {
        let RelayLogin { heard, pinged, .. } = self.login;
        let silence = limits.relay_timeout;
        match self.stage {
            RelayStage::Idle => None,
            RelayStage::Dialling(at)
            | RelayStage::Introducing(_, at)
            | RelayStage::Naming(_, at)
            | RelayStage::Asking(_, at)
            | RelayStage::Proving(_, at)
            | RelayStage::Ready(_, at)
            | RelayStage::Retry(at) => Some(at),
            RelayStage::Online(_) if pinged => Some(heard.saturating_add(silence)),
            RelayStage::Online(_) => Some(heard.saturating_add(silence / 2)),
        }
    }

    /// Asserts that it has a connection in each stage that needs one, and in no other.
    pub(super) fn check(&self) {
        let has_conn = !matches!(self.stage, RelayStage::Idle | RelayStage::Retry(_));
        assert_eq!(self.conn.is_some(), has_conn, "a connection to the relay in {:?}", self.stage);
        let has_ends = has_conn && !matches!(self.stage, RelayStage::Dialling(_));
        assert!(self.login.ends.is_some() || !has_ends, "connected to no address");
    }
}

/// Returns the wait before another dial, after this many in a row that led to nothing lasting.
fn backoff(failures: u32) -> Duration {
    MIN_RETRY.saturating_mul(1 << failures.min(8)).min(MAX_RETRY)
}
