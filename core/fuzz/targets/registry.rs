//! Several clients of a relay that send any lines, connect, disconnect, get ports allocated and do
//! not read: only complete X_INITs with a permitted address reach another client, a rendezvous learns only
//! where another is, each client has one nick, and closed connections are left alone.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::addr::{Scope, scope};
use xcher_core::registry::{
    Action, ConnId, Decision, HookFailure, Input, QuestionId, Registry, Report,
};
use xcher_core::secure::Identity;
use xcher_core::{MAX_LINE_LEN, RelayLimits};

#[derive(Arbitrary, Debug)]
enum Step {
    Connect(u8, bool),
    /// Sends a valid line.
    SendLine(u8, Line),
    /// Shows the last invitation of another client.
    Attend(u8, u8),
    /// Sends any bytes.
    SendBytes(u8, Vec<u8>),
    Read(u8, u16),
    Allocate(u8, u8),
    Release(u8, u8),
    Disconnect(u8),
    Wait(u8),
    Drain(u8),
    /// Answers a question of the hook: a number among those asked, and how.
    Decide(u8, u8),
}

#[derive(Arbitrary, Debug)]
enum Line {
    Nick(u8),
    Init(u8, u8, u16),
    Who,
    Addr,
    Ping,
    Caps(u8),
    Meet(u8),
    Key(u8),
    End,
}

/// Addresses that clients have and name.
const IPS: [&str; 6] = ["8.8.8.8", "9.9.9.9", "10.0.0.7", "10.0.0.8", "127.0.0.1", "2a00::9"];
const NICKS: [&str; 5] = ["a", "b", "1234", "EOF", "träd"];
const CAPS: [&str; 6] =
    ["from move", "from", "ticket", "key x", "from ticket near decline", "from move ticket meet"];
/// A valid key, the same with a wrong proof, a weak key, and a malformed one.
const KEYS: [&str; 4] = [
    "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
    "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo= AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "AAAA",
];
const CLIENTS: u8 = 5;
const UNSENT: usize = 20_000;

/// The client's view of a connection.
struct Client {
    from: IpAddr,
    port: u16,
    allocated: BTreeSet<SocketAddr>,
    /// Everything that it sent.
    sent: Vec<u8>,
    /// Bytes written to it and not sent.
    unsent: usize,
    received: Vec<u8>,
    nick: Option<String>,
}

struct World {
    registry: Registry,
    now: Duration,
    clients: BTreeMap<ConnId, Client>,
    last: u64,
    drains: bool,
    /// Questions to the hook.
    questions: Vec<QuestionId>,
    /// The current connection of each client.
    current: [ConnId; CLIENTS as usize],
}

fuzz_target!(|input: (bool, Vec<Step>)| {
    let (has_hook, steps) = input;
    let limits =
        RelayLimits { connections: 4, per_address: 3, unsent: UNSENT, ..RelayLimits::default() };
    let registry =
        Registry::new(limits, [7; 32]).with_identity(Identity::new([9; 32])).with_port(9247);
    let mut world = World {
        registry: match has_hook {
            true => registry.with_hook(HookFailure::Deny),
            false => registry,
        },
        now: Duration::from_secs(1000),
        clients: BTreeMap::new(),
        last: 0,
        drains: false,
        questions: Vec::new(),
        current: [ConnId(0); CLIENTS as usize],
    };
    for step in steps.into_iter().take(200) {
        world.step(step);
    }
});

