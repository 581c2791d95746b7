//! The network, the clock and the schedule.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xcher_core::peer::{Action, ConnId, Input, Path, TransferId};
use xcher_core::registry;
use xcher_core::secure::{Identity, record};
use xcher_core::stream::{Hasher, Seal};
use xcher_core::{Kind, NotStored, Registry, RelayLimits};

use crate::host::{Due, Host, Receiving, Sending, size_of};
use crate::net::{End, Life, Wire};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weather {
    /// Deliveries in any order and any pieces only.
    Calm,
    /// Outsiders connect to listeners too, which must make no difference.
    Crowded,
    /// Cuts, refusals, liars, outsiders, a relay that restarts and users who cancel, too.
    Rough,
}

/// Counts over many runs, to check that they exercised everything.
#[derive(Debug, Default)]
pub struct Totals {
    pub runs: u64,
    pub steps: u64,
    pub sessions: u64,
    pub files: u64,
    pub bytes: u64,
    pub failed: u64,
    pub cuts: u64,
    pub outsiders: u64,
    /// Ports that the bridge allocated.
    pub allocated: u64,
    /// Files that were resumed.
    pub resumed: u64,
    /// Files that arrived in batches.
    pub batched: u64,
    /// Correct bytes of partial files.
    pub correct: u64,
    /// Those of them that were sent again.
    pub resent: u64,
    /// Kills of hosts.
    pub kills: u64,
    /// Files that were offered and fetched.
    pub taken: u64,
    /// Sessions by a code.
    pub by_code: u64,
    /// Files of unknown size.
    pub piped: u64,
    /// Sessions that stayed behind a NAT.
    pub near: u64,
    /// Attackers that called hosts.
    pub attacks: u64,
    /// Files reported to their sender as stored.
    pub confirmed: u64,
}

impl Totals {
    pub fn add(&mut self, run: &Self) {
        self.runs += 1;
        self.steps += run.steps;
        self.sessions += run.sessions;
        self.files += run.files;
        self.bytes += run.bytes;
        self.failed += run.failed;
        self.cuts += run.cuts;
        self.outsiders += run.outsiders;
        self.allocated += run.allocated;
        self.resumed += run.resumed;
        self.batched += run.batched;
        self.confirmed += run.confirmed;
        self.correct += run.correct;
        self.resent += run.resent;
        self.kills += run.kills;
        self.taken += run.taken;
        self.by_code += run.by_code;
        self.piped += run.piped;
        self.near += run.near;
        self.attacks += run.attacks;
    }

    pub fn assert_worthwhile(&self, weather: Weather) {
        assert!(self.sessions > self.runs, "sessions opened: {self:?}");
        assert!(self.files > self.runs * 2, "files stored: {self:?}");
        assert!(self.resumed > self.runs / 10, "files resumed: {self:?}");
        assert!(self.batched > self.runs / 2, "files in batches: {self:?}");
        assert!(self.correct > self.runs && self.taken > self.runs / 10, "{self:?}");
        assert!(self.allocated > self.runs / 2, "{self:?}");
        assert!(self.by_code > self.runs / 50, "{self:?}");
        assert!(self.near > self.runs / 20, "sessions behind a NAT: {self:?}");
        assert!(self.piped > self.runs / 10, "{self:?}");
        assert!(self.confirmed > self.runs, "files confirmed: {self:?}");
        // Correct bytes are sent again only if a provider could not be reached.
        assert!(self.resent * 20 < self.correct, "bytes sent twice: {self:?}");
        if weather == Weather::Crowded {
            assert!(self.outsiders > self.runs, "{self:?}");
        }
        if weather == Weather::Rough {
            assert!(self.failed > 0 && self.cuts > 0 && self.outsiders > 0, "{self:?}");
            assert!(self.attacks > self.runs / 20, "{self:?}");
            assert!(self.kills > self.runs / 50, "{self:?}");
        }
    }
}

