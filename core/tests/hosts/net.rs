//! Hosts, a relay that forwards without checks, and connections that deliver in order and at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xcher_core::peer::{
    Action, Config, ConnId, Encryption, Error, Event, Input, ListenerId, Path, Purpose, Security,
    SessionId, TransferId,
};
use xcher_core::secure::{Identity, PublicKey};
use xcher_core::{FileName, Limits, Nick, Peer};

use crate::driver::Receiving;
use crate::fake_link::FakeLink;
use crate::meeting::Meeting;

pub(crate) struct Host {
    pub(crate) peer: Peer,
    pub(crate) nick: String,
    pub(crate) relay: Option<ConnId>,
    pub(crate) events: Vec<Event>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Keys under which this host looked for partial files.
    pub(crate) partial_keys: Vec<PublicKey>,
    /// Files that its system does not let it read.
    pub(crate) unreadable: BTreeSet<String>,
    /// Partial files of earlier attempts.
    pub(crate) partials: BTreeMap<String, Vec<u8>>,
    pub(crate) stored: BTreeMap<String, Vec<u8>>,
    pub(crate) pins: Vec<(Nick, PublicKey)>,
    pub(crate) receiving: BTreeMap<TransferId, Receiving>,
    /// Files that never progress, by their connection.
    pub(crate) sending: BTreeMap<ConnId, TransferId>,
    /// Questions to its disk.
    pub(crate) looked_up: usize,
    /// Set while answers of its disk wait in `held`.
    pub(crate) slow: bool,
    pub(crate) held: Vec<Input<'static>>,
    /// Transfers whose partial file or reading was abandoned.
    pub(crate) abandoned: Vec<TransferId>,
    /// Set while received files wait in `unstored` for their names.
    pub(crate) delays_storing: bool,
    pub(crate) unstored: Vec<TransferId>,
    /// The port of its listeners, if it is fixed.
    pub(crate) port: Option<u16>,
    /// Bytes of files that it sent.
    pub(crate) sent: u64,
    /// Set once it named `near` to the relay.
    pub(crate) knows_near: bool,
    /// Bytes that it wrote on control connections, as they went over the wire.
    pub(crate) written: Vec<u8>,
}

pub(crate) struct Net {
    pub(crate) hosts: Vec<Host>,
    pub(crate) now: Duration,
    pub(crate) todo: VecDeque<Todo>,
    pub(crate) listeners: BTreeMap<(usize, ListenerId), (u16, Purpose)>,
    last_port: u16,
    /// The other end of each end.
    pub(crate) wires: BTreeMap<(usize, ConnId), (usize, ConnId)>,
    /// All bytes that came over a data connection.
    pub(crate) data: BTreeMap<(usize, ConnId), Vec<u8>>,
    /// Closed connections whose other end is not one of the hosts.
    pub(crate) closed_outsiders: Vec<ConnId>,
    /// Listeners that the bridge allocated.
    at_bridge: BTreeSet<(usize, ListenerId)>,
    /// Decides what becomes of a host's dial.
    pub(crate) fate: fn(usize, SocketAddr, Path) -> Fate,
    /// The addresses in the X_INITs that the relay received, with the times.
    pub(crate) inits: Vec<(Duration, SocketAddr)>,
    /// Returns true for hosts that know tickets.
    tickets: fn(usize) -> bool,
    /// True if all hosts are behind one NAT, and the relay is not.
    nat: bool,
    /// The tickets that the relay has drawn.
    pub(crate) drawn: Vec<String>,
    /// The callers that they were drawn for.
    drawn_for: Vec<usize>,
    /// The tickets of calls that were declined.
    pub(crate) declined: Vec<String>,
    /// All dials of control and data connections.
    pub(crate) dials: Vec<(ConnId, SocketAddr)>,
    /// Reasons for which the relay refuses the next X_INITs.
    pub(crate) refusals: VecDeque<&'static str>,
    /// The relay's support for hole punching, and the rendezvous that wait there.
    pub(crate) meeting: Meeting,
    /// The link by WebRTC between the first two hosts.
    pub(crate) link: FakeLink,
    /// The paths of calls that hosts told the relay.
    pub(crate) told: Vec<(usize, String)>,
    /// Returns true for hosts whose bytes to other hosts are under way in `delayed`.
    pub(crate) delays: fn(usize) -> bool,
    delayed: Vec<Todo>,
}