impl World {
    fn step(&mut self, step: Step) {
        match step {
            Step::Decide(at, how) => {
                // Also one that was answered, or whose client has left.
                let Some(question) = self.questions.get(usize::from(at)).copied() else { return };
                let all =
                    [Decision::Allow, Decision::Deny("no"), Decision::NeedKey, Decision::Failed];
                let decision = all[usize::from(how) % all.len()];
                self.handle(Input::Decided { question, decision }, None);
            }
            Step::Connect(at, bridged) => {
                self.last += 1;
                let conn = ConnId(self.last);
                self.current[usize::from(at % CLIENTS)] = conn;
                let from: IpAddr = IPS[usize::from(at) % IPS.len()].parse().expect("an address");
                let port = 5000 + conn.0 as u16;
                let (allocated, sent, received) = (BTreeSet::new(), Vec::new(), Vec::new());
                self.clients.insert(
                    conn,
                    Client { from, port, allocated, sent, unsent: 0, received, nick: None },
                );
                self.handle(Input::Connected { conn, from: SocketAddr::new(from, port) }, None);
                if bridged {
                    self.handle(Input::Bridged { conn }, None);
                }
            }
            Step::SendLine(at, line) => {
                let line = line.text();
                self.send(at, line.as_bytes());
            }
            Step::Attend(at, of) => {
                let invited = self.clients.get(&self.conn(of));
                if let Some(invitation) = invited.and_then(Client::invitation) {
                    self.send(at, format!("X_MEET {invitation}\n").as_bytes());
                }
            }
            Step::SendBytes(at, bytes) => self.send(at, &bytes),
            Step::Read(at, bytes) => {
                let conn = self.conn(at);
                let Some(client) = self.clients.get_mut(&conn) else { return };
                let bytes = usize::from(bytes).min(client.unsent);
                client.unsent -= bytes;
                self.handle(Input::Sent { conn, bytes }, None);
            }
            Step::Allocate(at, port) => {
                let (conn, at) = (self.conn(at), allocated(port));
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.allocated.insert(at);
                }
                self.handle(Input::Allocated { conn, at }, None);
            }
            Step::Release(at, port) => {
                let (conn, at) = (self.conn(at), allocated(port));
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.allocated.remove(&at);
                }
                self.handle(Input::Released { conn, at }, None);
            }
            Step::Disconnect(at) => {
                let conn = self.conn(at);
                self.clients.remove(&conn);
                self.handle(Input::Closed { conn }, None);
            }
            Step::Wait(seconds) => {
                self.now += Duration::from_secs(u64::from(seconds));
                self.handle(Input::Tick, None);
            }
            Step::Drain(seconds) => {
                self.drains = true;
                let within = Duration::from_secs(u64::from(seconds));
                self.handle(Input::Drain { within }, None);
            }
        }
        assert!(self.registry.connections() <= 4);
        assert_eq!(self.registry.next_deadline().is_some(), self.registry.connections() > 0);
        assert!(self.drains || !self.registry.is_drained(self.now));
    }

    fn conn(&self, at: u8) -> ConnId {
        self.current[usize::from(at % CLIENTS)]
    }

    fn send(&mut self, at: u8, bytes: &[u8]) {
        let conn = self.conn(at);
        if let Some(client) = self.clients.get_mut(&conn) {
            client.sent.extend(bytes);
        }
        self.handle(Input::Received { conn, bytes }, Some(conn));
    }

    /// Handles an input, caused by the client `by` if there is one.
    fn handle(&mut self, input: Input<'_>, by: Option<ConnId>) {
        let mut actions = Vec::new();
        self.registry.handle(input, self.now, &mut actions);
        for action in actions {
            match action {
                Action::Write { conn, bytes } => {
                    let client = self.clients.get_mut(&conn).expect("an open connection");
                    client.unsent += bytes.len();
                    client.received.extend(&bytes);
                    // Complete lines, and a bounded number for a client that does not read.
                    assert!(bytes.ends_with(b"\n") && client.unsent <= UNSENT + 64 * MAX_LINE_LEN);
                    self.check_endpoints(conn, &bytes);
                    if by.is_some_and(|by| by != conn) {
                        self.check_forwarded(by.expect("a sender"), conn, &bytes);
                    }
                }
                Action::Record { .. } => {}
                Action::Close { conn, .. } => _ = self.clients.remove(&conn).expect("closed once"),
                Action::Ask(question) => self.questions.push(question.id),
                Action::Subscribe(_)
                | Action::Unsubscribe(_)
                | Action::Request { .. }
                | Action::Reply { .. }
                | Action::Publish { .. } => panic!("a relay outside a cluster uses no bus"),
                Action::Report { conn, report } => {
                    assert!(self.clients.contains_key(&conn));
                    if let Report::Named { at, .. } = report {
                        assert!(
                            self.clients[&conn].allocated.contains(&at),
                            "{at} is not allocated to it"
                        );
                    }
                }
            }
        }
        self.check_nicks();
    }

    /// Checks the lines that one client receives because of another.
    fn check_forwarded(&self, by: ConnId, to: ConnId, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).expect("text");
        let mut says_near = false;
        for line in text.lines() {
            if line == "X_NEAR" {
                says_near = true;
                continue;
            }
            let Some(init) = line.strip_prefix("X_INIT ") else {
                // The relay's own packets.
                let own = ["X_FROM ", "X_TICKET ", "X_MEET ", "X_ERR X_MEET "]
                    .iter()
                    .any(|start| line.starts_with(start));
                assert!(own, "{line:?} of another client");
                continue;
            };
            let [nick, ip, port] = init.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line:?} is not an X_INIT");
            };
            let (ip, port): (IpAddr, u16) = (ip.parse().unwrap(), port.parse().unwrap());
            let sender = &self.clients.get(&by);
            // It may have been closed by a later line.
            let Some(sender) = sender else { continue };
            assert!(sender.sent.windows(line.len()).any(|sent| sent == line.as_bytes()));
            assert_eq!(self.registry.nick(to).map(|nick| nick.as_str()), Some(nick));
            let own = ip == sender.from || sender.allocated.contains(&SocketAddr::new(ip, port));
            let is_said_near = std::mem::take(&mut says_near);
            let near = match is_said_near {
                false => scope(sender.from) != Scope::Global && scope(ip) != Scope::Global,
                true => {
                    let nat = self.clients.get(&to).map(|client| client.from);
                    let is_nat = scope(sender.from) == Scope::Global && sender.from.is_ipv4();
                    let is_inner = scope(ip) == Scope::Private && ip.is_ipv4();
                    is_nat && is_inner && nat.is_none_or(|nat| nat == sender.from)
                }
            };
            assert!(own || near, "{line:?} of one at {}", sender.from);
            // Other ports are the callee's to refuse (section 6).
            assert!(port >= 1024 || own || !is_said_near, "{line:?}");
        }
    }

    /// Checks that each address which a rendezvous gets is that of another.
    fn check_endpoints(&self, to: ConnId, bytes: &[u8]) {
        for line in std::str::from_utf8(bytes).expect("text").lines() {
            let Some(fields) = line.strip_prefix("X_MEET ") else { continue };
            let [ip, port, _ticket] = fields.split(' ').collect::<Vec<_>>()[..] else { continue };
            let Ok(ip) = ip.parse::<IpAddr>() else { continue };
            let at = |client: &Client| (client.from, client.port) == (ip, port.parse().unwrap());
            let other = self.clients.iter().find(|(_, client)| at(client));
            let (other, _) = other.expect("an open connection");
            assert_ne!(*other, to);
            assert_eq!(ip.is_ipv4(), self.clients[&to].from.is_ipv4());
            for conn in [to, *other] {
                assert!(self.registry.nick(conn).is_none(), "a rendezvous with a nick");
            }
        }
    }

    /// Checks that no two clients share a nick and that none changes it.
    fn check_nicks(&mut self) {
        let mut all = BTreeSet::new();
        for (conn, client) in &mut self.clients {
            let nick = self.registry.nick(*conn).map(|nick| nick.as_str().to_owned());
            assert!(client.nick.is_none() || client.nick == nick);
            client.nick = nick.clone();
            assert!(nick.is_none_or(|nick| all.insert(nick)), "two clients with one nick");
        }
    }
}

