//! The relay's side of a connection, driven by a transcript.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use xcher_core::registry::{
    Action, ConnId, Input, NickPattern, TokenHash, User, UserLimits, UserName, Users,
};
use xcher_core::{Registry, RelayLimits};

/// The client of the conversation; other clients get the following numbers.
const CLIENT: ConnId = ConnId(1);

pub(crate) struct Relay {
    registry: Registry,
    now: Duration,
    /// Nicks or names of the other clients, from connection 2 on.
    others: Vec<String>,
    /// The address at which the relay sees its clients.
    seen: IpAddr,
    users: Vec<User>,
}

impl Relay {
    pub(crate) fn new() -> Self {
        let now = Duration::ZERO;
        let (others, users, seen) = (Vec::new(), Vec::new(), [127, 0, 0, 1].into());
        let mut relay = Self { registry: new_registry(), now, others, seen, users };
        relay.connect(CLIENT);
        relay
    }

    fn connect(&mut self, conn: ConnId) {
        let from = SocketAddr::new(self.seen, 40000);
        self.input(Input::Connected { conn, from }, &mut Vec::new());
    }

    /// Appends the client's output to `out`. Returns the output to others, and closing, as reports.
    fn input(&mut self, input: Input<'_>, out: &mut Vec<u8>) -> Vec<String> {
        let mut actions = Vec::new();
        self.registry.handle(input, self.now, &mut actions);
        let mut reported = Vec::new();
        for action in actions {
            match action {
                Action::Write { conn: CLIENT, bytes } => out.extend(bytes),
                Action::Write { conn, bytes } => {
                    let nick = &self.others[conn.0 as usize - 2];
                    let text = String::from_utf8(bytes).unwrap();
                    reported.extend(text.lines().map(|line| format!("passes {nick} {line}")));
                }
                Action::Close { conn: CLIENT, reason } => reported.push(format!("closes {reason}")),
                Action::Close { .. } | Action::Report { .. } | Action::Record { .. } => {}
                Action::Subscribe(_)
                | Action::Unsubscribe(_)
                | Action::Request { .. }
                | Action::Reply { .. }
                | Action::Publish { .. } => unreachable!("no cluster"),
                Action::Ask(_) => unreachable!("no hook"),
            }
        }
        reported
    }
}

fn new_registry() -> Registry {
    Registry::new(RelayLimits::default(), [7; 32])
}

impl crate::Side for Relay {
    fn perform(&mut self, text: &str, out: &mut Vec<u8>) -> Vec<String> {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        match verb {
            "online" => {
                let conn = ConnId(self.others.len() as u64 + 2);
                self.others.push(rest.to_owned());
                self.connect(conn);
                let bytes = format!("X_NICK {rest}\n");
                // The answer to this other client is not part of the conversation.
                self.input(Input::Received { conn, bytes: bytes.as_bytes() }, out);
                Vec::new()
            }
            "visit" => {
                let (name, line) = rest.split_once(' ').unwrap();
                let conn = ConnId(self.others.len() as u64 + 2);
                self.others.push(name.to_owned());
                self.connect(conn);
                let bytes = format!("{line}\n");
                self.input(Input::Received { conn, bytes: bytes.as_bytes() }, out)
            }
            "port" => {
                let registry = std::mem::replace(&mut self.registry, new_registry());
                self.registry = registry.with_port(rest.parse().unwrap());
                Vec::new()
            }
            "user" => {
                let mut fields = rest.split(' ');
                let name = UserName::parse(fields.next().unwrap()).unwrap();
                let tokens = vec![TokenHash::of(fields.next().unwrap())];
                let nicks: Vec<_> = fields.map(|it| NickPattern::parse(it).unwrap()).collect();
                let (limits, is_reserved) = (UserLimits::default(), !nicks.is_empty());
                self.users.push(User { name, tokens, limits, nicks, is_reserved });
                let users = Users::new(self.users.iter().cloned(), None).unwrap();
                self.registry.set_users(Some(Arc::new(users)), &mut Vec::new());
                Vec::new()
            }
            "seen" => {
                self.seen = rest.parse().unwrap();
                let closed = self.input(Input::Closed { conn: CLIENT }, out);
                self.connect(CLIENT);
                closed
            }
            "from" => {
                let (nick, line) = rest.split_once(' ').unwrap();
                let at = self.others.iter().position(|other| other == nick).unwrap();
                let (conn, bytes) = (ConnId(at as u64 + 2), format!("{line}\n"));
                self.input(Input::Received { conn, bytes: bytes.as_bytes() }, out)
            }
            "wait" => {
                self.now += Duration::from_secs(rest.parse().unwrap());
                self.input(Input::Tick, out)
            }
            _ => panic!("expected online, user, visit, port, seen, from or wait, got {text}"),
        }
    }

    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Vec<String> {
        if bytes.is_empty() {
            // An empty read is not a sign of life.
            return Vec::new();
        }
        self.input(Input::Received { conn: CLIENT, bytes }, out)
    }
}