/// The outcome of a dial.
pub(crate) enum Fate {
    Connected,
    Refused,
    /// Neither succeeds nor fails.
    Lost,
}

pub(crate) enum Todo {
    Input(usize, Input<'static>),
    Bytes(usize, ConnId, Vec<u8>),
}

pub(crate) fn ip(host: usize) -> IpAddr {
    [10, 0, 0, host as u8 + 1].into()
}

const RELAY: [u8; 4] = [10, 0, 0, 251];

/// The address of a NAT, and of a relay and a bridge outside.
pub(crate) const NAT: [u8; 4] = [11, 0, 0, 2];
pub(crate) const OUTSIDE: [u8; 4] = [11, 0, 0, 1];

/// The address of the ports that the bridge allocates.
pub(crate) const BRIDGE: [u8; 4] = [10, 0, 0, 252];

pub(crate) fn encryption(number: u8) -> Encryption {
    Encryption::new(Identity::new([number; 32]), [number ^ 0xff; 32]).with_resume()
}

pub(crate) fn key(number: u8) -> PublicKey {
    Identity::new([number; 32]).public()
}

pub(crate) fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

impl Net {
    /// Hosts with these nicks, online.
    pub(crate) fn new(hosts: Vec<(&str, Option<Encryption>)>) -> Self {
        Self::with_limits(hosts, Limits::default())
    }

    pub(crate) fn with_limits(hosts: Vec<(&str, Option<Encryption>)>, limits: Limits) -> Self {
        Self::with_config(hosts, &Config { limits, ..Config::default() })
    }

    /// Hosts that share a configuration.
    pub(crate) fn with_config(hosts: Vec<(&str, Option<Encryption>)>, config: &Config) -> Self {
        Self::with_tickets(hosts, config, |_| false)
    }

    /// Hosts some of which know tickets.
    pub(crate) fn with_tickets(
        hosts: Vec<(&str, Option<Encryption>)>,
        config: &Config,
        tickets: fn(usize) -> bool,
    ) -> Self {
        Self::start(hosts, config, tickets, false, false)
    }

    /// Hosts behind one NAT.
    pub(crate) fn behind_nat(hosts: Vec<(&str, Option<Encryption>)>, config: &Config) -> Self {
        Self::start(hosts, config, |_| true, true, false)
    }

    /// Hosts behind NATs of their own, whose relay supports hole punching.
    pub(crate) fn behind_nats(hosts: Vec<(&str, Option<Encryption>)>, config: &Config) -> Self {
        Self::start(hosts, config, |_| true, false, true)
    }

