//! The relay's state of one connection.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::ConnId;
use super::claim::Claim;
use super::cluster::{Acquisition, Challenge, Lease};
use super::declines::DeclinableCalls;
use super::hook::Pending;
use super::keys::KeyProof;
use super::rendezvous::Rendezvous;
use super::users::Account;
use crate::rate_limit::Budget;
use crate::relay_caps::RelayCaps;
use crate::{LineBuffer, Nick, RelayLimits, RelayPacket};

/// One connection's state.
pub(super) struct Client {
    /// The client's address. Canonical: an IPv4-mapped IPv6 address is the IPv4 address.
    pub(super) from: IpAddr,
    /// The port of that address; 0 if a proxy does not tell it.
    port: u16,
    pub(super) lines: LineBuffer,
    /// Allocated addresses, which its X_INITs may name: canonical and unique.
    allocated: Vec<(IpAddr, u16)>,
    /// True if it is a bridge's client.
    pub(super) bridged: bool,
    /// True once it has sent a packet.
    pub(super) has_sent_packet: bool,
    /// For whom it counts, once that is known; never known if the relay has no users.
    pub(super) account: Option<Account>,
    pub(super) nick: Option<Nick>,
    pub(super) nick_tries: u32,
    pub(super) errors: u32,
    pub(super) asks: Budget,
    /// Budget of refusals for exceeded budgets.
    pub(super) refusals: Budget,
    /// The words of its X_CAPS, once received.
    pub(super) caps: Option<RelayCaps>,
    /// The state of the proof of its key.
    pub(super) key_proof: KeyProof,
    /// Its pending claim to a nick that another connection of its host holds.
    pub(super) claim: Option<Claim>,
    /// The connection that claims its nick.
    pub(super) claimed_by: Option<ConnId>,
    /// True while other relays or the hook are asked on its behalf: its next lines wait.
    pub(super) waits: bool,
    /// True once the operator's hook was asked about its connection, or there was none to ask.
    pub(super) is_asked_about: bool,
    /// The answer of the hook that it waits for.
    pub(super) pending: Option<Box<Pending>>,
    /// The nick that it waits for.
    pub(super) acquisition: Option<Box<Acquisition>>,
    /// The lease on its nick, if the relay is in a cluster.
    pub(super) lease: Option<Lease>,
    /// A claim of its own host to its nick at another relay.
    pub(super) challenge: Option<Challenge>,
    /// Present if it is a rendezvous.
    pub(super) rendezvous: Option<Rendezvous>,
    /// Set once it was asked to connect anew.
    pub(super) asked_to_move: bool,
    /// Set once the relay that its host moves to may give it the nick. This connection keeps the nick to its end, without
    /// a lease: calls go to that relay.
    pub(super) has_moved: bool,
    /// The calls to it that it can decline.
    pub(super) calls: DeclinableCalls,
    /// Budget of declines of calls that are not its own, or over.
    pub(super) wrong_declines: Budget,
    /// Calls that were forwarded and whose path it has not told.
    pub(super) untold_calls: u16,
    /// Pending lists of nicks.
    pub(super) lists: u32,
    /// The last nick written of the first pending list.
    pub(super) listed: Option<Nick>,
    /// Bytes written and not yet sent.
    pub(super) unsent: usize,
    /// Index of its last write among the actions.
    pub(super) write_at: usize,
    pub(super) opened: Duration,
    last_input: Duration,
    pinged_at: Option<Duration>,
    /// Its time among the registry's alarms. Packets do not move it, so that they cost no search: the alarm
    /// may be early.
    pub(super) alarm: Duration,
}

/// The next deadline of a client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nick(Duration),
    Rendezvous(Duration),
    Claim(Duration),
    Challenge(Duration),
    Ping(Duration),
    Pong(Duration),
}

impl Client {
    pub(super) fn new(from: SocketAddr, now: Duration, limits: &RelayLimits) -> Self {
        let mut client = Self {
            from: from.ip().to_canonical(),
            port: from.port(),
            lines: LineBuffer::new(),
            allocated: Vec::new(),
            bridged: false,
            has_sent_packet: false,
            account: None,
            nick: None,
            nick_tries: 0,
            errors: 0,
            asks: Budget::default(),
            refusals: Budget::default(),
            caps: None,
            key_proof: KeyProof::default(),
            claim: None,
            claimed_by: None,
            waits: false,
            is_asked_about: false,
            pending: None,
            acquisition: None,
            lease: None,
            challenge: None,
            rendezvous: None,
            asked_to_move: false,
            has_moved: false,
            calls: DeclinableCalls::default(),
            wrong_declines: Budget::default(),
            untold_calls: 0,
            lists: 0,
            listed: None,
            unsent: 0,
            write_at: 0,
            opened: now,
            last_input: now,
            pinged_at: None,
            alarm: now,
        };
        client.alarm = client.due(limits).at();
        client
    }

    pub(super) fn allocate(&mut self, at: SocketAddr, max: usize) {
        let at = (at.ip().to_canonical(), at.port());
        if self.allocated.len() < max && !self.allocated.contains(&at) {
            self.allocated.push(at);
        }
    }

    pub(super) fn release(&mut self, at: SocketAddr) {
        let released = (at.ip().to_canonical(), at.port());
        self.allocated.retain(|at| *at != released);
    }

    pub(super) fn is_allocated(&self, ip: IpAddr, port: u16) -> bool {
        self.allocated.contains(&(ip, port))
    }

    /// Returns the client's address and port.
    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.from, self.port)
    }

    /// Returns the answer to its X_ADDR, with its port if it is known and `has_port`.
    pub(super) fn addr_answer(&self, has_port: bool) -> RelayPacket<'static> {
        let port = Some(self.port).filter(|port| has_port && *port > 0);
        RelayPacket::AddrAnswer { ip: self.from, port }
    }

    /// Returns true if it named these words in its X_CAPS.
    pub(super) fn supports(&self, caps: RelayCaps) -> bool {
        self.caps.is_some_and(|said| said.has(caps))
    }

    pub(super) fn record_input(&mut self, now: Duration) {
        self.last_input = now;
        self.pinged_at = None;
    }

    pub(super) fn record_ping(&mut self, now: Duration) {
        self.pinged_at = Some(now);
    }

    pub(super) fn due(&self, limits: &RelayLimits) -> Due {
        if let Some(rendezvous) = &self.rendezvous {
            return Due::Rendezvous(rendezvous.until);
        }
        if self.nick.is_none() {
            let deadline = self.opened.saturating_add(limits.nick_timeout);
            let claim = self.claim.as_ref().map(|claim| claim.until);
            return match claim.filter(|until| *until < deadline) {
                Some(until) => Due::Claim(until),
                None => Due::Nick(deadline),
            };
        }
        if let Some(challenge) = &self.challenge {
            return Due::Challenge(challenge.until);
        }
        match self.pinged_at {
            None => Due::Ping(self.last_input.saturating_add(limits.silence_timeout)),
            Some(at) => Due::Pong(at.saturating_add(limits.silence_timeout)),
        }
    }
}

impl Due {
    pub(super) fn at(self) -> Duration {
        match self {
            Self::Nick(at)
            | Self::Rendezvous(at)
            | Self::Claim(at)
            | Self::Challenge(at)
            | Self::Ping(at)
            | Self::Pong(at) => at,
        }
    }
}
