//! The listeners at which a callee is awaited, and the connections that arrive there (section 5.5).

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use crate::peer::path_selection::SELECTS;
use crate::peer::{ConnId, ListenerId, Path};
use crate::ticket::{Ticket, TicketCheck};
use crate::{Limits, MAX_LINE_LEN};

/// The listeners of a call until the peer has shown itself, and the connections that wait there.
#[derive(Default)]
pub(crate) struct CallListeners {
    listeners: Vec<CallListener>,
    /// Oldest first.
    waiting: Vec<InboundConn>,
    /// X_INITs of this call that the relay refused.
    refusals: usize,
    /// Set once a connection showed a wrong ticket: of many, one is reported.
    rejected_any: bool,
    /// Time at which the call is made over another path too.
    next_path_at: Option<Duration>,
    /// Time at which hole punching is asked for.
    punch_at: Option<Duration>,
}

struct CallListener {
    id: ListenerId,
    path: Path,
    /// True for the listener at this host's address behind its NAT.
    is_near: bool,
    /// The address that its X_INIT named.
    named: Option<(IpAddr, u16)>,
    expects: ExpectedTicket,
}

/// The ticket that a connection to a listener must show.
pub(crate) enum ExpectedTicket {
    /// The relay has not said yet.
    Unknown,
    /// Nothing: the callee or the relay knows no tickets.
    None,
    Ticket(Ticket),
}

/// A connection that waits at a listener.
pub(crate) struct InboundConn {
    pub(crate) conn: ConnId,
    listener: ListenerId,
    pub(crate) path: Path,
    pub(crate) is_near: bool,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    /// The bytes it sent so far.
    pub(crate) received: Vec<u8>,
}

/// The proof that a connection is the callee's, as far as it has come.
enum Proof {
    /// It can still show its ticket.
    Pending,
    /// It showed its ticket, in this many bytes.
    Shown(usize),
    Wrong,
    /// No ticket is expected of it.
    NotRequired,
}

/// The decision about a connection that waited.
pub(crate) enum Admission {
    /// It is the callee's.
    Peer(InboundConn),
    /// It may be the callee's, and no other connection is tried.
    Trial(InboundConn),
    /// It is not the callee's; `first` is the address of the first such connection.
    Rejected { conn: ConnId, first: Option<IpAddr> },
}

impl CallListeners {
    /// The driver was asked for a listener.
    pub(crate) fn open(
        &mut self,
        id: ListenerId,
        path: Path,
        expects: ExpectedTicket,
        next_path_at: Option<Duration>,
    ) {
        self.listeners.push(CallListener { id, path, is_near: false, named: None, expects });
        self.next_path_at = next_path_at;
    }

    /// The driver was asked for a listener at this host's address behind its NAT.
    pub(crate) fn open_near(&mut self, id: ListenerId) {
        let expects = ExpectedTicket::Unknown;
        let path = Path::Direct;
        self.listeners.push(CallListener { id, path, is_near: true, named: None, expects });
    }

    /// The driver was asked for a listener from whose port the callee is dialled too.
    pub(crate) fn open_punched(&mut self, id: ListenerId) {
        let (path, expects) = (Path::Punched, ExpectedTicket::Unknown);
        self.listeners.push(CallListener { id, path, is_near: false, named: None, expects });
    }

    /// The relay drew this ticket for a link.
    pub(crate) fn expect_punched(&mut self, id: ListenerId, ticket: Ticket) {
        if let Some(listener) = self.listeners.iter_mut().find(|listener| listener.id == id) {
            listener.expects = ExpectedTicket::Ticket(ticket);
        }
    }

    /// Returns true if the relay drew a ticket for any listener.
    pub(crate) fn has_ticket(&self) -> bool {
        self.listeners.iter().any(|known| matches!(known.expects, ExpectedTicket::Ticket(_)))
    }

    /// Returns true if a connection with this ticket is awaited.
    pub(crate) fn expects(&self, ticket: &Ticket) -> bool {
        self.listeners.iter().any(|known| match &known.expects {
            ExpectedTicket::Ticket(expected) => expected.matches(ticket),
            ExpectedTicket::Unknown | ExpectedTicket::None => false,
        })
    }

