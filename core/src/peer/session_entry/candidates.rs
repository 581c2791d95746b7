//! The addresses at which a caller can be reached (section 10.4).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::peer::path_selection::SELECTS;
use crate::peer::{ConnId, Path};
use crate::ticket::Ticket;

/// Candidates of one caller.
const MAX_CANDIDATES: usize = 8;

/// The candidates of a caller: dialled one after the other, until one answers.
#[derive(Default)]
pub(crate) struct Candidates {
    list: Vec<Candidate>,
    /// The reason why the last dial failed, while the caller may still name another address.
    failure: Option<Box<str>>,
    /// Time at which the next candidate is dialled, or the caller given up.
    next_dial_at: Option<Duration>,
}

/// An address and a path to it.
pub(crate) struct Candidate {
    pub(crate) to: SocketAddr,
    pub(crate) path: Path,
    /// The ticket to show there.
    ticket: Option<Ticket>,
    /// Set once it is dialled.
    conn: Option<ConnId>,
    /// Set for an address behind this host's own NAT.
    near: Option<Box<NearDial>>,
}

/// A dial to a host behind the same NAT: the address may be another host's, so the caller speaks first.
#[derive(Default)]
struct NearDial {
    /// The ends of the connection, once it is established.
    ends: Option<(SocketAddr, SocketAddr)>,
    received: Vec<u8>,
}

/// The first line of a host at an inner address, as far as it has come.
pub(crate) enum Greeting {
    Pending,
    /// It is a caller; with the ends of the connection and the bytes that came after the line.
    Complete {
        ends: (SocketAddr, SocketAddr),
        received: Vec<u8>,
    },
    Wrong,
}

impl Candidate {
    pub(crate) fn is_near(&self) -> bool {
        SELECTS && self.near.is_some()
    }

    pub(crate) fn into_ticket(self) -> Option<Ticket> {
        self.ticket
    }
}

impl Candidates {
    pub(crate) fn add(&mut self, to: SocketAddr, path: Path, ticket: Option<Ticket>) {
        self.list.push(Candidate { to, path, ticket, conn: None, near: None });
    }

    /// Adds an address behind this host's own NAT, which is tried beside the others.
    pub(crate) fn add_near(&mut self, to: SocketAddr, ticket: Option<Ticket>) {
        let near = Some(Box::default());
        self.list.push(Candidate { to, path: Path::Direct, ticket, conn: None, near });
    }

    /// Adds the caller at the other end of an established link.
    pub(crate) fn add_punched(&mut self, to: SocketAddr, conn: ConnId, ticket: Ticket) {
        let (path, ticket) = (Path::Punched, Some(ticket));
        self.list.push(Candidate { to, path, ticket, conn: Some(conn), near: None });
    }

    /// Returns the ticket of the last call of this caller.
    pub(crate) fn last_ticket(&self) -> Option<Ticket> {
        self.list.iter().rev().find_map(|candidate| candidate.ticket.clone())
    }

    /// Returns true if a further address of the same caller can be added: a second call from one
    /// address may mean a second session.
    pub(crate) fn accept_another(&self, from: SocketAddr) -> bool {
        self.list.len() < MAX_CANDIDATES && !self.has_address(from)
    }

    /// Returns true if an address is dialled, or will be.
    pub(crate) fn has_address(&self, of: SocketAddr) -> bool {
        self.list.iter().any(|candidate| candidate.to.ip() == of.ip())
    }

    /// Returns true if no other candidate than near ones is left.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.list.iter().all(Candidate::is_near)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Chooses the next one to dial, direct ones before the bridge's and of those the oldest; the one
    /// after it follows at `next_at`.
    pub(crate) fn dial(&mut self, conn: ConnId, next_at: Duration) -> Option<(SocketAddr, Path)> {
        let is_left = |candidate: &&mut Candidate| candidate.conn.is_none() && !candidate.is_near();
        let next = self.list.iter_mut().filter(is_left).min_by_key(|candidate| candidate.path)?;
        next.conn = Some(conn);
        self.next_dial_at = Some(next_at);
        Some((next.to, next.path))
    }

