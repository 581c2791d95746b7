//! The relay as a state machine (section 5).
//!
//! It maps nicks to connections and forwards X_INITs. A driver owns the sockets: it reports inputs with
//! [`Registry::handle`], carries out the [`Action`]s, and sends [`Input::Tick`] no later than
//! [`Registry::next_deadline`].
//!
//! ```
//! use core::time::Duration;
//! use xcher_core::registry::{Action, ConnId, Input, Registry};
//! use xcher_core::RelayLimits;
//!
//! // The seed must be random.
//! let mut relay = Registry::new(RelayLimits::default(), [7; 32]);
//! let (alice, now) = (ConnId(1), Duration::ZERO);
//! let mut actions = Vec::new();
//! let from = "192.0.2.1:50000".parse().unwrap();
//! relay.handle(Input::Connected { conn: alice, from }, now, &mut actions);
//! relay.handle(Input::Received { conn: alice, bytes: b"X_NICK alice\n" }, now, &mut actions);
//! let answer = Action::Write { conn: alice, bytes: b"X_NICK alice YES\n".into() };
//! assert_eq!(actions.last(), Some(&answer));
//! ```

mod access;
mod access_check;
mod address;
mod admission;
mod bans;
mod budgets;
mod calls;
mod check;
mod claim;
mod client;
mod cluster;
mod connections;
mod declines;
mod delivery;
mod drain;
mod guesses;
mod hook;
mod keys;
mod meetings;
mod near;
mod networks;
mod nick_pattern;
mod nick_requests;
mod nicks;
mod operator;
mod outcome;
mod packets;
mod paths;
mod refusal;
mod rendezvous;
mod users;
mod who;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use crate::relay_caps::RelayCaps;
use crate::secure::{Entropy, Identity};
use crate::{Nick, RelayLimits};
use address::Addresses;
use admission::Admission;
use client::Client;
use cluster::Cluster;
pub use cluster::{Answer, ClusterConfig, ClusterState, RelayId, ReplyId, RequestId, Subject};
use drain::Drain;
use hook::Hook;
use meetings::Meetings;
use nicks::Nicks;
use outcome::labelled;

pub use access::{AccessLists, AccessRules};
pub use bans::{Banned, Bans, TooManyBans};
pub use guesses::TokenGuesses;
pub use hook::{Decision, HookFailure, Question, QuestionId};
pub use nick_pattern::{InvalidNickPattern, NickPattern};
pub use operator::OnlineHost;
pub use outcome::{Asked, CallPath, Outcome, Rule};
pub use users::{Account, InvalidUser, MAX_USERS, TokenHash, User, UserLimits, UserName, Users};

/// A connection to the relay. The driver assigns the numbers and never reuses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

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
    /// The driver sent bytes of earlier [`Action::Write`]s.
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
    /// The connection belongs to a bridge's client: [`Action::Report`]s report its calls.
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
    /// [`RelayLimits::allocations`].
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
    /// punch holes. [`Registry::is_drained`] tells when it has nothing to wait for.
    Drain {
        /// Time until the driver sends [`Input::Stop`] at the latest.
        within: Duration,
    },
    /// The relay stops: it sends X_END to all clients and closes new connections.
    Stop,
}

impl Input<'_> {
    /// Returns the connection that the input concerns, if any.
    fn conn(&self) -> Option<ConnId> {
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

/// An action for the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send these bytes after those of earlier writes.
    Write {
        /// The connection.
        conn: ConnId,
        /// At least one byte.
        bytes: Vec<u8>,
    },
    /// Pass a report to the bridge of this client. Comes before the related write to the client.
    Report {
        /// The client's connection.
        conn: ConnId,
        /// The report.
        report: Report,
    },
    /// Count or log what became of a packet of this client, whose connection may be closed by now.
    Record {
        /// The client's connection.
        conn: ConnId,
        /// What became of it.
        outcome: Outcome,
    },
    /// Send all written bytes, then close. The registry has removed the connection and needs no
    /// [`Input::Closed`].
    Close {
        /// The connection.
        conn: ConnId,
        /// The reason, for the log.
        reason: CloseReason,
    },
    /// Ask the operator's hook, within a time that the driver limits, and report the answer with [`Input::Decided`].
    Ask(Question),
    /// Subscribe to this subject of the bus, before what follows is sent there.
    Subscribe(Subject),
    /// End the subscription.
    Unsubscribe(Subject),
    /// Send a request, whose end [`Input::Answered`] reports.
    Request {
        /// Its number.
        id: RequestId,
        /// The subject.
        to: Subject,
        /// The message.
        bytes: Vec<u8>,
        /// Time after which it has failed.
        timeout: Duration,
    },
    /// Answer the request of another relay.
    Reply {
        /// Its number.
        to: ReplyId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Publish a message, without an answer.
    Publish {
        /// The subject.
        to: Subject,
        /// The message.
        bytes: Vec<u8>,
    },
}

/// A fact that the relay vouches for to the bridge of a client (section 10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The client has registered a nick.
    Registered,
    /// The relay forwards an X_INIT of the client that names an address allocated to it.
    Named {
        /// The address.
        at: SocketAddr,
        /// The callee's address as its relay sees it. `None` while the callee's relay is asked (section 23.4):
        /// another report follows if it forwards the call.
        callee: Option<IpAddr>,
    },
    /// The relay forwards an X_INIT to the client, and the named address is the caller's own as the relay
    /// sees it, or one allocated to the caller.
    Called {
        /// The address.
        at: SocketAddr,
    },
}

