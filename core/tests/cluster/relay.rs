//! A relay, and the driver of its bus.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use xcher_core::RelayLimits;
use xcher_core::registry::{
    Action, Answer, CloseReason, ClusterConfig, ConnId, Input, Registry, RelayId, ReplyId,
    RequestId, Subject,
};
use xcher_core::secure::Identity;

use super::bus::{Delivery, Message};
use super::world::{Event, World};

/// Time after which a server takes a silent relay for dead: 2 pings of 5 s.
pub const STALE: Duration = Duration::from_secs(11);

pub struct Relay {
    pub registry: Registry,
    /// Counts its lives: it dies and starts again.
    pub life: u64,
    pub is_alive: bool,
    pub frozen_until: Option<Duration>,
    /// Set while it drains.
    pub drains_until: Option<Duration>,
    /// Its connection to the bus.
    pub link: Option<u64>,
    /// True if the registry was told so.
    pub is_told: bool,
    pub epoch: Duration,
    /// What the driver keeps subscribed.
    pub subscriptions: BTreeSet<Subject>,
    /// Requests without an answer.
    pub waiting: BTreeSet<RequestId>,
    /// The host of each connection.
    pub conns: BTreeMap<ConnId, usize>,
}

impl World {
    pub fn new_relay(&mut self) -> Relay {
        let mut id = [0; 8];
        self.rng.fill(&mut id);
        let mut seed = [0; 32];
        self.rng.fill(&mut seed);
        // Clocks are wrong by up to ten seconds.
        let epoch = Duration::from_millis(1_800_000_000_000 + self.rng.u64(0..20_000));
        let config = ClusterConfig { relay: RelayId(id), epoch, site: None };
        let limits = RelayLimits { asks_per_minute: 6000, ..RelayLimits::default() };
        let registry = Registry::new(limits, seed)
            .with_identity(Identity::new([9; 32]))
            .with_port(9247)
            .with_cluster(config);
        self.lives += 1;
        Relay {
            registry,
            life: self.lives,
            is_alive: true,
            frozen_until: None,
            drains_until: None,
            link: None,
            is_told: false,
            epoch,
            subscriptions: BTreeSet::new(),
            waiting: BTreeSet::new(),
            conns: BTreeMap::new(),
        }
    }

    /// Returns true if hosts can connect to a relay.
    pub fn is_open(&self, relay: usize) -> bool {
        let of = &self.relays[relay];
        of.is_alive && of.drains_until.is_none() && !self.is_frozen(relay)
    }

    pub fn is_frozen(&self, relay: usize) -> bool {
        self.relays[relay].frozen_until.is_some_and(|until| until > self.now)
    }

    /// Connects the driver of a relay to the bus: it subscribes again, then tells the registry.
    pub fn connect_bus(&mut self, relay: usize) {
        if self.bus.is_down || !self.relays[relay].is_alive || self.relays[relay].link.is_some() {
            return;
        }
        self.links += 1;
        self.relays[relay].link = Some(self.links);
        for subject in self.relays[relay].subscriptions.clone() {
            self.send_to_server(relay, Message::Subscribe(subject));
        }
        self.relays[relay].is_told = true;
        self.input(relay, Input::BusConnected);
    }

    /// The driver notices that its connection to the bus is lost, and tries again in a while.
    pub fn lose_bus(&mut self, relay: usize) {
        self.drop_link(relay);
        if std::mem::take(&mut self.relays[relay].is_told) {
            self.input(relay, Input::BusLost);
        }
        let again = self.now + Duration::from_millis(self.rng.u64(10..2000));
        let life = self.relays[relay].life;
        self.schedule(again, Event::Reconnect { relay, life });
    }