    /// Returns true if a callee behind the same NAT is awaited there.
    pub(crate) fn has_near(&self) -> bool {
        self.listeners.iter().any(|listener| listener.is_near)
    }

    pub(crate) fn is_near(&self, id: ListenerId) -> bool {
        SELECTS && self.listeners.iter().any(|listener| listener.is_near && listener.id == id)
    }

    /// Removes the listener behind the NAT if the relay has not answered its X_INIT.
    pub(crate) fn forget_unanswered_near(&mut self) -> Option<ListenerId> {
        let is_it = |listener: &CallListener| {
            let is_named = listener.named.is_some();
            listener.is_near && is_named && matches!(listener.expects, ExpectedTicket::Unknown)
        };
        let at = self.listeners.iter().position(is_it)?;
        Some(self.listeners.remove(at).id)
    }

    /// A listener could not be opened; returns false if the call has no other.
    pub(crate) fn failed(&mut self, id: ListenerId) -> bool {
        self.listeners.retain(|listener| listener.id != id);
        !self.listeners.is_empty() || self.next_path_at.is_some()
    }

    /// The X_INIT for a listener named this address.
    pub(crate) fn named(&mut self, id: ListenerId, address: (IpAddr, u16)) {
        if let Some(listener) = self.listeners.iter_mut().find(|listener| listener.id == id) {
            listener.named = Some(address);
        }
    }

    /// The relay refused an X_INIT; returns false if the call has no other.
    pub(crate) fn refused(&mut self) -> bool {
        self.refusals += 1;
        // No X_INIT names the port of a rendezvous.
        let named = self.listeners.iter().filter(|listener| listener.path != Path::Punched);
        self.next_path_at.is_some() || self.refusals < named.count()
    }

    /// The relay said what connections to the address that an X_INIT named must show; returns their path,
    /// or nothing if no listener of this call waits for that.
    pub(crate) fn expect(
        &mut self,
        address: (IpAddr, u16),
        ticket: Option<&Ticket>,
    ) -> Option<Path> {
        let awaits = |listener: &&mut CallListener| {
            matches!(listener.expects, ExpectedTicket::Unknown) && listener.named == Some(address)
        };
        let listener = self.listeners.iter_mut().find(awaits)?;
        listener.expects = ticket.cloned().map_or(ExpectedTicket::None, ExpectedTicket::Ticket);
        Some(listener.path)
    }