    fn start(
        hosts: Vec<(&str, Option<Encryption>)>,
        config: &Config,
        tickets: fn(usize) -> bool,
        nat: bool,
        meets: bool,
    ) -> Self {
        let hosts = hosts.into_iter().map(|(nick, encryption)| {
            let nicks = vec![Nick::parse(nick).unwrap()];
            let config = Config { nicks, ..config.clone() };
            let peer = Peer::new(config);
            Host {
                peer: match encryption {
                    Some(encryption) => peer.with_encryption(encryption),
                    None => peer,
                },
                nick: nick.to_owned(),
                relay: None,
                events: Vec::new(),
                files: BTreeMap::new(),
                partial_keys: Vec::new(),
                unreadable: BTreeSet::new(),
                partials: BTreeMap::new(),
                stored: BTreeMap::new(),
                pins: Vec::new(),
                receiving: BTreeMap::new(),
                sending: BTreeMap::new(),
                looked_up: 0,
                slow: false,
                held: Vec::new(),
                abandoned: Vec::new(),
                delays_storing: false,
                unstored: Vec::new(),
                port: None,
                sent: 0,
                knows_near: false,
                written: Vec::new(),
            }
        });
        let mut net = Self {
            hosts: hosts.collect(),
            now: Duration::from_secs(1),
            todo: VecDeque::new(),
            listeners: BTreeMap::new(),
            last_port: 20_000,
            wires: BTreeMap::new(),
            data: BTreeMap::new(),
            closed_outsiders: Vec::new(),
            at_bridge: BTreeSet::new(),
            fate: |_, _, _| Fate::Connected,
            inits: Vec::new(),
            tickets,
            nat,
            drawn: Vec::new(),
            drawn_for: Vec::new(),
            declined: Vec::new(),
            dials: Vec::new(),
            refusals: VecDeque::new(),
            meeting: Meeting::new(meets),
            link: FakeLink::default(),
            told: Vec::new(),
            delays: |_| false,
            delayed: Vec::new(),
        };
        for host in 0..net.hosts.len() {
            net.with(host, |peer, now, actions| peer.start(now, actions));
        }
        net
    }

    /// Acts on a host and runs everything that follows.
    pub(crate) fn with<R>(
        &mut self,
        host: usize,
        act: impl FnOnce(&mut Peer, Duration, &mut Vec<Action>) -> R,
    ) -> R {
        let result = self.begin(host, act);
        self.run();
        result
    }

    /// Acts on a host and leaves what follows pending.
    pub(crate) fn begin<R>(
        &mut self,
        host: usize,
        act: impl FnOnce(&mut Peer, Duration, &mut Vec<Action>) -> R,
    ) -> R {
        let mut actions = Vec::new();
        let result = act(&mut self.hosts[host].peer, self.now, &mut actions);
        for action in actions {
            self.act(host, action);
        }
        result
    }

    pub(crate) fn run(&mut self) {
        for _ in 0..100_000 {
            if !self.step() {
                return;
            }
        }
        panic!("the hosts never come to rest");
    }

    /// Runs step by step until `found` returns a value.
    pub(crate) fn run_until<R>(&mut self, found: impl Fn(&Self) -> Option<R>) -> R {
        loop {
            if let Some(found) = found(self) {
                return found;
            }
            assert!(self.step(), "the hosts came to rest too early");
        }
    }

    fn step(&mut self) -> bool {
        match self.todo.pop_front() {
            Some(Todo::Input(host, input)) => {
                self.begin(host, |peer, now, actions| peer.handle(input, now, actions));
            }
            Some(Todo::Bytes(host, conn, bytes)) => {
                self.begin(host, |peer, now, actions| {
                    peer.handle(Input::Received { conn, bytes: &bytes }, now, actions);
                });
            }
            None => return false,
        }
        true
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.wait_ms(seconds * 1000);
    }

    pub(crate) fn wait_ms(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        for host in 0..self.hosts.len() {
            self.give(host, Input::Tick);
        }
        self.run();
    }

    pub(crate) fn give(&mut self, host: usize, input: Input<'static>) {
        self.todo.push_back(Todo::Input(host, input));
    }

    /// Delivers all bytes that are under way, and delays no more.
    pub(crate) fn arrive(&mut self) {
        self.delays = |_| false;
        self.todo.extend(self.delayed.drain(..));
        self.run();
    }

    /// Delivers the answers that a slow disk held back.
    pub(crate) fn release(&mut self, host: usize) {
        self.hosts[host].slow = false;
        for input in std::mem::take(&mut self.hosts[host].held) {
            self.give(host, input);
        }
        self.run();
    }

    pub(crate) fn call(&mut self, host: usize, nick: &str) -> SessionId {
        let nick = Nick::parse(nick).unwrap();
        self.with(host, |peer, now, actions| peer.open(nick, now, actions)).unwrap()
    }

