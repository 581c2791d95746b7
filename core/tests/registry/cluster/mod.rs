//! Relays that share their nicks over a bus (section 23).

mod calls;
mod claims;
mod heartbeats;
mod hostile;
mod hosts;
mod meetings;
mod moves;
mod pages;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use xcher_core::RelayLimits;
use xcher_core::registry::{
    Action, Answer, ClusterConfig, ClusterState, ConnId, Input, Registry, RelayId, ReplyId,
    RequestId, Subject,
};
use xcher_core::secure::Identity;

use super::{Relay, seconds};

/// A relay of the network, and its clients.
/// Time after which relays ask once more for a nick that nobody has.
pub(super) const SPREAD_TIME: Duration = Duration::from_millis(50);
pub(super) const ONE: usize = 0;
pub(super) const TWO: usize = 1;
pub(super) const THREE: usize = 2;

/// The relays of a cluster, and their bus, which carries everything at once while it is whole.
pub(super) struct Network {
    relays: Vec<Relay>,
    limits: RelayLimits,
    epoch: Duration,
    connected: Vec<bool>,
    subscriptions: Vec<BTreeSet<Subject>>,
    /// Pairs of relays between which nothing passes.
    split: BTreeSet<(usize, usize)>,
    /// Requests and their askers, by the number that the reply names.
    replies: BTreeMap<u64, (usize, RequestId)>,
    /// The deadlines of the requests that were not answered.
    waiting: BTreeMap<(usize, RequestId), Duration>,
    /// True to keep what relays send until [`Network::release`].
    holds: bool,
    /// True to lose the refusals of claims.
    loses_no: bool,
    held: VecDeque<(usize, Action)>,
    now: Duration,
}

impl Network {
    pub(super) fn new(relays: usize) -> Self {
        Self::with_limits(relays, RelayLimits::default())
    }

    pub(super) fn with_limits(relays: usize, limits: RelayLimits) -> Self {
        Self::with_sites(&vec![None; relays], limits)
    }

    pub(super) fn with_sites(sites: &[Option<&str>], limits: RelayLimits) -> Self {
        let mut network = Self {
            relays: Vec::new(),
            limits,
            epoch: seconds(1_800_000_000),
            connected: Vec::new(),
            subscriptions: Vec::new(),
            split: BTreeSet::new(),
            replies: BTreeMap::new(),
            waiting: BTreeMap::new(),
            holds: false,
            loses_no: false,
            held: VecDeque::new(),
            now: seconds(1_000_000),
        };
        for site in sites {
            network.add(*site);
        }
        network
    }

    /// Adds a relay, and connects it to the bus.
    pub(super) fn add(&mut self, site: Option<&str>) -> usize {
        let at = self.relays.len();
        let relay = RelayId([at as u8 + 1; 8]);
        let config = ClusterConfig { relay, epoch: self.epoch, site: site.map(Into::into) };
        let registry = Registry::new(self.limits.clone(), [at as u8 + 7; 32])
            .with_identity(Identity::new([9; 32]))
            .with_port(9247)
            .with_cluster(config);
        self.relays.push(Relay { registry, now: self.now, ..Relay::new(self.limits.clone()) });
        self.connected.push(false);
        self.subscriptions.push(BTreeSet::new());
        self.connect_bus(at);
        at
    }

    pub(super) fn connect_bus(&mut self, at: usize) {
        self.connected[at] = true;
        self.input(at, Input::BusConnected);
    }

    pub(super) fn lose_bus(&mut self, at: usize) {
        self.connected[at] = false;
        self.input(at, Input::BusLost);
    }

    pub(super) fn split(&mut self, one: usize, other: usize) {
        self.split.insert((one.min(other), one.max(other)));
    }

    pub(super) fn heal(&mut self) {
        self.split.clear();
    }

    /// Ends a relay as a crash does: the bus forgets it.
    pub(super) fn kill(&mut self, at: usize) {
        self.connected[at] = false;
        self.subscriptions[at].clear();
    }

    pub(super) fn input(&mut self, at: usize, input: Input<'_>) {
        self.relays[at].handle(input);
        self.settle();
    }

    /// Keeps what relays send.
    pub(super) fn hold(&mut self) {
        self.holds = true;
    }

    /// Carries what was kept.
    pub(super) fn release(&mut self) {
        self.holds = false;
        self.settle();
    }

    /// Drops the messages that were kept.
    pub(super) fn drop_held(&mut self) {
        let is_message =
            |action: &Action| !matches!(action, Action::Subscribe(_) | Action::Unsubscribe(_));
        self.held.retain(|(_, action)| !is_message(action));
        self.release();
    }

    /// Carries out what the relays want of the bus, until they want nothing.
    fn settle(&mut self) {
        loop {
            for at in 0..self.relays.len() {
                let wanted = std::mem::take(&mut self.relays[at].bus);
                self.held.extend(wanted.into_iter().map(|action| (at, action)));
            }
            if self.holds {
                return;
            }
            let Some((at, action)) = self.held.pop_front() else { return };
            self.carry(at, action);
        }
    }