    /// Returns true if the relay has said of no listener what to expect.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.listeners.iter().all(|listener| matches!(listener.expects, ExpectedTicket::Unknown))
    }

    /// Lets a connection wait; returns the one that must leave for it, which can be itself.
    pub(crate) fn accept(
        &mut self,
        listener: ListenerId,
        conn: ConnId,
        (local, remote): (SocketAddr, SocketAddr),
        another_is_tried: bool,
        limits: &Limits,
    ) -> Option<ConnId> {
        let known = self.listeners.iter().find(|known| known.id == listener);
        let path = known.map_or(Path::Direct, |known| known.path);
        let (is_near, received) = (self.is_near(listener), Vec::new());
        let inbound = InboundConn { conn, listener, path, is_near, local, remote, received };
        let leaves = match self.proof(&inbound) {
            Proof::NotRequired => {
                let spares = self.count(|proof| matches!(proof, Proof::NotRequired));
                (spares >= limits.spare_connections && another_is_tried).then_some(conn)
            }
            Proof::Pending => {
                let unproven = self.count(|proof| matches!(proof, Proof::Pending));
                // The callee shows its ticket at once.
                let silent = |waiting: &&InboundConn| !waiting.received.contains(&b'\n');
                let oldest = self.waiting.iter().find(silent).or_else(|| self.waiting.first());
                oldest.map(|oldest| oldest.conn).filter(|_| unproven >= limits.unproven_connections)
            }
            Proof::Wrong | Proof::Shown(_) => Some(conn),
        };
        self.waiting.push(inbound);
        leaves
    }

    /// A waiting connection sent something; returns false if it is too much to keep.
    pub(crate) fn received(&mut self, conn: ConnId, bytes: &[u8]) -> bool {
        let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.conn == conn) else {
            return true;
        };
        let fits = waiting.received.len() + bytes.len() <= MAX_LINE_LEN;
        if fits {
            waiting.received.extend_from_slice(bytes);
        }
        fits
    }

    /// A waiting connection is closed.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.waiting.retain(|waiting| waiting.conn != conn);
    }

    /// Removes the oldest connection whose fate is known, and returns that fate. Nothing but a ticket
    /// distinguishes the callee from other hosts until it speaks, so those that show none are tried one
    /// after the other.
    pub(crate) fn admit(&mut self, another_is_tried: bool) -> Option<Admission> {
        let known = |inbound| match self.proof(inbound) {
            Proof::Pending => None,
            Proof::NotRequired if another_is_tried => None,
            proof => Some(proof),
        };
        let found = self.waiting.iter().enumerate().find_map(|(at, conn)| Some((at, known(conn)?)));
        let (at, proof) = found?;
        let mut inbound = self.waiting.remove(at);
        Some(match proof {
            Proof::Shown(line) => {
                inbound.received.drain(..line);
                Admission::Peer(inbound)
            }
            Proof::Wrong => {
                let is_first = !core::mem::replace(&mut self.rejected_any, true);
                let first = is_first.then(|| inbound.remote.ip().to_canonical());
                Admission::Rejected { conn: inbound.conn, first }
            }
            Proof::NotRequired | Proof::Pending => Admission::Trial(inbound),
        })
    }

    /// The peer has shown itself, or the call is over: returns what to close.
    pub(crate) fn close(&mut self) -> (Vec<ListenerId>, Vec<ConnId>) {
        self.next_path_at = None;
        self.punch_at = None;
        let listeners = core::mem::take(&mut self.listeners);
        let waiting = core::mem::take(&mut self.waiting);
        let conns = waiting.into_iter().map(|waiting| waiting.conn).collect();
        (listeners.into_iter().map(|listener| listener.id).collect(), conns)
    }

    /// Returns true if the peer is still awaited.
    pub(crate) fn are_open(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Returns true if another connection could be tried at once.
    pub(crate) fn has_spare(&self) -> bool {
        self.count(|proof| matches!(proof, Proof::NotRequired)) > 0
    }

    pub(crate) fn next_path_at(&self) -> Option<Duration> {
        self.next_path_at
    }

    pub(crate) fn punch_at(&self) -> Option<Duration> {
        self.punch_at.filter(|_| SELECTS)
    }

    /// Asks for hole punching then, or not.
    pub(crate) fn set_punch(&mut self, at: Option<Duration>) {
        self.punch_at = at;
    }

    /// Brings the next path forward, if there is one.
    pub(crate) fn hasten(&mut self, at: Duration) {
        self.next_path_at = self.next_path_at.map(|due| due.min(at));
    }

    /// Puts the next path off, or leaves it.
    pub(crate) fn set_next_path(&mut self, at: Option<Duration>) {
        self.next_path_at = at;
    }

    fn proof(&self, inbound: &InboundConn) -> Proof {
        let listener = self.listeners.iter().find(|listener| listener.id == inbound.listener);
        match listener.map(|listener| &listener.expects) {
            None => Proof::Wrong,
            Some(ExpectedTicket::Unknown) => Proof::Pending,
            Some(ExpectedTicket::None) => Proof::NotRequired,
            Some(ExpectedTicket::Ticket(ticket)) => match ticket.check(&inbound.received) {
                TicketCheck::Incomplete => Proof::Pending,
                TicketCheck::Valid(line) => Proof::Shown(line),
                TicketCheck::Invalid => Proof::Wrong,
            },
        }
    }

    fn count(&self, of: fn(Proof) -> bool) -> usize {
        self.waiting.iter().filter(|waiting| of(self.proof(waiting))).count()
    }

    /// The listeners that are open, or asked for.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ListenerId> {
        self.listeners.iter().map(|listener| listener.id)
    }

    /// The connections that wait.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = ConnId> {
        self.waiting.iter().map(|waiting| waiting.conn)
    }

    /// Asserts that a waiting connection holds no more than a line.
    pub(crate) fn check(&self) {
        for InboundConn { conn, received, .. } in &self.waiting {
            assert!(received.len() <= MAX_LINE_LEN, "{conn:?} holds {} bytes", received.len());
        }
    }
}
