//! The relay as a state machine (section 5).
//!
//! It knows who is called what, and passes X_INITs on. A driver owns the sockets: it says what came
//! with [`Registry::handle`], does the [`Action`]s, and calls again no later than
//! [`Registry::next_deadline`].

mod address;
mod check;
mod claim;
mod client;
mod connections;
mod keys;
mod nicks;
mod packets;
mod refusal;
mod who;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use crate::relay_caps::RelayCaps;
use crate::secure::{Entropy, Identity};
use crate::{Nick, RelayLimits};
use address::Addresses;
use client::Client;
use nicks::Nicks;

/// One connection to the relay, by the number that the driver gave it. Numbers are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A connection came in.
    Connected {
        /// Its number.
        conn: ConnId,
        /// Where it comes from.
        from: SocketAddr,
    },
    /// Bytes came, split anywhere.
    Received {
        /// From where.
        conn: ConnId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// Bytes of earlier [`Action::Write`]s were sent.
    Sent {
        /// Over which connection.
        conn: ConnId,
        /// How many.
        bytes: usize,
    },
    /// The other side closed the connection, or it broke.
    Closed {
        /// Which one.
        conn: ConnId,
    },
    /// The connection is that of a bridge's client: [`Action::Report`]s tell of its calls.
    Bridged {
        /// Which one.
        conn: ConnId,
    },
    /// The driver listens for this connection at an address of its own, which its X_INITs may name
    /// as well. Beyond [`RelayLimits::allocations`] it is not taken.
    Allocated {
        /// To which connection.
        conn: ConnId,
        /// The address; its port counts too.
        at: SocketAddr,
    },
    /// An address allocated earlier may be named no longer. All are when the connection is gone.
    Released {
        /// By which connection.
        conn: ConnId,
        /// The address.
        at: SocketAddr,
    },
    /// Time passed.
    Tick,
    /// The relay stops: everyone is told X_END, and whoever still comes is closed.
    Stop,
}

impl Input<'_> {
    /// The connection that it is about.
    fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Connected { conn, .. }
            | Self::Received { conn, .. }
            | Self::Sent { conn, .. }
            | Self::Closed { conn }
            | Self::Bridged { conn }
            | Self::Allocated { conn, .. }
            | Self::Released { conn, .. } => Some(*conn),
            Self::Tick | Self::Stop => None,
        }
    }
}

/// What the driver must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send these bytes after those of earlier writes.
    Write {
        /// Over which connection.
        conn: ConnId,
        /// At least one byte.
        bytes: Vec<u8>,
    },
    /// Tell the bridge of this client what it may believe. It comes before what the client is sent.
    Report {
        /// Which client.
        conn: ConnId,
        /// What to tell.
        report: Report,
    },
    /// Send what was written, then close. The registry has forgotten the connection; no
    /// [`Input::Closed`] is needed.
    Close {
        /// Which one.
        conn: ConnId,
        /// Why, for the log.
        reason: CloseReason,
    },
}

/// What the relay vouches for to the bridge of one of its clients (section 10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The client has a nick now.
    Registered,
    /// An X_INIT of the client that names an address allocated to it is passed on.
    Named {
        /// The address.
        at: SocketAddr,
        /// Where the host that it calls connects from.
        callee: IpAddr,
    },
    /// An X_INIT is passed on to the client, and the address in it is the caller's own as this relay
    /// sees it, or one allocated to the caller.
    Called {
        /// The address.
        at: SocketAddr,
    },
}

/// Why the relay closes a connection. The client was told by an X_ERR or X_END, unless it said X_END
/// itself, does not read, or gave no sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client said X_END.
    End,
    /// The first line was no XCHER packet.
    NotXcher,
    /// A line was too long or no text.
    BadLine,
    /// No free and valid nick within the tries.
    NickTries,
    /// No nick within the time.
    NoNick,
    /// No sign of life, not even after a ping.
    Silent,
    /// Too many packets with a fault.
    TooManyErrors,
    /// The client does not read what it is sent: what is unsent may be dropped.
    NotReading,
    /// There are as many connections as the limits allow.
    Full,
    /// There are as many connections from this address as the limits allow.
    AddressFull,
    /// It was silent, and its host has its nick back by another connection.
    Replaced,
    /// The relay stops.
    Stopped,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::End => "X_END",
            Self::NotXcher => "no XCHER",
            Self::BadLine => "a line too long or no text",
            Self::NickTries => "too many tries for a nick",
            Self::NoNick => "no nick in time",
            Self::Silent => "silent",
            Self::TooManyErrors => "too many errors",
            Self::NotReading => "does not read",
            Self::Full => "too many connections",
            Self::AddressFull => "too many connections from its address",
            Self::Replaced => "its host has its nick back by another connection",
            Self::Stopped => "the relay stops",
        })
    }
}

