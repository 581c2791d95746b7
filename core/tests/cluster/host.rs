//! Hosts: they register, call, meet, list and leave.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xcher_core::registry::{CloseReason, ConnId, Input};

use super::moves::Next;
use super::names::NAMES;
use super::prover::Prover;
use super::world::{Event, World};

/// The answer that a host awaits.
#[derive(Clone, Debug)]
pub enum Expected {
    Nick(String),
    Pong(String),
    Ticket { nick: String, ip: IpAddr, port: u16 },
    Invitation(String),
    Page { count: usize, after: String },
}

/// What comes before an X_INIT.
#[derive(Default)]
pub struct Ears {
    pub from: Option<String>,
    pub has_ticket: bool,
}

pub struct Host {
    pub ip: IpAddr,
    /// With a key it can move, and gets its nick back.
    pub key: Option<u8>,
    /// Present while it proves its key.
    pub prover: Option<Prover>,
    /// Its connection: relay, life, number.
    pub conn: Option<(usize, u64, ConnId)>,
    pub nick: Option<String>,
    /// Since when it has had this nick, though it may have moved.
    pub nick_since: Option<Duration>,
    /// The time by its relay's clock at which it asked for the nick.
    pub stamp: Duration,
    pub awaited: VecDeque<(Duration, Expected)>,
    pub ears: Ears,
    pub page: Vec<String>,
    /// What its next list must have, once the bus is whole.
    pub whole_list: Option<BTreeSet<String>>,
    pub tokens: u64,
    /// The rendezvous: connection, address.
    pub rendezvous: Vec<(ConnId, SocketAddr)>,
    /// Where it moves to.
    pub next: Option<Next>,
    /// Connections that it is about to leave after a move.
    pub left: Vec<((usize, u64, ConnId), Ears)>,
}

impl Host {
    pub fn new(number: usize) -> Self {
        Self {
            ip: [11, 0, 0, number as u8 + 1].into(),
            key: (!number.is_multiple_of(3)).then_some(number as u8 + 1),
            prover: None,
            conn: None,
            nick: None,
            nick_since: None,
            stamp: Duration::ZERO,
            awaited: VecDeque::new(),
            ears: Ears::default(),
            page: Vec::new(),
            whole_list: None,
            tokens: 0,
            rendezvous: Vec::new(),
            next: None,
            left: Vec::new(),
        }
    }
}

impl Host {
    /// Forgets what it had of its connection.
    fn offline(&mut self) {
        (self.nick, self.nick_since) = (None, None);
        self.prover = None;
        self.awaited.clear();
    }

    /// Returns true while it proves its key, or waits for answers on a connection that it is about to leave.
    pub fn is_busy(&self) -> bool {
        self.prover.is_some() || self.next.as_ref().is_some_and(|next| next.is_ready)
    }
}

impl World {
    /// Opens a connection of a host, to a relay that accepts it.
    pub fn open(&mut self, host: usize, relay: usize, port: u16) -> ConnId {
        self.conns += 1;
        let conn = ConnId(self.conns);
        let from = SocketAddr::new(self.hosts[host].ip, port);
        self.relays[relay].conns.insert(conn, host);
        self.input(relay, Input::Connected { conn, from });
        conn
    }

