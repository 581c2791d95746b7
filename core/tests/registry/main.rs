//! The relay's rules, one a test, with no socket and no clock.

#![allow(clippy::unwrap_used)]

mod any_bytes;
mod asks;
mod budgets;
mod caps;
mod end;
mod errors;
mod init;
mod keys;
mod lent;
mod limits;
mod nicks;
mod silence;
mod vouched;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use xcher_core::RelayLimits;
use xcher_core::registry::{Action, CloseReason, ConnId, Input, Registry, Report};

const ALICE: ConnId = ConnId(1);
const BOB: ConnId = ConnId(2);
const CAROL: ConnId = ConnId(3);

/// A registry and what became of its actions.
struct Relay {
    registry: Registry,
    now: Duration,
    /// Written and not looked at.
    written: BTreeMap<ConnId, Vec<u8>>,
    closed: BTreeMap<ConnId, CloseReason>,
    /// What bridges were told and was not looked at.
    reports: Vec<(ConnId, Report)>,
    /// Whether everything is sent as soon as it is written.
    sends: bool,
}

impl Relay {
    fn new(limits: RelayLimits) -> Self {
        Self {
            registry: Registry::new(limits, [7; 32]),
            now: Duration::from_secs(1_000_000),
            written: BTreeMap::new(),
            closed: BTreeMap::new(),
            reports: Vec::new(),
            sends: true,
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        let mut actions = Vec::new();
        self.registry.handle(input, self.now, &mut actions);
        let mut once = BTreeSet::new();
        let mut sent = Vec::new();
        for action in actions {
            match action {
                Action::Write { conn, bytes } => {
                    assert!(!bytes.is_empty() && once.insert(conn), "one write a connection");
                    assert!(!self.closed.contains_key(&conn), "a write after the close");
                    sent.push((conn, bytes.len()));
                    self.written.entry(conn).or_default().extend(bytes);
                }
                Action::Report { conn, report } => {
                    assert!(!once.contains(&conn), "the bridge knows before its client");
                    self.reports.push((conn, report));
                }
                Action::Close { conn, reason } => {
                    assert_eq!(self.closed.insert(conn, reason), None, "closed twice");
                }
            }
        }
        for (conn, bytes) in sent {
            if self.sends {
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

    fn say(&mut self, conn: ConnId, text: &str) {
        self.handle(Input::Received { conn, bytes: text.as_bytes() });
    }

    /// What was written to `conn` since the last look.
    fn look(&mut self, conn: ConnId) -> String {
        String::from_utf8(self.written.remove(&conn).unwrap_or_default()).unwrap()
    }

    /// Says a line and looks at the answer.
    fn ask(&mut self, conn: ConnId, line: &str) -> String {
        self.say(conn, &format!("{line}\n"));
        self.look(conn)
    }

    fn join(&mut self, conn: ConnId, nick: &str) {
        self.connect(conn);
        assert_eq!(self.ask(conn, &format!("X_NICK {nick}")), format!("X_NICK {nick} YES\n"));
    }

    /// Lets time pass, with ticks when they are due and no other.
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
    relay.join(ALICE, "alice");
    relay.join(BOB, "bob");
    relay
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