impl Client {
    /// Returns the last invitation that it got.
    fn invitation(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.received).expect("text");
        let last = text.lines().rev().find_map(|line| line.strip_prefix("X_MEET "))?;
        last.split(' ').rev().nth(1)
    }
}

impl Line {
    fn text(&self) -> String {
        let nick = |at: &u8| NICKS[usize::from(*at) % NICKS.len()];
        match self {
            Self::Nick(at) => format!("X_NICK {}\n", nick(at)),
            Self::Init(to, at, port) => {
                let ip = IPS[usize::from(*at) % IPS.len()];
                format!("X_INIT {} {ip} {port}\n", nick(to))
            }
            Self::Meet(to) => format!("X_MEET {}\n", nick(to)),
            Self::Who => "X_WHO\n".to_owned(),
            Self::Addr => "X_ADDR\n".to_owned(),
            Self::Ping => "X_PING x\n".to_owned(),
            Self::Key(at) => format!("X_KEY {}\n", KEYS[usize::from(*at) % KEYS.len()]),
            Self::Caps(at) => format!("X_CAPS {}\n", CAPS[usize::from(*at) % CAPS.len()]),
            Self::End => "X_END\n".to_owned(),
        }
    }
}

fn allocated(port: u8) -> SocketAddr {
    SocketAddr::from(([7, 7, 7, 7], 40_000 + u16::from(port % 4)))
}
