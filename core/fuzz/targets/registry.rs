//! Several clients of a relay that say any lines, come, go, are lent ports and do not read: of one's
//! words only whole X_INITs that name where it may be called reach another, each client has one nick,
//! and what is closed is left alone.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::addr::{Scope, scope};
use xcher_core::registry::{Action, ConnId, Input, Registry, Report};
use xcher_core::secure::Identity;
use xcher_core::{MAX_LINE_LEN, RelayLimits};

#[derive(Arbitrary, Debug)]
enum Move {
    Connect(u8, bool),
    /// Says a line that there is, of these nicks and this address.
    Says(u8, Line),
    /// Says any bytes.
    Any(u8, Vec<u8>),
    Reads(u8, u16),
    Lent(u8, u8),
    Returned(u8, u8),
    Leaves(u8),
    Waits(u8),
}

#[derive(Arbitrary, Debug)]
enum Line {
    Nick(u8),
    Init(u8, u8, u16),
    Who,
    Addr,
    Ping,
    Caps(u8),
    Key(u8),
    End,
}

/// Where clients come from and what they name.
const IPS: [&str; 6] = ["8.8.8.8", "9.9.9.9", "10.0.0.7", "10.0.0.8", "127.0.0.1", "2a00::9"];
const NICKS: [&str; 5] = ["a", "b", "1234", "EOF", "träd"];
const CAPS: [&str; 4] = ["from ticket", "from", "ticket", "key x"];
/// A key that a host made, the same with a proof that is wrong, a weak one, and none.
const KEYS: [&str; 4] = [
    "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
    "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo= AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "AAAA",
];
const CLIENTS: u8 = 5;
const UNSENT: usize = 20_000;

/// A connection, as a client has it.
struct Client {
    from: IpAddr,
    lent: BTreeSet<SocketAddr>,
    /// All that it said.
    said: Vec<u8>,
    /// How much of what was written to it was not sent.
    unsent: usize,
    heard: Vec<u8>,
    nick: Option<String>,
}

struct World {
    registry: Registry,
    now: Duration,
    clients: BTreeMap<ConnId, Client>,
    last: u64,
    /// The connection that each client has now.
    current: [ConnId; CLIENTS as usize],
}

fuzz_target!(|moves: Vec<Move>| {
    let limits =
        RelayLimits { connections: 4, per_address: 3, unsent: UNSENT, ..RelayLimits::default() };
    let mut world = World {
        registry: Registry::new(limits, [7; 32]).with_identity(Identity::new([9; 32])),
        now: Duration::from_secs(1000),
        clients: BTreeMap::new(),
        last: 0,
        current: [ConnId(0); CLIENTS as usize],
    };
    for made in moves.into_iter().take(200) {
        world.make(made);
    }
});

