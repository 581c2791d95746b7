//! The relay's rules, one per test, without a socket or a clock.

#![allow(clippy::unwrap_used)]

mod access;
mod allocations;
mod any_bytes;
mod budgets;
mod caps;
mod cluster;
mod declines;
mod drain;
mod end;
mod errors;
mod hook;
mod init;
mod keys;
mod limits;
mod near;
mod nicks;
mod operator;
mod outcomes;
mod queries;
mod rendezvous;
mod reports;
mod silence;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use xcher_core::RelayLimits;
use xcher_core::registry::{
    Action, CloseReason, ConnId, Input, Outcome, Question, Registry, Report,
};

const ALICE: ConnId = ConnId(1);
const BOB: ConnId = ConnId(2);
const CAROL: ConnId = ConnId(3);

/// A registry and the results of its actions.
struct Relay {
    registry: Registry,
    now: Duration,
    /// Bytes written and not taken yet.
    written: BTreeMap<ConnId, Vec<u8>>,
    closed: BTreeMap<ConnId, CloseReason>,
    /// Reports to bridges.
    reports: Vec<(ConnId, Report)>,
    /// What became of packets.
    outcomes: Vec<(ConnId, Outcome)>,
    /// What it wants of the bus.
    bus: Vec<Action>,
    /// What it asks the hook.
    questions: Vec<Question>,
    /// True if everything is sent as soon as it is written.
    sends_at_once: bool,
}

impl Relay {
    fn new(limits: RelayLimits) -> Self {
        Self {
            registry: Registry::new(limits, [7; 32]),
            now: Duration::from_secs(1_000_000),
            written: BTreeMap::new(),
            closed: BTreeMap::new(),
            reports: Vec::new(),
            outcomes: Vec::new(),
            bus: Vec::new(),
            questions: Vec::new(),
            sends_at_once: true,
        }
    }

    /// A relay that knows its own TCP port.
    fn with_port(limits: RelayLimits) -> Self {
        let registry = Registry::new(limits.clone(), [7; 32]).with_port(9247);
        Self { registry, ..Self::new(limits) }
    }

    fn handle(&mut self, input: Input<'_>) {
        let mut actions = Vec::new();
        self.registry.handle(input, self.now, &mut actions);
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        let mut once = BTreeSet::new();
        let mut sent = Vec::new();
        for action in actions {
            match action {
                Action::Write { conn, bytes } => {
                    assert!(!bytes.is_empty() && once.insert(conn), "two writes to a connection");
                    assert!(!self.closed.contains_key(&conn), "a write after the close");
                    sent.push((conn, bytes.len()));
                    self.written.entry(conn).or_default().extend(bytes);
                }
                Action::Report { conn, report } => {
                    assert!(
                        !once.contains(&conn),
                        "the client was written to before its bridge got the report"
                    );
                    self.reports.push((conn, report));
                }
                Action::Record { conn, outcome } => self.outcomes.push((conn, outcome)),
                Action::Close { conn, reason } => {
                    assert_eq!(self.closed.insert(conn, reason), None, "closed twice");
                }
                Action::Subscribe(_)
                | Action::Unsubscribe(_)
                | Action::Request { .. }
                | Action::Reply { .. }
                | Action::Publish { .. } => self.bus.push(action),
                Action::Ask(question) => self.questions.push(question),
            }
        }
        for (conn, bytes) in sent {
            if self.sends_at_once {
                self.handle(Input::Sent { conn, bytes });
            }
        }
    }

    fn connect_from(&mut self, conn: ConnId, from: &str) {
        let from: SocketAddr = from.parse().unwrap();
        self.handle(Input::Connected { conn, from });
    }

    fn connect(&mut self, conn: ConnId) {
        self.connect_from(conn, "127.0.0.1:5000");
    }

    fn send(&mut self, conn: ConnId, text: &str) {
        self.handle(Input::Received { conn, bytes: text.as_bytes() });
    }

    /// Takes the bytes written to `conn`.
    fn output(&mut self, conn: ConnId) -> String {
        String::from_utf8(self.written.remove(&conn).unwrap_or_default()).unwrap()
    }

    /// Sends a line and takes the answer.
    fn ask(&mut self, conn: ConnId, line: &str) -> String {
        self.send(conn, &format!("{line}\n"));
        self.output(conn)
    }

    fn register(&mut self, conn: ConnId, nick: &str) {
        self.connect(conn);
        assert_eq!(self.ask(conn, &format!("X_NICK {nick}")), format!("X_NICK {nick} YES\n"));
    }

    /// Lets time pass, with ticks exactly when they are due.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.registry.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.handle(Input::Tick);
        }
        self.now = end;
    }

    fn closed(&self, conn: ConnId) -> Option<CloseReason> {
        self.closed.get(&conn).copied()
    }
}

fn relay() -> Relay {
    Relay::new(RelayLimits::default())
}

fn two() -> Relay {
    let mut relay = relay();
    relay.register(ALICE, "alice");
    relay.register(BOB, "bob");
    relay
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