    pub(crate) fn get(&mut self, host: usize, session: SessionId, file: &str, size: u64) {
        let size = xcher_core::Size::Exact(size);
        let stat = xcher_core::Stat::default();
        self.with(host, |peer, now, actions| {
            peer.get(session, name(file), size, stat, now, actions).unwrap();
        });
    }

    /// The session that the host reported as open last, and its security.
    pub(crate) fn opened(&self, host: usize) -> Option<(SessionId, Security)> {
        self.hosts[host].events.iter().rev().find_map(|event| match event {
            Event::Opened { session, security, .. } => Some((*session, *security)),
            _ => None,
        })
    }

    /// The path of each session that the host reported as open.
    pub(crate) fn paths(&self, host: usize) -> Vec<Path> {
        let path = |event: &Event| match event {
            Event::Opened { path, .. } => Some(*path),
            _ => None,
        };
        self.hosts[host].events.iter().filter_map(path).collect()
    }

    /// The errors of calls, transfers and sessions.
    pub(crate) fn errors(&self, host: usize) -> Vec<Error> {
        let error = |event: &Event| match event {
            Event::OpenFailed { error, .. }
            | Event::Failed { error, .. }
            | Event::CallRefused { error, .. }
            | Event::Ended { error: Some(error), .. } => Some(error.clone()),
            _ => None,
        };
        self.hosts[host].events.iter().filter_map(error).collect()
    }

    /// Connects an outsider to a listener and runs what follows.
    pub(crate) fn outsider(&mut self, host: usize, listener: ListenerId) -> ConnId {
        let conn = self.visit(host, listener, b"");
        self.run();
        conn
    }

    /// Connects an outsider that sends `says`, before anything else happens.
    pub(crate) fn visit(&mut self, host: usize, listener: ListenerId, says: &[u8]) -> ConnId {
        let conn = self.hosts[host].peer.new_conn();
        let (local, remote) = (SocketAddr::new(ip(host), 1), SocketAddr::new(ip(90), 2));
        self.begin(host, |peer, now, actions| {
            peer.handle(Input::Accepted { listener, conn, local, remote }, now, actions);
            if !says.is_empty() {
                peer.handle(Input::Received { conn, bytes: says }, now, actions);
            }
        });
        conn
    }

    /// Delivers lines as if the relay had sent them, and runs what follows.
    pub(crate) fn relay_says(&mut self, host: usize, lines: &str) {
        let conn = self.hosts[host].relay.unwrap();
        self.todo.push_back(Todo::Bytes(host, conn, lines.as_bytes().to_vec()));
        self.run();
    }

    /// Cuts a host's connection to the relay, before anything more comes over it.
    pub(crate) fn lose_relay(&mut self, host: usize) {
        let conn = self.hosts[host].relay.take().unwrap();
        self.begin(host, |peer, now, actions| {
            peer.handle(Input::Closed { conn, why: None }, now, actions);
        });
    }

    /// Ends a connection for both sides.
    fn end(&mut self, host: usize, conn: ConnId, why: Option<&str>) {
        if let Some((other, end)) = self.wires.remove(&(host, conn)) {
            self.wires.remove(&(other, end));
            self.give(host, Input::Closed { conn, why: why.map(Into::into) });
            self.give(other, Input::Closed { conn: end, why: why.map(Into::into) });
        }
    }

    /// Cuts every connection between hosts.
    pub(crate) fn cut_all(&mut self) {
        self.end_all(Some("reset"));
    }

    /// Closes every connection between hosts, as if the peer had closed it.
    pub(crate) fn close_all(&mut self) {
        self.end_all(None);
    }

    fn end_all(&mut self, why: Option<&str>) {
        for (host, conn) in self.wires.keys().copied().collect::<Vec<_>>() {
            self.end(host, conn, why);
        }
        self.run();
    }