    fn carry(&mut self, from: usize, action: Action) {
        match action {
            Action::Subscribe(subject) => {
                self.subscriptions[from].insert(subject);
            }
            Action::Unsubscribe(subject) => {
                assert!(self.subscriptions[from].remove(&subject), "{subject:?} was subscribed");
            }
            Action::Publish { to, bytes } => {
                for at in self.hearing(from, &to) {
                    self.relays[at].handle(Input::Published { bytes: &bytes });
                }
            }
            Action::Request { id, to, bytes, timeout } => {
                if !self.connected[from] {
                    self.relays[from]
                        .handle(Input::Answered { request: id, answer: Answer::Failed });
                    return;
                }
                let hearing = self.hearing(from, &to);
                if hearing.is_empty() {
                    self.relays[from]
                        .handle(Input::Answered { request: id, answer: Answer::Nobody });
                    return;
                }
                self.waiting.insert((from, id), self.now + timeout);
                for at in hearing {
                    let reply = self.replies.len() as u64;
                    self.replies.insert(reply, (from, id));
                    self.relays[at]
                        .handle(Input::Requested { reply: ReplyId(reply), bytes: &bytes });
                }
            }
            Action::Reply { bytes, .. } if self.loses_no && bytes == b"NO" => {}
            Action::Reply { to, bytes } => {
                let (asker, id) = self.replies[&to.0];
                if self.hears(from, asker) && self.waiting.remove(&(asker, id)).is_some() {
                    let answer = Answer::Reply(&bytes);
                    self.relays[asker].handle(Input::Answered { request: id, answer });
                }
            }
            Action::Write { .. }
            | Action::Close { .. }
            | Action::Report { .. }
            | Action::Record { .. }
            | Action::Ask(_) => unreachable!("not for the bus"),
        }
    }

    fn hears(&self, one: usize, other: usize) -> bool {
        let is_split = self.split.contains(&(one.min(other), one.max(other)));
        self.connected[one] && self.connected[other] && !is_split
    }

    fn hearing(&self, from: usize, subject: &Subject) -> Vec<usize> {
        let subscribed = |at: &usize| self.subscriptions[*at].contains(subject);
        let others = (0..self.relays.len()).filter(|at| *at != from && self.hears(from, *at));
        others.filter(subscribed).collect()
    }

    /// Lets time pass, with ticks and timeouts exactly when they are due.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let deadlines = (0..self.relays.len())
                .filter_map(|at| Some((self.relays[at].registry.next_deadline()?, at)));
            let tick = deadlines.min();
            let timeout = self.waiting.iter().map(|(who, at)| (*at, *who)).min();
            match (tick, timeout) {
                (tick, Some((due, (at, id))))
                    if due <= end && tick.is_none_or(|(tick, _)| due <= tick) =>
                {
                    self.set_now(due);
                    self.waiting.remove(&(at, id));
                    self.input(at, Input::Answered { request: id, answer: Answer::Failed });
                }
                (Some((due, at)), _) if due <= end => {
                    self.set_now(due);
                    self.input(at, Input::Tick);
                }
                _ => break,
            }
        }
        self.set_now(end);
    }

    fn set_now(&mut self, now: Duration) {
        self.now = self.now.max(now);
        for relay in &mut self.relays {
            relay.now = self.now;
        }
    }

    pub(super) fn connect_from(&mut self, at: usize, conn: ConnId, from: &str) {
        self.relays[at].connect_from(conn, from);
        self.settle();
    }

    pub(super) fn send(&mut self, at: usize, conn: ConnId, text: &str) {
        self.input(at, Input::Received { conn, bytes: text.as_bytes() });
    }

    pub(super) fn output(&mut self, at: usize, conn: ConnId) -> String {
        self.relays[at].output(conn)
    }

    pub(super) fn ask(&mut self, at: usize, conn: ConnId, line: &str) -> String {
        self.send(at, conn, &format!("{line}\n"));
        self.output(at, conn)
    }

    /// Asks about a nick that nobody has: the answer comes after the second round.
    pub(super) fn ask_absent(&mut self, at: usize, conn: ConnId, line: &str) -> String {
        assert_eq!(self.ask(at, conn, line), "");
        self.wait(SPREAD_TIME);
        self.output(at, conn)
    }

    /// Connects a host with a nick, at a public address of its own.
    pub(super) fn register(&mut self, at: usize, conn: ConnId, nick: &str) {
        self.connect_from(at, conn, &format!("9.9.{at}.{}:5000", conn.0 % 256));
        let answer = self.ask(at, conn, &format!("X_NICK {nick}"));
        assert_eq!(answer, format!("X_NICK {nick} YES\n"));
    }

    pub(super) fn nick(&self, at: usize, conn: ConnId) -> Option<&str> {
        self.relays[at].registry.nick(conn).map(|nick| nick.as_str())
    }

    pub(super) fn state(&self, at: usize) -> ClusterState {
        self.relays[at].registry.cluster_state(self.now).unwrap()
    }
}