labelled! {
    /// The reason why the relay closes a connection. An X_ERR or X_END informs the client, unless it sent X_END
    /// itself, does not read, or is silent.
    pub enum CloseReason {
        /// The client sent X_END.
        End = "end",
        /// The first line is not an XCHER packet.
        NotXcher = "not_xcher",
        /// A line is too long or not UTF-8.
        BadLine = "bad_line",
        /// The client used up its attempts to get a nick.
        NickTries = "nick_tries",
        /// The client did not get a nick in time.
        NoNick = "no_nick",
        /// The client is silent, even after a ping.
        Silent = "silent",
        /// The client sent too many erroneous packets.
        TooManyErrors = "too_many_errors",
        /// The client does not read. Unsent bytes may be dropped.
        NotReading = "not_reading",
        /// The relay has as many connections as the limits allow.
        Full = "full",
        /// The address has as many connections as the limits allow.
        AddressFull = "address_full",
        /// It was silent, and the same host claimed its nick over another connection (section 5.6).
        Replaced = "replaced",
        /// It showed an invitation that its address does not have, or that was used or has expired (section 5.8).
        NotInvited = "not_invited",
        /// It waited for a rendezvous with a host that did not come.
        NotMet = "not_met",
        /// It had the address of the host that it met for as long as the limits allow.
        Met = "met",
        /// Another host of the cluster has its nick (section 23.3).
        NickLost = "nick_lost",
        /// It sent too much before the relay answered.
        TooMuchAhead = "too_much_ahead",
        /// It has no token, and the relay needs one (section 5.11).
        NoToken = "no_token",
        /// Its token is wrong, or its address sent too many wrong ones.
        WrongToken = "wrong_token",
        /// Its user has as many connections as the limits of that user allow.
        UserFull = "user_full",
        /// Its user was removed, or may not have its nick any more.
        NoLongerAllowed = "no_longer_allowed",
        /// The operator disconnected it.
        Kicked = "kicked",
        /// The operator banned its address or its nick.
        Banned = "banned",
        /// The operator's lists do not allow its address, its key or its nick.
        NotAllowed = "not_allowed",
        /// The operator's hook refused it.
        Hook = "hook",
        /// The relay stops.
        Stopped = "stopped",
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::End => "X_END",
            Self::NotXcher => "not XCHER",
            Self::BadLine => "line too long or not UTF-8",
            Self::NickTries => "too many attempts to get a nick",
            Self::NoNick => "no nick in time",
            Self::Silent => "silent",
            Self::TooManyErrors => "too many errors",
            Self::NotReading => "does not read",
            Self::Full => "too many connections",
            Self::AddressFull => "too many connections from its address",
            Self::Replaced => "replaced by another connection of its host",
            Self::NotInvited => "no such invitation",
            Self::NotMet => "the other host did not come to the rendezvous",
            Self::Met => "the rendezvous is over",
            Self::NoToken => "no token",
            Self::WrongToken => "wrong token",
            Self::UserFull => "too many connections of its user",
            Self::NoLongerAllowed => "its user may not any more",
            Self::Kicked => "disconnected by the operator",
            Self::Banned => "banned by the operator",
            Self::NotAllowed => "not allowed by the operator's lists",
            Self::Hook => "refused by the operator's hook",
            Self::NickLost => "its nick is another host's",
            Self::TooMuchAhead => "sent too much before an answer",
            Self::Stopped => "relay stops",
        })
    }
}

/// The relay: maps nicks to connections and forwards X_INITs byte for byte.
///
/// [`RelayLimits`] and one incomplete line bound the memory of a connection.
pub struct Registry {
    limits: RelayLimits,
    /// Boxed, because the nodes of a map are seldom full.
    clients: BTreeMap<ConnId, Box<Client>>,
    nicks: Nicks,
    addresses: Addresses,
    /// One entry per client, at [`Client::alarm`].
    alarms: BTreeSet<(Duration, ConnId)>,
    /// Pings sent so far, which is the next token.
    pings: u64,
    stopping: bool,
    /// Present once it is about to stop.
    drain: Option<Drain>,
    /// The source of tickets and nonces.
    entropy: Entropy,
    /// The relay's key, with which it supports the word `key`.
    identity: Option<Identity>,
    meetings: Meetings,
    bans: Bans,
    admission: Admission,
    guesses: TokenGuesses,
    access: Arc<AccessLists>,
    /// Present if the operator's hook is asked.
    hook: Option<Hook>,
    /// Its TCP port, with which it supports the word `meet`.
    port: Option<u16>,
    /// Present if it shares its nicks with other relays.
    cluster: Option<Cluster>,
}