    /// Passes what a server sent to a relay.
    pub fn at_relay(&mut self, relay: usize, delivery: Delivery) {
        match delivery {
            Delivery::Requested(reply, bytes) => {
                self.input(relay, Input::Requested { reply: ReplyId(reply), bytes: &bytes });
            }
            Delivery::Published(bytes) => self.input(relay, Input::Published { bytes: &bytes }),
            Delivery::Answered(request, bytes) => {
                let answer = bytes.as_deref().map_or(Answer::Nobody, Answer::Reply);
                self.answer(relay, request, answer);
            }
        }
    }

    /// Ends a request once.
    pub fn answer(&mut self, relay: usize, request: RequestId, answer: Answer<'_>) {
        if self.relays[relay].waiting.remove(&request) {
            self.input(relay, Input::Answered { request, answer });
        }
    }

    pub fn input(&mut self, relay: usize, input: Input<'_>) {
        let mut actions = Vec::new();
        let now = self.now;
        self.relays[relay].registry.handle(input, now, &mut actions);
        let (mut failed, mut sent) = (Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::Write { conn, bytes } => {
                    sent.push((conn, bytes.len()));
                    self.host_received(relay, conn, &bytes);
                }
                Action::Close { conn, reason } => self.host_closed(relay, conn, reason),
                Action::Report { .. } | Action::Record { .. } => {}
                Action::Subscribe(subject) => {
                    self.relays[relay].subscriptions.insert(subject.clone());
                    if self.relays[relay].link.is_some() {
                        self.send_to_server(relay, Message::Subscribe(subject));
                    }
                }
                Action::Unsubscribe(subject) => {
                    assert!(self.relays[relay].subscriptions.remove(&subject), "{subject:?}");
                    if self.relays[relay].link.is_some() {
                        self.send_to_server(relay, Message::Unsubscribe(subject));
                    }
                }
                Action::Request { id, to, bytes, timeout } => {
                    assert!(bytes.len() <= 16 << 10);
                    assert!(self.relays[relay].waiting.insert(id), "a number used twice");
                    let most = 3 * (512 + self.relays[relay].conns.len());
                    assert!(self.relays[relay].waiting.len() <= most, "too many requests");
                    if self.relays[relay].link.is_none() {
                        failed.push(id);
                        continue;
                    }
                    let life = self.relays[relay].life;
                    let at = self.now + timeout;
                    self.schedule(at, Event::Timeout { relay, life, request: id });
                    self.send_to_server(relay, Message::Request(id, to, bytes));
                }
                Action::Reply { to, bytes } => {
                    assert!(bytes.len() <= 16 << 10);
                    if self.relays[relay].link.is_some() {
                        self.send_to_server(relay, Message::Reply(to.0, bytes));
                    }
                }
                Action::Ask(_) => unreachable!("no hook"),
                Action::Publish { to, bytes } => {
                    assert!(bytes.len() <= 16 << 10);
                    if self.relays[relay].link.is_some() {
                        self.send_to_server(relay, Message::Publish(to, bytes));
                    }
                }
            }
        }
        for id in failed {
            self.answer(relay, id, Answer::Failed);
        }
        for (conn, bytes) in sent {
            self.input_quiet(relay, Input::Sent { conn, bytes });
        }
    }

    /// Reports what changes nothing but counts of bytes.
    fn input_quiet(&mut self, relay: usize, input: Input<'_>) {
        let mut actions = Vec::new();
        self.relays[relay].registry.handle(input, self.now, &mut actions);
        assert_eq!(actions, []);
    }

    /// Ends a relay as `kill -9` does, and its hosts' connections.
    pub fn kill(&mut self, relay: usize) {
        self.relays[relay].is_alive = false;
        for (conn, _) in self.relays[relay].conns.clone() {
            self.host_closed(relay, conn, CloseReason::Stopped);
        }
        self.drop_link(relay);
        self.totals.kills += 1;
    }

    /// Starts a relay that died, as another one.
    pub fn restart(&mut self, relay: usize) {
        if !self.relays[relay].is_alive {
            self.relays[relay] = self.new_relay();
            let life = self.relays[relay].life;
            self.schedule(self.now, Event::Reconnect { relay, life });
        }
    }
}