impl World {
    fn make(&mut self, made: Move) {
        match made {
            Move::Connect(at, bridged) => {
                self.last += 1;
                let conn = ConnId(self.last);
                self.current[usize::from(at % CLIENTS)] = conn;
                let from: IpAddr = IPS[usize::from(at) % IPS.len()].parse().expect("an address");
                let (lent, said, heard) = (BTreeSet::new(), Vec::new(), Vec::new());
                self.clients
                    .insert(conn, Client { from, lent, said, unsent: 0, heard, nick: None });
                self.handle(Input::Connected { conn, from: SocketAddr::new(from, 5000) }, None);
                if bridged {
                    self.handle(Input::Bridged { conn }, None);
                }
            }
            Move::Says(at, line) => {
                let line = line.text();
                self.says(at, line.as_bytes());
            }
            Move::Any(at, bytes) => self.says(at, &bytes),
            Move::Reads(at, bytes) => {
                let conn = self.conn(at);
                let Some(client) = self.clients.get_mut(&conn) else { return };
                let bytes = usize::from(bytes).min(client.unsent);
                client.unsent -= bytes;
                self.handle(Input::Sent { conn, bytes }, None);
            }
            Move::Lent(at, port) => {
                let (conn, at) = (self.conn(at), lent(port));
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.lent.insert(at);
                }
                self.handle(Input::Allocated { conn, at }, None);
            }
            Move::Returned(at, port) => {
                let (conn, at) = (self.conn(at), lent(port));
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.lent.remove(&at);
                }
                self.handle(Input::Released { conn, at }, None);
            }
            Move::Leaves(at) => {
                let conn = self.conn(at);
                self.clients.remove(&conn);
                self.handle(Input::Closed { conn }, None);
            }
            Move::Waits(seconds) => {
                self.now += Duration::from_secs(u64::from(seconds));
                self.handle(Input::Tick, None);
            }
        }
        assert!(self.registry.connections() <= 4);
        assert_eq!(self.registry.next_deadline().is_some(), self.registry.connections() > 0);
    }

    fn conn(&self, at: u8) -> ConnId {
        self.current[usize::from(at % CLIENTS)]
    }

    fn says(&mut self, at: u8, bytes: &[u8]) {
        let conn = self.conn(at);
        if let Some(client) = self.clients.get_mut(&conn) {
            client.said.extend(bytes);
        }
        self.handle(Input::Received { conn, bytes }, Some(conn));
    }

    /// `by`: whose words it is.
    fn handle(&mut self, input: Input<'_>, by: Option<ConnId>) {
        let mut actions = Vec::new();
        self.registry.handle(input, self.now, &mut actions);
        for action in actions {
            match action {
                Action::Write { conn, bytes } => {
                    let client = self.clients.get_mut(&conn).expect("one that was not closed");
                    client.unsent += bytes.len();
                    client.heard.extend(&bytes);
                    // Written whole, and not without bound to one who does not read.
                    assert!(bytes.ends_with(b"\n") && client.unsent <= UNSENT + 64 * MAX_LINE_LEN);
                    if by.is_some_and(|by| by != conn) {
                        self.passed_on(by.expect("a speaker"), conn, &bytes);
                    }
                }
                Action::Close { conn, .. } => _ = self.clients.remove(&conn).expect("closed once"),
                Action::Report { conn, report } => {
                    assert!(self.clients.contains_key(&conn));
                    if let Report::Named { at, .. } = report {
                        assert!(self.clients[&conn].lent.contains(&at), "{at} was lent to it");
                    }
                }
            }
        }
        self.look_at_nicks();
    }

    /// What one hears because of another's words.
    fn passed_on(&self, by: ConnId, to: ConnId, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).expect("text");
        for line in text.lines() {
            let Some(init) = line.strip_prefix("X_INIT ") else {
                // Of the relay's own words.
                let own = ["X_FROM ", "X_TICKET "].iter().any(|start| line.starts_with(start));
                assert!(own, "{line:?} is another's");
                continue;
            };
            let [nick, ip, port] = init.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line:?} is no X_INIT");
            };
            let (ip, port): (IpAddr, u16) = (ip.parse().unwrap(), port.parse().unwrap());
            let speaker = &self.clients.get(&by);
            // It may have been closed by what it said afterwards.
            let Some(speaker) = speaker else { continue };
            assert!(speaker.said.windows(line.len()).any(|said| said == line.as_bytes()));
            assert_eq!(self.registry.nick(to).map(|nick| nick.as_str()), Some(nick));
            let own = ip == speaker.from || speaker.lent.contains(&SocketAddr::new(ip, port));
            let near = scope(speaker.from) != Scope::Global && scope(ip) != Scope::Global;
            assert!(own || near, "{line:?} of one at {}", speaker.from);
            assert!(port >= 1024 || own, "{line:?}");
        }
    }

    /// No two have one, and nobody changes it.
    fn look_at_nicks(&mut self) {
        let mut all = BTreeSet::new();
        for (conn, client) in &mut self.clients {
            let nick = self.registry.nick(*conn).map(|nick| nick.as_str().to_owned());
            assert!(client.nick.is_none() || client.nick == nick);
            client.nick = nick.clone();
            assert!(nick.is_none_or(|nick| all.insert(nick)), "a nick is one's");
        }
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
            Self::Who => "X_WHO\n".to_owned(),
            Self::Addr => "X_ADDR\n".to_owned(),
            Self::Ping => "X_PING x\n".to_owned(),
            Self::Key(at) => format!("X_KEY {}\n", KEYS[usize::from(*at) % KEYS.len()]),
            Self::Caps(at) => format!("X_CAPS {}\n", CAPS[usize::from(*at) % CAPS.len()]),
            Self::End => "X_END\n".to_owned(),
        }
    }
}

fn lent(port: u8) -> SocketAddr {
    SocketAddr::from(([7, 7, 7, 7], 40_000 + u16::from(port % 4)))
}