    fn act(&mut self, host: usize, action: Action) {
        match action {
            Action::DialRelay { conn } => {
                self.hosts[host].relay = Some(conn);
                let local = SocketAddr::new(ip(host), 7);
                let relay = if self.nat { OUTSIDE } else { RELAY };
                let remote = SocketAddr::new(relay.into(), 9247);
                self.give(host, Input::Connected { conn, local, remote });
            }
            Action::Dial { conn, to, path, purpose, .. } => {
                self.dials.push((conn, to));
                match (self.fate)(host, to, path) {
                    Fate::Connected => self.dial(host, conn, (to, path), purpose),
                    Fate::Refused => {
                        self.give(host, Input::ConnectFailed { conn, why: "refused".into() });
                    }
                    Fate::Lost => {}
                }
            }
            Action::Listen { listener, path, purpose, .. } => {
                self.last_port += 1;
                let port = self.hosts[host].port.unwrap_or(self.last_port);
                self.listeners.insert((host, listener), (port, purpose));
                let allocated_at = (path == Path::Bridge).then(|| self.bridge());
                if allocated_at.is_some() {
                    self.at_bridge.insert((host, listener));
                }
                self.give(host, Input::Listening { listener, allocated_at, port });
            }
            Action::StopListening { listener } => _ = self.listeners.remove(&(host, listener)),
            Action::Write { conn, bytes } if self.hosts[host].relay == Some(conn) => {
                self.relay(host, &bytes);
            }
            Action::Write { conn, bytes } if self.meeting.is_rendezvous(host, conn) => {
                self.attend(host, conn, &bytes);
            }
            Action::Write { conn, bytes } => {
                self.hosts[host].written.extend(&bytes);
                self.give(host, Input::Sent { conn, bytes: bytes.len() });
                if let Some((other, end)) = self.wires.get(&(host, conn)) {
                    let bytes = Todo::Bytes(*other, *end, bytes);
                    match (self.delays)(host) {
                        true => self.delayed.push(bytes),
                        false => self.todo.push_back(bytes),
                    }
                }
            }
            Action::Close { conn } if self.meeting.leave(host, conn) => {}
            Action::Close { conn } => match self.wires.remove(&(host, conn)) {
                Some((other, end)) => {
                    self.give(other, Input::Closed { conn: end, why: None });
                }
                None => self.closed_outsiders.push(conn),
            },
            Action::DialRendezvous { conn, listener, .. } => {
                self.dial_rendezvous(host, conn, listener);
            }
            Action::Link { session, step } => self.link_step(host, session, step),
            Action::Punch { listener, to, is_caller } => self.punch(host, listener, to, is_caller),
            Action::Pause { .. } | Action::Resume { .. } | Action::RelayVerified { .. } => {}
            Action::Pin { nick, key } => self.hosts[host].pins.push((nick, key)),
            Action::Notify(event) => self.hosts[host].events.push(event),
            action => self.drive(host, action),
        }
    }

    fn bridge(&self) -> IpAddr {
        if self.nat { OUTSIDE.into() } else { BRIDGE.into() }
    }

    fn dial(
        &mut self,
        host: usize,
        conn: ConnId,
        (to, path): (SocketAddr, Path),
        purpose: Purpose,
    ) {
        assert!(to.port() >= 1024, "a system port is dialled");
        let found = self.listeners.iter().find(|((at, listener), (port, _))| {
            let allocated = self.at_bridge.contains(&(*at, *listener));
            let is_at = if allocated { self.bridge() } else { ip(*at) };
            *port == to.port() && is_at == to.ip()
        });
        let Some(((other, listener), (_, expected))) = found else {
            return self.give(host, Input::ConnectFailed { conn, why: "refused".into() });
        };
        assert_eq!(*expected, purpose, "both ends agree on the purpose of a connection");
        let (other, listener) = (*other, *listener);
        let end = self.hosts[other].peer.new_conn();
        self.wires.insert((host, conn), (other, end));
        self.wires.insert((other, end), (host, conn));
        let from = if path == Path::Bridge { self.bridge() } else { ip(host) };
        let [local, remote] = [SocketAddr::new(from, 5), to];
        self.give(host, Input::Connected { conn, local, remote });
        self.give(other, Input::Accepted { listener, conn: end, local: remote, remote: local });
    }

