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
mod action;
mod address;
mod admission;
mod bans;
mod budgets;
mod calls;
mod check;
mod claim;
mod client;
mod close_reason;
mod cluster;
mod connections;
mod declines;
mod delivery;
mod drain;
mod guesses;
mod hook;
mod input;
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

pub use access::{AccessLists, AccessRules};
pub use action::{Action, Report};
pub use bans::{Banned, Bans, TooManyBans};
pub use close_reason::CloseReason;
pub use guesses::TokenGuesses;
pub use hook::{Decision, HookFailure, Question, QuestionId};
pub use input::Input;
pub use nick_pattern::{InvalidNickPattern, NickPattern};
pub use operator::OnlineHost;
pub use outcome::{Asked, CallPath, Outcome, Rule};
pub use users::{Account, InvalidUser, MAX_USERS, TokenHash, User, UserLimits, UserName, Users};

/// A connection to the relay. The driver assigns the numbers and never reuses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

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