/// The relay: nicks to connections, X_INITs passed on byte for byte.
///
/// What it holds for a connection is bounded by [`RelayLimits`] and one unfinished line.
pub struct Registry {
    limits: RelayLimits,
    clients: BTreeMap<ConnId, Client>,
    nicks: Nicks,
    addresses: Addresses,
    /// One entry a client, at [`Client::alarm`].
    alarms: BTreeSet<(Duration, ConnId)>,
    /// Pings sent so far: the token of the next.
    pings: u64,
    stopping: bool,
    /// Where whatever must not be guessed comes from.
    entropy: Entropy,
    /// Where there is one, the relay names the word `key`.
    identity: Option<Identity>,
}

impl Registry {
    /// A relay without clients, of 32 bytes of the system's randomness.
    pub fn new(limits: RelayLimits, seed: [u8; 32]) -> Self {
        Self {
            limits,
            clients: BTreeMap::new(),
            nicks: Nicks::default(),
            addresses: Addresses::default(),
            alarms: BTreeSet::new(),
            pings: 0,
            stopping: false,
            entropy: Entropy::new(seed),
            identity: None,
        }
    }

    /// A relay that proves this key to hosts, and gives them their nicks back for theirs (section 5.6).
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// Applies these limits from now on. Connections beyond them stay, and no other comes until there
    /// are fewer.
    pub fn set_limits(&mut self, limits: RelayLimits) {
        self.limits = limits;
        let all: Vec<_> = self.clients.keys().copied().collect();
        for conn in all {
            self.advance_alarm(conn);
        }
    }

    /// What this relay answers an X_CAPS with.
    fn caps(&self) -> RelayCaps {
        let key = if self.identity.is_some() { RelayCaps::KEY } else { RelayCaps::default() };
        RelayCaps::FROM.with(RelayCaps::TICKET).with(key)
    }

    /// Takes an input and appends what it leads to: at most one write and one close a connection.
    ///
    /// `now` counts from any fixed moment and never goes back. An input for a connection that is
    /// unknown, or that the registry closed, does nothing.
    pub fn handle(&mut self, input: Input<'_>, now: Duration, actions: &mut Vec<Action>) {
        let of = input.conn();
        self.take(input, now, actions);
        if let (true, Some(conn)) = (cfg!(debug_assertions), of) {
            self.check_invariants(conn);
        }
    }

    fn take(&mut self, input: Input<'_>, now: Duration, actions: &mut Vec<Action>) {
        match input {
            Input::Connected { conn, from } => self.connected(conn, from.ip(), now, actions),
            Input::Received { conn, bytes } => self.received(conn, bytes, now, actions),
            Input::Sent { conn, bytes } => self.sent(conn, bytes, actions),
            Input::Closed { conn } => {
                self.forget(conn);
            }
            Input::Bridged { conn } => {
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.bridged = true;
                }
            }
            Input::Allocated { conn, at } => {
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.allocate(at, self.limits.allocations);
                }
            }
            Input::Released { conn, at } => {
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.release(at);
                }
            }
            Input::Tick => self.tick(now, actions),
            Input::Stop => self.stop(actions),
        }
    }

    /// When [`Input::Tick`] is due at the latest. It may turn out to be too early, never too late.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.alarms.first().map(|(at, _)| *at)
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.clients.len()
    }

    /// What a connection is called.
    pub fn nick(&self, conn: ConnId) -> Option<&Nick> {
        self.clients.get(&conn)?.nick.as_ref()
    }
}