impl Registry {
    /// Creates a relay without clients. `seed` must come from a source fit for keys.
    pub fn new(limits: RelayLimits, seed: [u8; 32]) -> Self {
        Self {
            limits,
            clients: BTreeMap::new(),
            nicks: Nicks::default(),
            addresses: Addresses::default(),
            alarms: BTreeSet::new(),
            pings: 0,
            stopping: false,
            drain: None,
            entropy: Entropy::new(seed),
            identity: None,
            meetings: Meetings::default(),
            bans: Bans::default(),
            admission: Admission::default(),
            guesses: TokenGuesses::default(),
            access: Arc::default(),
            hook: None,
            port: None,
            cluster: None,
        }
    }

    /// Adds a key that the relay proves to hosts; hosts can then reclaim their nicks with theirs (section
    /// 5.6).
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// Adds the TCP port at which hosts reach this relay, which then helps them to punch holes into their NATs
    /// (section 5.8). Only for a relay that sees its hosts' own addresses.
    #[must_use]
    pub fn with_port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// Adds the relay to a cluster (section 23).
    #[must_use]
    pub fn with_cluster(self, config: ClusterConfig) -> Self {
        Self { cluster: Some(Cluster::new(config)), ..self }
    }

    /// Makes the relay ask the operator's hook about connections and nicks.
    #[must_use]
    pub fn with_hook(self, on_failure: HookFailure) -> Self {
        Self { hook: Some(Hook::new(on_failure)), ..self }
    }

    /// Replaces the limits. Existing connections above them stay open.
    pub fn set_limits(&mut self, limits: RelayLimits) {
        self.limits = limits;
        let all: Vec<_> = self.clients.keys().copied().collect();
        for conn in all {
            self.advance_alarm(conn);
        }
    }

    /// Returns the words of this relay's X_CAPS.
    fn caps(&self) -> RelayCaps {
        let key = if self.identity.is_some() { RelayCaps::KEY } else { RelayCaps::default() };
        let meet = if self.port.is_some() { RelayCaps::MEET } else { RelayCaps::default() };
        let always = RelayCaps::FROM.with(RelayCaps::TICKET).with(RelayCaps::NEAR);
        let token = match self.admission.users {
            Some(_) => RelayCaps::TOKEN,
            None => RelayCaps::default(),
        };
        always
            .with(RelayCaps::MOVE)
            .with(RelayCaps::PAGE)
            .with(RelayCaps::PATH)
            .with(RelayCaps::DECLINE)
            .with(key)
            .with(meet)
            .with(token)
    }

    /// Processes an input and appends actions: at most one write and one close per connection.
    ///
    /// `now` counts from any fixed moment and never decreases. An input for a connection that is unknown or
    /// that the registry closed has no effect.
    pub fn handle(&mut self, input: Input<'_>, now: Duration, actions: &mut Vec<Action>) {
        let of = input.conn();
        self.take(input, now, actions);
        if let (true, Some(conn)) = (cfg!(debug_assertions), of) {
            self.check_invariants(conn);
        }
    }

    fn take(&mut self, input: Input<'_>, now: Duration, actions: &mut Vec<Action>) {
        match input {
            Input::Connected { conn, from } => self.connected(conn, from, now, actions),
            Input::Received { conn, bytes } => self.received(conn, bytes, now, actions),
            Input::Sent { conn, bytes } => self.sent(conn, bytes, actions),
            Input::Closed { conn } => {
                self.forget(conn, actions);
            }
            Input::Bridged { conn } => {
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.bridged = true;
                }
            }
            Input::Admitted { conn, account } => self.admit_bridged(conn, account, actions),
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
            Input::BusConnected => self.bus_connected(now, actions),
            Input::BusLost => self.bus_lost(now, actions),
            Input::Answered { request, answer } => self.answered(request, answer, now, actions),
            Input::Requested { reply, bytes } => self.requested(reply, bytes, now, actions),
            Input::Published { bytes } => self.published(bytes, now, actions),
            Input::Decided { question, decision } => {
                self.decided(question, decision, now, actions);
            }
            Input::Tick => self.tick(now, actions),
            Input::Drain { within } => self.begin_drain(within, now, actions),
            Input::Stop => self.stop(actions),
        }
    }

    /// Returns the time by which [`Input::Tick`] is due. It may be early, never late.
    pub fn next_deadline(&self) -> Option<Duration> {
        let alarm = self.alarms.first().map(|(at, _)| *at);
        let drain = self.drain.as_ref().filter(|_| !self.clients.is_empty());
        let drain = drain.map(Drain::next_deadline);
        let others = [self.meetings.next_deadline(), self.cluster_deadline(), drain];
        alarm.into_iter().chain(others.into_iter().flatten()).min()
    }

    /// Returns the number of connections.
    pub fn connections(&self) -> usize {
        self.clients.len()
    }

    /// Returns a connection's nick.
    pub fn nick(&self, conn: ConnId) -> Option<&Nick> {
        self.clients.get(&conn)?.nick.as_ref()
    }
}