    /// The other end of a connection.
    pub(crate) fn other_end(&self, host: usize, conn: ConnId) -> Option<(usize, ConnId)> {
        self.wires.get(&(host, conn)).copied()
    }

    fn relay(&mut self, from: usize, bytes: &[u8]) {
        let nick = self.hosts[from].nick.clone();
        for line in std::str::from_utf8(bytes).unwrap().lines() {
            let fields: Vec<_> = line.split(' ').collect();
            let (to, answer) = match fields[..] {
                ["X_NICK", nick] => (Some(from), format!("X_NICK {nick} YES\n")),
                ["X_CAPS", ref words @ ..] if words.contains(&"ticket") && (self.tickets)(from) => {
                    self.hosts[from].knows_near = words.contains(&"near");
                    let near = if self.nat { " near" } else { "" };
                    let meet = if self.meeting.is_supported { " meet" } else { "" };
                    self.meeting.has_named(from, words.contains(&"meet"));
                    (Some(from), format!("X_CAPS from ticket{near}{meet} path decline\n"))
                }
                ["X_ADDR"] => {
                    let seen = if self.nat { NAT.into() } else { ip(from) };
                    (Some(from), format!("X_ADDR {seen}\n"))
                }
                ["X_MEET", to] => {
                    self.invite(from, to);
                    (None, String::new())
                }
                ["X_PATH", path] => {
                    self.told.push((from, path.to_owned()));
                    (None, String::new())
                }
                ["X_DECLINE", ticket] => {
                    self.declined.push(ticket.to_owned());
                    let at = self.drawn.iter().position(|drawn| drawn == ticket);
                    (at.map(|at| self.drawn_for[at]), format!("{line}\n"))
                }
                ["X_INIT", ..] if !self.refusals.is_empty() => {
                    let reason = self.refusals.pop_front().unwrap();
                    (Some(from), format!("X_ERR X_INIT {reason}\n"))
                }
                ["X_INIT", to, at, port] => {
                    let at = SocketAddr::new(at.parse().unwrap(), port.parse().unwrap());
                    self.inits.push((self.now, at));
                    let callee = self.hosts.iter().position(|host| host.nick == to);
                    let (asks, knows) = ((self.tickets)(from), callee.is_some_and(self.tickets));
                    let mut shown = String::new();
                    let are_near = self.nat
                        && callee.is_some_and(|callee| self.hosts[callee].knows_near)
                        && self.hosts[from].knows_near;
                    if are_near && at.ip() == ip(from) {
                        shown += "X_NEAR\n";
                    }
                    if asks {
                        let mut due = "-".to_owned();
                        if knows {
                            due = ticket(self.drawn.len());
                            shown += &format!("X_TICKET {due}\n");
                            self.drawn.push(due.clone());
                            self.drawn_for.push(from);
                        }
                        let mut due = format!("X_TICKET {to} {} {} {due}\n", at.ip(), at.port());
                        if are_near && at.ip() == IpAddr::from(NAT) {
                            due.insert_str(0, "X_NEAR\n");
                        }
                        let conn = self.hosts[from].relay.unwrap();
                        self.todo.push_back(Todo::Bytes(from, conn, due.into_bytes()));
                    }
                    (callee, format!("X_FROM {nick}\n{shown}{line}\n"))
                }
                _ => (None, String::new()),
            };
            if let Some((to, conn)) = to.and_then(|to| Some((to, self.hosts[to].relay?))) {
                self.todo.push_back(Todo::Bytes(to, conn, answer.into_bytes()));
            }
        }
    }
}

/// Makes a ticket, a different one for each number.
pub(crate) fn ticket(number: usize) -> String {
    let letters = b"BCDEFGHIJKLMNOPQRSTUVWXYZ";
    let [first, second] = [number % 25, number / 25].map(|at| char::from(letters[at]));
    format!("{first}{second}AAAAAAAAAAAAAAAAAAAA==")
}