    /// Chooses a near one to dial. It is no turn of the others: what becomes of it does not show in the
    /// times of theirs.
    pub(crate) fn dial_near(&mut self, conn: ConnId) -> Option<SocketAddr> {
        let is_left = |candidate: &&mut Candidate| candidate.conn.is_none() && candidate.is_near();
        let next = self.list.iter_mut().find(is_left)?;
        next.conn = Some(conn);
        Some(next.to)
    }

    /// A dial failed: removes its candidate.
    pub(crate) fn failed(&mut self, conn: ConnId) -> Option<Candidate> {
        let at = self.list.iter().position(|candidate| candidate.conn == Some(conn))?;
        Some(self.list.remove(at))
    }

    /// All have failed; the caller is given up at `give_up_at`, unless it names another address.
    pub(crate) fn await_another(&mut self, why: Box<str>, give_up_at: Duration) {
        self.failure = Some(why);
        self.next_dial_at = Some(give_up_at);
    }

    /// If all have failed, the caller is given up at `at` if that is sooner.
    pub(crate) fn give_up_at(&mut self, at: Duration) {
        if self.failure.is_some() {
            self.next_dial_at = self.next_dial_at.map(|due| due.min(at));
        }
    }

    /// A dial succeeded; returns true if the host there must speak first.
    pub(crate) fn await_greeting(&mut self, conn: ConnId, ends: (SocketAddr, SocketAddr)) -> bool {
        let near = self.near(conn);
        near.is_some_and(|near| near.ends.replace(ends).is_none())
    }

    /// Returns true if a connected host must speak first.
    pub(crate) fn awaits_greeting(&self, conn: ConnId) -> bool {
        let mut list = self.list.iter();
        list.any(|candidate| {
            let near = candidate.near.as_ref();
            candidate.conn == Some(conn) && near.is_some_and(|near| near.ends.is_some())
        })
    }

    /// A host that must speak first sent something.
    pub(crate) fn greeted(&mut self, conn: ConnId, bytes: &[u8]) -> Greeting {
        let Some(NearDial { ends: Some(ends), received }) = self.near(conn) else {
            return Greeting::Wrong;
        };
        received.extend_from_slice(bytes);
        let Some(end) = received.iter().position(|byte| *byte == b'\n') else {
            let may_follow = b"X_NEAR\r".starts_with(received);
            return if may_follow { Greeting::Pending } else { Greeting::Wrong };
        };
        let line = &received[..end];
        if line.strip_suffix(b"\r").unwrap_or(line) != b"X_NEAR" {
            return Greeting::Wrong;
        }
        Greeting::Complete { ends: *ends, received: received.split_off(end + 1) }
    }

    fn near(&mut self, conn: ConnId) -> Option<&mut NearDial> {
        let mut list = self.list.iter_mut();
        list.find(|candidate| candidate.conn == Some(conn))?.near.as_deref_mut()
    }

    /// A candidate is the caller: returns it, and the connections to close.
    pub(crate) fn connected(&mut self, conn: ConnId) -> Option<(Candidate, Vec<ConnId>)> {
        let chosen = self.failed(conn)?;
        self.next_dial_at = None;
        let others = core::mem::take(&mut self.list).into_iter();
        let others = others.filter_map(|candidate| candidate.conn).collect();
        Some((chosen, others))
    }

    pub(crate) fn next_dial_at(&self) -> Option<Duration> {
        self.next_dial_at
    }

    /// The next dial is due: returns the reason of the last failure if no candidate is left. A near one has
    /// had its time by then.
    pub(crate) fn dial_due(&mut self) -> Option<Box<str>> {
        self.next_dial_at = None;
        self.failure.take().filter(|_| self.is_exhausted())
    }

    /// The connections that are being dialled.
    pub(crate) fn dialled(&self) -> impl Iterator<Item = ConnId> {
        self.list.iter().filter_map(|candidate| candidate.conn)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Candidate> {
        self.list.iter()
    }

    /// Asserts that nothing is left to dial once the caller is connected.
    pub(crate) fn check(&self, is_connected: bool) {
        let is_idle = self.list.is_empty() && self.next_dial_at.is_none();
        assert!(is_idle || !is_connected, "a connected caller is dialled");
    }
}
