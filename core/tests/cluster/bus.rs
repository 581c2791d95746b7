//! The bus: one to three servers that tell each other who subscribes to what, as those of NATS do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use xcher_core::registry::{RequestId, Subject};

use super::world::{Event, World};

/// A message on its way to the server of its relay.
#[derive(Clone, Debug)]
pub enum Message {
    Subscribe(Subject),
    Unsubscribe(Subject),
    Request(RequestId, Subject, Vec<u8>),
    Reply(u64, Vec<u8>),
    Publish(Subject, Vec<u8>),
}

/// What a server sends a relay.
#[derive(Clone, Debug)]
pub enum Delivery {
    Requested(u64, Vec<u8>),
    Published(Vec<u8>),
    Answered(RequestId, Option<Vec<u8>>),
}

/// What keeps messages in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// From a relay to its server.
    ToServer,
    /// By a subscription.
    To(Subject),
    /// By the subscription to answers.
    Answers,
}

#[derive(Default)]
pub struct Bus {
    pub servers: usize,
    /// Pairs of servers between which nothing passes, the lower first.
    pub split: BTreeSet<(usize, usize)>,
    /// Messages lost of a hundred.
    pub loss: u32,
    /// True while no server runs.
    pub is_down: bool,
    /// What each relay's own server knows of it.
    pub subscribed: BTreeMap<usize, BTreeSet<Subject>>,
    /// What each server knows.
    pub interest: Vec<BTreeMap<Subject, BTreeSet<usize>>>,
    /// The time of the last delivery from one relay to another by one of its subscriptions, so that none overtakes
    /// another there. Those of different subscriptions do: a client of NATS has a queue for each.
    last: BTreeMap<(usize, usize, Way), Duration>,
    /// Until when the servers learn of subscriptions of each relay.
    learning: BTreeMap<(usize, usize), Duration>,
    /// The askers of requests, with their connection to the bus.
    pub asked: BTreeMap<u64, (usize, u64, RequestId)>,
    pub replies: u64,
}

impl Bus {
    pub fn are_split(&self, one: usize, other: usize) -> bool {
        self.split.contains(&(one.min(other), one.max(other)))
    }

    pub fn is_whole(&self) -> bool {
        self.split.is_empty() && self.loss == 0 && !self.is_down
    }
}

impl World {
    /// Returns the time at which something that `from` sends now reaches `to`.
    fn arrival(&mut self, from: usize, to: usize, way: Way) -> Duration {
        let delay =
            Duration::from_micros(self.rng.u64(50..if self.is_slow { 60_000 } else { 3000 }));
        let mut at = self.now + delay;
        // Servers that are not slow pass everything on in order.
        let learned = self.bus.learning.get(&(from, self.server_of(to)));
        if let Some(learned) = learned.filter(|_| !self.is_slow) {
            at = at.max(*learned);
        }
        let last = self.bus.last.entry((from, to, way)).or_default();
        *last = at.max(*last);
        *last
    }

    /// Sends a message of a relay to its server. Both are one in the order of messages.
    pub fn send_to_server(&mut self, relay: usize, message: Message) {
        let link = self.relays[relay].link.unwrap();
        let at = self.arrival(relay, relay, Way::ToServer);
        self.schedule(at, Event::AtServer { relay, link, message });
    }