pub struct World {
    pub rng: fastrand::Rng,
    pub weather: Weather,
    pub now: Duration,
    pub hosts: Vec<Host>,
    pub relay: Registry,
    pub wires: Vec<Wire>,
    pub last_port: u16,
    pub last_conn: u64,
    pub totals: Totals,
    /// True if the relay is outside, and hosts are behind NATs.
    pub is_outside: bool,
    /// Addresses that attackers named, with those at which the relay saw them.
    pub attacks: Vec<(IpAddr, SocketAddr)>,
}

/// The number of a host that connects to any listener and sends anything.
pub const OUTSIDER: usize = 250;
const MAX_STEPS: u64 = 300_000;

/// One thing that can happen next.
#[derive(Clone, Copy)]
enum Choice {
    /// An established connection is reported to an end.
    Arrive(usize, usize),
    /// Bytes, or the end, reach an end.
    Deliver(usize, usize),
    Due(usize, usize),
    Send(usize, TransferId),
    User(usize),
}

/// A relay that proves its key and gives hosts their nicks back, also after a restart.
pub fn relay() -> Registry {
    let identity = Identity::new([8; 32]);
    Registry::new(RelayLimits::default(), [7; 32]).with_identity(identity)
}

impl World {
    pub fn new(seed: u64, weather: Weather) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let count = rng.usize(2..6);
        let is_outside = rng.bool();
        let new = |index| Host::new(index, count, is_outside, &mut rng, weather);
        let hosts = (0..count).map(new).collect();
        Self {
            rng,
            weather,
            now: Duration::from_secs(1),
            hosts,
            relay: relay(),
            wires: Vec::new(),
            last_port: 20_000,
            last_conn: 0,
            totals: Totals::default(),
            is_outside,
            attacks: Vec::new(),
        }
    }

    pub fn run(mut self) -> Totals {
        for host in 0..self.hosts.len() {
            self.with(host, |peer, now, actions| peer.start(now, actions));
        }
        while !self.is_over() {
            self.totals.steps += 1;
            assert!(self.totals.steps < MAX_STEPS, "stuck: {}", self.describe());
            match self.weather {
                Weather::Calm => {}
                Weather::Crowded if self.rng.u8(..) < 20 => self.outsider(),
                Weather::Crowded => {}
                Weather::Rough => self.inject_fault(),
            }
            let choices = self.choices();
            let wait = self.weather == Weather::Rough && self.rng.u16(..) < 200;
            if choices.is_empty() || wait {
                self.pass_time(choices.is_empty());
            } else {
                let choice = choices[self.rng.usize(..choices.len())];
                self.take(choice);
            }
            self.wires.retain(|wire| !wire.is_closed());
        }
        self.check_results();
        self.totals
    }

    fn is_over(&self) -> bool {
        self.hosts.iter().all(|host| {
            host.user.is_done()
                && !host.peer.is_busy()
                && host.due.is_empty()
                && host.received.is_empty()
                && host.sending.is_empty()
        }) && self.wires.iter().all(|wire| wire.ends[1].host.is_none())
    }

    fn describe(&self) -> String {
        let busy: Vec<_> =
            self.hosts.iter().map(|h| (h.user.is_done(), h.peer.is_busy())).collect();
        format!("at {:?}, hosts (done, busy) {busy:?}, wires {:?}", self.now, self.wires)
    }

    fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        for (index, wire) in self.wires.iter().enumerate() {
            for side in 0..2 {
                let flow = &wire.flows[1 - side];
                match wire.life[side] {
                    Life::Opening => choices.push(Choice::Arrive(index, side)),
                    Life::Up if wire.cut => choices.push(Choice::Deliver(index, side)),
                    Life::Up if wire.paused[side] => {}
                    Life::Up if wire.data && !self.is_receiving(wire.ends[side]) => {}
                    Life::Up if !flow.bytes.is_empty() || flow.closed => {
                        choices.push(Choice::Deliver(index, side));
                    }
                    _ => {}
                }
            }
        }
        for (index, host) in self.hosts.iter().enumerate() {
            choices.extend((0..host.due.len()).map(|due| Choice::Due(index, due)));
            choices.extend(host.sending.keys().map(|transfer| Choice::Send(index, *transfer)));
            if self.user_has_something(index) {
                choices.push(Choice::User(index));
            }
        }
        choices
    }

    fn take(&mut self, choice: Choice) {
        match choice {
            Choice::Arrive(wire, side) => self.arrive(wire, side),
            Choice::Deliver(wire, side) => self.deliver(wire, side),
            Choice::Due(host, due) => {
                let due = self.hosts[host].due.swap_remove(due);
                self.deliver_due(host, due);
            }
            Choice::Send(host, transfer) => self.send_more(host, transfer),
            Choice::User(host) => self.user_acts(host),
        }
    }

    fn pass_time(&mut self, idle: bool) {
        let due = self.hosts.iter().filter_map(|host| host.peer.next_deadline());
        let due = due.chain(self.relay.next_deadline()).min();
        let step = Duration::from_millis(self.rng.u64(1..20_000));
        self.now = match due {
            Some(due) if idle => due.max(self.now),
            Some(due) => due.max(self.now).min(self.now + step),
            None => self.now + step,
        };
        assert!(self.now < Duration::from_secs(86_400), "stuck: {}", self.describe());
        for host in 0..self.hosts.len() {
            self.input(host, Input::Tick);
        }
        self.relay_input(registry::Input::Tick);
    }

    // The relay.

    pub fn relay_input(&mut self, input: registry::Input<'_>) {
        let mut actions = Vec::new();
        self.relay.handle(input, self.now, &mut actions);
        for action in actions {
            match action {
                registry::Action::Write { conn, bytes } => {
                    let end = End { host: None, conn: conn.0 };
                    if let Some((flow, _)) = self.flow_from(end) {
                        flow.bytes.extend(bytes);
                    }
                }
                registry::Action::Report { .. } => {}
                registry::Action::Close { conn, .. } => {
                    self.close(End { host: None, conn: conn.0 });
                }
            }
        }
    }

    // Hosts.

    pub fn input(&mut self, host: usize, input: Input<'_>) {
        self.with(host, |peer, now, actions| peer.handle(input, now, actions));
    }

    pub fn with<R>(
        &mut self,
        host: usize,
        decide: impl FnOnce(&mut xcher_core::Peer, Duration, &mut Vec<Action>) -> R,
    ) -> R {
        let mut actions = Vec::new();
        let result = decide(&mut self.hosts[host].peer, self.now, &mut actions);
        for action in actions {
            self.act(host, action);
        }
        result
    }

    pub fn act(&mut self, host: usize, action: Action) {
        let end = |conn: ConnId| End { host: Some(host), conn: conn.0 };
        match action {
            Action::DialRelay { conn } => {
                self.last_conn += 1;
                let relay = End { host: None, conn: self.last_conn };
                self.wires.push(Wire::new(end(conn), relay, false));
            }
            Action::DialRendezvous { .. } | Action::Punch { .. } => {
                unreachable!("no relay invites")
            }
            Action::Dial { conn, to, path, purpose, .. } => {
                self.dial(host, conn, (to, path), purpose);
            }
            Action::Listen { listener, ip, path, purpose, .. } => {
                let place = self.place(host);
                let is_any = ip.is_unspecified() && place.is_behind_nat();
                let is_own = path == Path::Bridge || is_any || ip == place.inner;
                assert!(is_own, "a host listens at another address");
                let fails = self.weather == Weather::Rough && self.rng.u8(..) < 3;
                if fails {
                    self.hosts[host].due.push(Due::ListenFailed(listener));
                } else {
                    self.last_port += 1;
                    let port = self.last_port;
                    if path == Path::Bridge {
                        self.hosts[host].allocated.insert(port);
                    }
                    self.hosts[host].listeners.insert(listener, (port, purpose));
                    self.hosts[host].due.push(Due::Listening(listener, port));
                }
            }
            Action::StopListening { listener } => _ = self.hosts[host].listeners.remove(&listener),
            Action::Write { conn, bytes } => {
                let (flow, data) = self.flow_from(end(conn)).expect("a connection to write to");
                assert!(!data, "a packet was written to a data connection");
                flow.bytes.extend(bytes);
            }
            Action::Pause { conn } => self.pause(end(conn), true),
            Action::Resume { conn } => self.pause(end(conn), false),
            Action::Close { conn } => self.close(end(conn)),
            Action::List { session } => {
                let due = self.hosts[host].list(session, &mut self.rng);
                self.hosts[host].due.push(due);
            }
            Action::Find { session, name } => {
                let bytes = self.hosts[host].files.get(name.as_str());
                let size = bytes.map(|bytes| size_of(name.as_str(), bytes));
                self.hosts[host].due.push(Due::Found(session, size));
            }
            Action::FindPartial { transfer, name, size, from } => {
                let length = self.find_partial(host, transfer, Self::file_id(&name, size, from));
                let left = &self.hosts[host].found[&transfer].bytes;
                let has = (length > 0).then(|| (length, *blake3::hash(left).as_bytes()));
                self.hosts[host].due.push(Due::PartialFound(transfer, has));
            }
            Action::Open { transfer, name, size, length, .. } => {
                let file = &self.hosts[host].files[name.as_str()];
                assert_eq!(size, file.len() as u64);
                let digest = *blake3::hash(&file[..length as usize]).as_bytes();
                self.hosts[host].opened.push(transfer);
                self.hosts[host].due.push(Due::Opened(transfer, digest));
            }
            Action::Send { transfer, conn, name, size, from, seal } => {
                assert_eq!(size, size_of(name.as_str(), &self.hosts[host].files[name.as_str()]));
                let mut bytes = self.hosts[host].content(&name, &mut self.rng);
                let from = bytes.len().min(from as usize);
                if let (true, 1.., Some(last)) =
                    (self.hosts[host].liar, from, bytes.len().checked_sub(1))
                    && from < last
                {
                    // The file changed: the partial file is not its beginning.
                    bytes[0] ^= 1;
                    bytes[last] ^= 1;
                }
                let bytes = match seal {
                    Some(seal) => sealed(&bytes, from, seal, &mut self.rng),
                    None => bytes[from..].to_vec(),
                };
                self.hosts[host].sending.insert(transfer, Sending { conn, bytes, sent: 0 });
            }
            Action::Receive { transfer, conn, name, size, from, seal } => {
                let bytes = self.begin_receiving(host, transfer, from);
                let begun = Hasher::new().update(&bytes).clone();
                let receiving = Receiving {
                    conn,
                    bytes,
                    limit: size.limit(),
                    batch: None,
                    seal: seal.map(|seal| seal.receiver(begun).unwrap()),
                    name,
                    over: false,
                };
                self.hosts[host].received.insert(transfer, receiving);
            }
            Action::SendBatch { transfer, conn, files, seal } => {
                let mut sender = seal.batch_sender().unwrap();
                let mut bytes = Vec::new();
                for (name, size) in files {
                    let content = self.hosts[host].content(&name, &mut self.rng);
                    let there = self.hosts[host].files.contains_key(name.as_str())
                        && content.len() as u64 == size;
                    sender.file(there.then_some(&content[..]), &mut bytes).unwrap();
                }
                sender.finish(&mut bytes).unwrap();
                self.hosts[host].sending.insert(transfer, Sending { conn, bytes, sent: 0 });
            }
            Action::ReceiveBatch { transfer, conn, files, seal } => {
                let sizes = files.iter().map(|file| file.size).collect();
                let receiving = Receiving {
                    conn,
                    bytes: Vec::new(),
                    limit: 0,
                    batch: Some((seal.batch_receiver(sizes).unwrap(), files.clone(), Vec::new())),
                    seal: None,
                    name: files[0].name.clone(),
                    over: false,
                };
                self.hosts[host].received.insert(transfer, receiving);
            }
            Action::Pin { nick, key } => self.hosts[host].pins.push((nick, key)),
            Action::RelayVerified { .. } => {}
            Action::Store { transfer, .. } => {
                let fails = self.weather == Weather::Rough && self.rng.u8(..) < 5;
                let due = if fails { Due::StoreFailed(transfer) } else { Due::Stored(transfer) };
                self.hosts[host].due.push(due);
            }
            Action::Abandon { transfer } => self.abandon(host, transfer),
            Action::Notify(event) => self.hosts[host].notify(&event),
        }
    }

    pub fn deliver_due(&mut self, host: usize, due: Due) {
        let why = || "injected".into();
        match due {
            Due::Listening(listener, port) => {
                let allocated = self.hosts[host].allocated.contains(&port);
                let allocated_at = allocated.then(|| self.bridge_address());
                if allocated {
                    self.allocate(host, port);
                }
                self.totals.allocated += u64::from(allocated);
                self.input(host, Input::Listening { listener, allocated_at, port })
            }
            Due::ListenFailed(listener) => {
                self.input(host, Input::ListenFailed { listener, why: why() });
            }
            Due::ConnectFailed(conn) => {
                self.input(host, Input::ConnectFailed { conn, why: why() });
            }
            Due::Entries(session, entries, done) => {
                self.input(host, Input::Entries { session, entries, done });
            }
            Due::PartialFound(transfer, has) => {
                self.input(host, Input::PartialFound { transfer, has });
            }
            Due::Opened(transfer, digest) => {
                self.input(host, Input::Opened { transfer, digest: Ok(digest) });
            }
            Due::Found(session, size) => {
                self.input(host, Input::Found { session, size, kind: Kind::File })
            }
            Due::Stored(transfer) => {
                if let Some(receiving) = self.hosts[host].received.remove(&transfer) {
                    let name = receiving.name;
                    let stored = (transfer, name.clone(), receiving.bytes);
                    self.hosts[host].stored.push(stored);
                    self.input(host, Input::Stored { transfer, name });
                }
            }
            Due::StoreFailed(transfer) => {
                self.hosts[host].received.remove(&transfer);
                let reason = NotStored::Space;
                self.input(host, Input::StoreFailed { transfer, reason, why: why() });
            }
            Due::Start => self.with(host, |peer, now, actions| peer.start(now, actions)),
            Due::SendEnded(transfer, bytes, broken) => {
                let why = broken.then(why);
                self.input(host, Input::SendEnded { transfer, bytes, unsent: Vec::new(), why });
            }
        }
    }
}

/// A file's bytes as they cross an encrypted data connection, in records of any length.
fn sealed(bytes: &[u8], from: usize, seal: Seal, rng: &mut fastrand::Rng) -> Vec<u8> {
    let (begun, mut bytes) = bytes.split_at(from);
    let mut sender = seal.sender(Hasher::new().update(begun).clone()).unwrap();
    let mut sealed = Vec::new();
    while !bytes.is_empty() {
        // Often the length of a digest.
        let length = if rng.bool() { 32 } else { rng.usize(1..5000) };
        let (piece, rest) = bytes.split_at(length.min(bytes.len()));
        let mut record = vec![0; record::HEAD_LEN];
        record.extend(piece);
        record.extend([0; record::TAG_LEN]);
        sender.seal(&mut record).unwrap();
        sealed.extend(record);
        bytes = rest;
    }
    sealed.extend(sender.finish().unwrap());
    sealed
}