    pub fn connect(&mut self, host: usize, relay: usize) {
        let conn = self.open(host, relay, 5000);
        let life = self.relays[relay].life;
        let seed = self.seed();
        let client = &mut self.hosts[host];
        client.conn = Some((relay, life, conn));
        (client.nick, client.nick_since) = (None, None);
        client.awaited.clear();
        client.page.clear();
        client.ears = Ears::default();
        client.prover = None;
        if let Some(key) = client.key {
            let (prover, first) = Prover::new(key, seed);
            client.prover = Some(prover);
            self.say(host, &format!("X_CAPS from key ticket meet move\n{first}"));
        } else {
            self.say(host, "X_CAPS from ticket meet\n");
        }
    }

    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.rng.fill(&mut seed);
        seed
    }

    pub fn say(&mut self, host: usize, text: &str) {
        if let Some(conn) = self.hosts[host].conn {
            self.say_on(conn, text);
        }
    }

    pub fn say_on(&mut self, (relay, life, conn): (usize, u64, ConnId), text: &str) {
        let bytes = Some(text.as_bytes().to_vec());
        self.schedule(self.now, Event::Bytes { relay, life, conn, bytes });
    }

    pub fn expect(&mut self, host: usize, expected: Expected) {
        let now = self.now;
        self.hosts[host].awaited.push_back((now, expected));
    }

    /// Lets a host do something, and plans its next step.
    pub fn act(&mut self, host: usize) {
        if self.is_over {
            return;
        }
        if self.now < self.quiet_at {
            let next = self.now + Duration::from_millis(self.rng.u64(50..2500));
            self.schedule(next, Event::Act { host });
        }
        if self.hosts[host].conn.is_none() {
            let relay = self.rng.usize(0..self.relays.len());
            if !self.is_open(relay) {
                let again = self.now + Duration::from_secs(1);
                return self.schedule(again, Event::Act { host });
            }
            self.connect(host, relay);
        }
        if self.hosts[host].is_busy() {
            return;
        }
        if !self.hosts[host].awaited.is_empty() && self.rng.u32(0..3) > 0 {
            return;
        }
        if self.hosts[host].nick.is_none() {
            if self.hosts[host].awaited.is_empty() {
                let (nick, _) = NAMES[self.rng.usize(0..NAMES.len())];
                self.ask_for_nick(host, nick);
            }
            return;
        }
        match self.rng.u32(0..20) {
            0..11 => {
                for _ in 0..self.rng.u32(1..4) {
                    let (nick, _) = NAMES[self.rng.usize(0..NAMES.len())];
                    self.call(host, nick);
                }
            }
            11..13 => {
                let (nick, _) = NAMES[self.rng.usize(0..NAMES.len())];
                self.meet(host, nick);
            }
            13..15 => {
                let count = self.rng.usize(1..5);
                self.list(host, count, "");
            }
            15..17 => self.ping(host),
            17 => self.leave(host, true),
            18 => self.leave(host, false),
            _ => {}
        }
    }

    pub fn ask_for_nick(&mut self, host: usize, nick: &str) {
        self.expect(host, Expected::Nick(nick.to_owned()));
        self.say(host, &format!("X_NICK {nick}\n"));
        // A relay reads on while it asks another connection of the host for a sign of life.
        if self.rng.bool() && self.hosts[host].key.is_none() {
            self.ping(host);
        }
    }

    /// Records when, by the clock of its relay, a claim begins.
    pub fn note_stamp(&mut self, claim: (usize, u64, ConnId)) {
        let stamp = self.relays[claim.0].epoch + self.now;
        let Some(host) = self.relays[claim.0].conns.get(&claim.2).copied() else { return };
        self.checks.stamps.insert(claim, (stamp, host));
        self.note_next_stamp(host, claim, stamp);
        if self.hosts[host].conn == Some(claim) {
            self.hosts[host].stamp = stamp;
        }
    }

    pub fn ping(&mut self, host: usize) {
        self.hosts[host].tokens += 1;
        let token = format!("{host}-{}", self.hosts[host].tokens);
        self.say(host, &format!("X_PING {token}\n"));
        self.expect(host, Expected::Pong(token));
    }

    pub fn call(&mut self, host: usize, nick: &str) {
        self.checks.calls += 1;
        // The port, and zeros before it, make each X_INIT another one.
        let number = self.checks.calls;
        let port = 1024 + (number % 60_000) as u16;
        let zeros = "0".repeat((number / 60_000) as usize);
        let ip = self.hosts[host].ip;
        let end = if self.rng.bool() { "\r\n" } else { "\n" };
        let line = format!("X_INIT {nick} {ip} {zeros}{port}{end}");
        self.checks.sent(host, self.hosts[host].nick.clone().unwrap(), nick, &line);
        self.say(host, &line);
        self.expect(host, Expected::Ticket { nick: nick.to_owned(), ip, port });
    }

    pub fn meet(&mut self, host: usize, nick: &str) {
        self.say(host, &format!("X_MEET {nick}\n"));
        self.expect(host, Expected::Invitation(nick.to_owned()));
    }

    pub fn list(&mut self, host: usize, count: usize, after: &str) {
        let line = format!("X_WHO {count} / {after}");
        self.say(host, &format!("{}\n", line.trim_end()));
        self.expect(host, Expected::Page { count, after: after.to_owned() });
    }

    pub fn leave(&mut self, host: usize, with_end: bool) {
        let of = &mut self.hosts[host];
        let next = of.next.take().map(|next| next.conn);
        // Of those that it was about to leave, too: calls come there until they are closed.
        let left = std::mem::take(&mut of.left).into_iter().map(|(conn, _)| conn);
        let all: Vec<_> = of.conn.take().into_iter().chain(next).chain(left).collect();
        of.offline();
        for (relay, life, conn) in all {
            let bytes = with_end.then(|| b"X_END\n".to_vec());
            if self.relays[relay].life == life {
                self.relays[relay].conns.remove(&conn);
            }
            self.schedule(self.now, Event::Bytes { relay, life, conn, bytes });
        }
    }

    /// A relay closed a connection.
    pub fn host_closed(&mut self, relay: usize, conn: ConnId, reason: CloseReason) {
        let Some(host) = self.relays[relay].conns.remove(&conn) else { return };
        let life = self.relays[relay].life;
        self.hosts[host].rendezvous.retain(|(rendezvous, _)| *rendezvous != conn);
        self.hosts[host].left.retain(|(left, _)| *left != (relay, life, conn));
        if self.hosts[host].next.as_ref().is_some_and(|next| next.conn == (relay, life, conn)) {
            self.hosts[host].next = None;
            if let Some(old) = self.hosts[host].conn {
                let again = self.now + Duration::from_secs(1);
                self.schedule(again, Event::Move { host, old });
            }
        }
        if self.hosts[host].conn != Some((relay, life, conn)) {
            return;
        }
        if reason == CloseReason::NickLost {
            self.check_elder(host);
        }
        self.leave(host, false);
        let again = self.now + Duration::from_millis(self.rng.u64(500..3000));
        self.schedule(again, Event::Act { host });
    }
}
