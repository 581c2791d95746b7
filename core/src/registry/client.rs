//! What the relay knows of one connection.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::ConnId;
use super::claim::Claim;
use super::keys::KeyProof;
use crate::rate_limit::Budget;
use crate::relay_caps::RelayCaps;
use crate::{LineBuffer, Nick, RelayLimits};

pub(super) struct Client {
    /// Canonical: an IPv4 address inside IPv6 is the IPv4 address.
    pub(super) from: IpAddr,
    pub(super) lines: LineBuffer,
    /// Canonical, each once: what its X_INITs may name beside its own address.
    allocated: Vec<(IpAddr, u16)>,
    /// Whether it is a bridge's client.
    pub(super) bridged: bool,
    /// Whether a packet has come.
    pub(super) has_sent_packet: bool,
    pub(super) nick: Option<Nick>,
    pub(super) nick_tries: u32,
    pub(super) errors: u32,
    pub(super) asks: Budget,
    /// What it was told that it asks too often.
    pub(super) refusals: Budget,
    /// What it said in X_CAPS, once it did.
    pub(super) caps: Option<RelayCaps>,
    /// What it showed of its key.
    pub(super) key_proof: KeyProof,
    /// A nick that it asked for and another connection of its host may still have.
    pub(super) claim: Option<Claim>,
    /// Who claims its nick.
    pub(super) claimed_by: Option<ConnId>,
    /// Lists of nicks that it asked for and has not got whole.
    pub(super) lists: u32,
    /// The last nick written of the first of them.
    pub(super) listed: Option<Nick>,
    /// Bytes written and not yet sent.
    pub(super) unsent: usize,
    /// Where its last write stands among the actions.
    pub(super) write_at: usize,
    opened: Duration,
    heard: Duration,
    pinged: Option<Duration>,
    /// Its time among the registry's alarms. Hearing from a client does not move it, so that a
    /// packet costs no search; the alarm then finds that it came too early.
    pub(super) alarm: Duration,
}

/// What is due for a client, and when.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nick(Duration),
    Claim(Duration),
    Ping(Duration),
    Pong(Duration),
}

impl Client {
    pub(super) fn new(from: IpAddr, now: Duration, limits: &RelayLimits) -> Self {
        let mut client = Self {
            from,
            lines: LineBuffer::new(),
            allocated: Vec::new(),
            bridged: false,
            has_sent_packet: false,
            nick: None,
            nick_tries: 0,
            errors: 0,
            asks: Budget::default(),
            refusals: Budget::default(),
            caps: None,
            key_proof: KeyProof::default(),
            claim: None,
            claimed_by: None,
            lists: 0,
            listed: None,
            unsent: 0,
            write_at: 0,
            opened: now,
            heard: now,
            pinged: None,
            alarm: now,
        };
        client.alarm = client.due(limits).at();
        client
    }

    pub(super) fn allocate(&mut self, at: SocketAddr, most: usize) {
        let at = (at.ip().to_canonical(), at.port());
        if self.allocated.len() < most && !self.allocated.contains(&at) {
            self.allocated.push(at);
        }
    }

    pub(super) fn release(&mut self, at: SocketAddr) {
        let back = (at.ip().to_canonical(), at.port());
        self.allocated.retain(|at| *at != back);
    }

    pub(super) fn is_allocated(&self, ip: IpAddr, port: u16) -> bool {
        self.allocated.contains(&(ip, port))
    }

    /// Whether it knows what these words stand for.
    pub(super) fn knows(&self, caps: RelayCaps) -> bool {
        self.caps.is_some_and(|said| said.has(caps))
    }

    pub(super) fn heard(&mut self, now: Duration) {
        self.heard = now;
        self.pinged = None;
    }

    pub(super) fn pinged(&mut self, now: Duration) {
        self.pinged = Some(now);
    }

    pub(super) fn due(&self, limits: &RelayLimits) -> Due {
        if self.nick.is_none() {
            let nameless = self.opened.saturating_add(limits.nick_timeout);
            let claim = self.claim.as_ref().map(|claim| claim.until);
            return match claim.filter(|until| *until < nameless) {
                Some(until) => Due::Claim(until),
                None => Due::Nick(nameless),
            };
        }
        match self.pinged {
            None => Due::Ping(self.heard.saturating_add(limits.silence_timeout)),
            Some(at) => Due::Pong(at.saturating_add(limits.silence_timeout)),
        }
    }
}

impl Due {
    pub(super) fn at(self) -> Duration {
        match self {
            Self::Nick(at) | Self::Claim(at) | Self::Ping(at) | Self::Pong(at) => at,
        }
    }
}