    pub fn at_server(&mut self, relay: usize, message: Message) {
        let server = self.server_of(relay);
        match message {
            Message::Subscribe(subject) => {
                self.bus.subscribed.entry(relay).or_default().insert(subject.clone());
                self.spread(relay, subject);
            }
            Message::Unsubscribe(subject) => {
                self.bus.subscribed.entry(relay).or_default().remove(&subject);
                self.spread(relay, subject);
            }
            Message::Publish(subject, bytes) => {
                for to in self.hearing(server, relay, &subject) {
                    let way = Way::To(subject.clone());
                    self.deliver(relay, to, way, Delivery::Published(bytes.clone()));
                }
            }
            Message::Request(id, subject, bytes) => {
                let hearing = self.hearing(server, relay, &subject);
                if hearing.is_empty() {
                    self.deliver(relay, relay, Way::Answers, Delivery::Answered(id, None));
                }
                let link = self.relays[relay].link.unwrap_or_default();
                for to in hearing {
                    self.bus.replies += 1;
                    let reply = self.bus.replies;
                    self.bus.asked.insert(reply, (relay, link, id));
                    let way = Way::To(subject.clone());
                    self.deliver(relay, to, way, Delivery::Requested(reply, bytes.clone()));
                }
            }
            Message::Reply(reply, bytes) => {
                let Some((asker, link, id)) = self.bus.asked.remove(&reply) else { return };
                if self.relays[asker].link == Some(link) {
                    let answer = Delivery::Answered(id, Some(bytes));
                    self.deliver(relay, asker, Way::Answers, answer);
                }
            }
        }
    }

    fn hearing(&self, server: usize, from: usize, subject: &Subject) -> Vec<usize> {
        let all = self.bus.interest[server].get(subject);
        all.into_iter().flatten().copied().filter(|to| *to != from).collect()
    }

    fn deliver(&mut self, from: usize, to: usize, way: Way, delivery: Delivery) {
        let is_split = self.bus.are_split(self.server_of(from), self.server_of(to));
        if is_split || self.bus.is_down || self.rng.u32(0..100) < self.bus.loss {
            return;
        }
        let Some(link) = self.relays[to].link else { return };
        let at = self.arrival(from, to, way);
        self.schedule(at, Event::AtRelay { relay: to, link, delivery });
    }

    /// Tells the other servers of a change of a relay's subscriptions, in a while.
    fn spread(&mut self, relay: usize, subject: Subject) {
        let own = self.server_of(relay);
        self.learn(own, relay, &subject);
        for server in (0..self.bus.servers).filter(|server| *server != own) {
            let delay = self.rng.u64(50..if self.is_slow { 300_000 } else { 3000 });
            let at = self.now + Duration::from_micros(delay);
            let learning = self.bus.learning.entry((relay, server)).or_default();
            *learning = at.max(*learning);
            self.schedule(at, Event::Interest { server, relay, subject: subject.clone() });
        }
    }

    pub fn learn(&mut self, server: usize, relay: usize, subject: &Subject) {
        let own = self.server_of(relay);
        let subscribed = self.bus.subscribed.get(&relay).is_some_and(|all| all.contains(subject));
        let knows = !self.bus.are_split(server, own);
        let all = self.bus.interest[server].entry(subject.clone()).or_default();
        if subscribed && knows {
            all.insert(relay);
        } else if !subscribed {
            all.remove(&relay);
        }
        if all.is_empty() {
            self.bus.interest[server].remove(subject);
        }
    }

    /// Lets two servers learn what the other knows, or forget it if they are split.
    pub fn sync(&mut self, one: usize, other: usize) {
        let is_split = self.bus.are_split(one, other);
        for relay in 0..self.relays.len() {
            let own = self.server_of(relay);
            let Some(server) = [(one, other), (other, one)]
                .into_iter()
                .find_map(|(server, of)| (of == own).then_some(server))
            else {
                continue;
            };
            if is_split {
                self.forget_relay(server, relay);
            } else {
                for subject in self.bus.subscribed.get(&relay).cloned().unwrap_or_default() {
                    self.learn(server, relay, &subject);
                }
            }
        }
    }

    pub fn forget_relay(&mut self, server: usize, relay: usize) {
        self.bus.interest[server].retain(|_, all| {
            all.remove(&relay);
            !all.is_empty()
        });
    }

    /// Drops a relay's connection to the bus, and everything on its way.
    pub fn drop_link(&mut self, relay: usize) {
        self.relays[relay].link = None;
        self.bus.subscribed.remove(&relay);
        for server in 0..self.bus.servers {
            self.forget_relay(server, relay);
        }
    }

    pub fn server_of(&self, relay: usize) -> usize {
        relay % self.bus.servers
    }
}
