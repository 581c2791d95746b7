//! The driver of one simulated host: its files, its listeners, its transfers.

use std::collections::{BTreeMap, BTreeSet};

use xcher_core::code::Code;
use xcher_core::peer::{
    CallPolicy, Config, ConnId, Encryption, Event, ListenerId, Notice, Path, PathPolicy, Purpose,
    SessionId, TransferId,
};
use xcher_core::secure::{Identity, PublicKey};
use xcher_core::stream::Digest;
use xcher_core::{FileName, Limits, Nick, Peer, Platform, SharedFile, Size, Stat};

use crate::partials::{FileId, Found};
use crate::places::{Place, Places};
use crate::receiving::Receiving;
use crate::user::User;
use crate::world::Weather;

pub struct Host {
    pub peer: Peer,
    pub user: User,
    pub online: bool,
    /// The files that it shares.
    pub files: BTreeMap<String, Vec<u8>>,
    /// True for a provider that does not send what it announced.
    pub liar: bool,
    pub received: BTreeMap<TransferId, Receiving>,
    /// Partial files that were looked up for a transfer.
    pub found: BTreeMap<TransferId, Found>,
    /// The files of transfers that may leave a partial file.
    pub resumable: BTreeMap<TransferId, FileId>,
    /// Transfers for which it opened a file of its own.
    pub opened: Vec<TransferId>,
    /// Partial files of failed attempts.
    pub partials: BTreeMap<FileId, Vec<u8>>,
    /// Its configuration, also after a restart.
    config: Config,
    secret: [u8; 32],
    pub pins: Vec<(Nick, PublicKey)>,
    /// The code that callers must prove.
    pub code: Option<Code>,
    /// Its long-term key, if it supports encryption.
    pub key: Option<PublicKey>,
    /// The keys that it shows: its own, and the key of its code, a different one after each start.
    pub shown: Vec<PublicKey>,
    pub sending: BTreeMap<TransferId, Sending>,
    /// The positions of listings under flow.
    pub walks: BTreeMap<SessionId, usize>,
    pub listeners: BTreeMap<ListenerId, Listening>,
    pub last_port: u16,
    /// Ports that the bridge allocated: the only reachable ones of a host behind NAT.
    pub allocated: BTreeSet<u16>,
    pub place: Place,
    /// The places that it left.
    pub left: Vec<Place>,
    /// True if it also uses the bridge.
    pub has_bridge: bool,
    /// True if it knows the six packets alone: the relay gets nothing else of it.
    pub is_base: bool,
    /// The X_INITs that it received.
    pub inits: usize,
    /// True if it connects by hole punching.
    pub punch: bool,
    /// True if it connects to others behind its NAT.
    pub near: bool,
    pub stored: Vec<(TransferId, FileName, Vec<u8>)>,
    /// Inputs that the driver delivers later, in any order.
    pub due: Vec<Due>,
}

/// An open listener.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    pub port: u16,
    pub purpose: Purpose,
    pub path: Path,
    /// The control connection of its link, if it is a number for streams.
    pub link: Option<ConnId>,
}

pub struct Sending {
    pub conn: ConnId,
    pub bytes: Vec<u8>,
    pub sent: usize,
}

/// An input of the driver that waits for its turn.
pub enum Due {
    Listening(ListenerId, u16),
    ListenFailed(ListenerId),
    ConnectFailed(ConnId),
    Entries(SessionId, Vec<SharedFile>, bool),
    Found(SessionId, Option<Size>),
    PartialFound(TransferId, Option<(u64, Digest)>),
    Opened(TransferId, Digest),
    Stored(TransferId),
    StoreFailed(TransferId),
    SendEnded(TransferId, u64, bool),
    /// The user starts a program that could not get online, or was killed.
    Start,
}

/// Prefix of the names of pipes.
pub const PIPE: &str = "pipe";

/// The size of a file as a host lists it.
pub fn size_of(name: &str, bytes: &[u8]) -> Size {
    if name.starts_with(PIPE) { Size::UNKNOWN } else { Size::Exact(bytes.len() as u64) }
}

/// The code of a host, and a wrong one.
pub const RIGHT: &str = "1000-crossover-clockwork-universe";
pub const WRONG: &str = "1000-crossover-acme-universe";

/// The usual limits, or small ones that every run reaches. There is room for every outsider: filling all
/// places for waiting connections would make a difference.
fn limits(rng: &mut fastrand::Rng) -> Limits {
    let roomy = Limits { spare_connections: 1000, ..Limits::default() };
    if rng.bool() {
        return roomy;
    }
    Limits {
        transfers: rng.usize(1..4),
        questions: rng.usize(1..4),
        unsent: rng.usize(1..200),
        ..roomy
    }
}

fn bytes(rng: &mut fastrand::Rng) -> [u8; 32] {
    std::array::from_fn(|_| rng.u8(..))
}

pub fn nick(host: usize) -> Nick {
    Nick::parse(&format!("host{host}")).unwrap()
}

/// The host with this nick.
pub fn host_of(nick: &Nick) -> usize {
    match nick.as_str().strip_prefix("host") {
        Some(number) => number.parse().unwrap(),
        None => 0,
    }
}

impl Host {
    pub fn new(
        index: usize,
        hosts: usize,
        places: &mut Places,
        rng: &mut fastrand::Rng,
        weather: Weather,
    ) -> Self {
        let code = (index == 0 && rng.u8(0..6) == 0).then(|| RIGHT.parse::<Code>().unwrap());
        let has_bridge = rng.u8(..) < if places.is_outside { 180 } else { 80 };
        let via = if has_bridge { PathPolicy::Auto } else { PathPolicy::default() };
        let is_reachable =
            rng.u8(0..if has_bridge { 3 } else { 8 }) == 0 || !has_bridge && rng.bool();
        let place = places.settle(is_reachable, rng);
        let (near, punch) = (rng.u8(0..8) > 0, rng.u8(0..4) > 0);
        let config = Config {
            via,
            near,
            punch,
            nicks: vec![code.as_ref().map_or_else(|| nick(index), |code| code.nick().clone())],
            calls: if rng.u8(..) < 40 { CallPolicy::Ask } else { CallPolicy::Accept },
            platform: Platform::Unix,
            limits: limits(rng),
            ..Config::default()
        };
        let mut files: BTreeMap<_, _> = (0..rng.usize(0..30))
            .map(|number| {
                let name = match number % 4 {
                    0 => format!("file {number}.bin"),
                    1 => format!("dir/träd {number}"),
                    2 => format!("a/b/{number} YES"),
                    _ => format!("{number}"),
                };
                let length = match rng.u8(0..8) {
                    0 => 0,
                    1 => 1,
                    2 => rng.usize(0..20_000),
                    _ => rng.usize(0..500),
                };
                (name, (0..length).map(|_| rng.u8(..)).collect())
            })
            .collect();
        for number in 0..2 {
            files.insert(format!("offer {number} of {index}"), bytes(rng).repeat(20));
        }
        files.insert(format!("{PIPE} of {index}"), bytes(rng).repeat(9));
        let secret = bytes(rng);
        let encrypts = code.is_some() || rng.u8(0..3) > 0;
        let mut host = Self {
            peer: Peer::new(config.clone()),
            user: User::new(index, hosts, rng),
            online: false,
            files,
            liar: weather == Weather::Rough && rng.u8(..) < 40,
            received: BTreeMap::new(),
            found: BTreeMap::new(),
            shown: Vec::new(),
            key: encrypts.then(|| Identity::new(secret).public()),
            resumable: BTreeMap::new(),
            opened: Vec::new(),
            partials: BTreeMap::new(),
            config,
            secret,
            pins: Vec::new(),
            code,
            sending: BTreeMap::new(),
            walks: BTreeMap::new(),
            listeners: BTreeMap::new(),
            allocated: BTreeSet::new(),
            last_port: 20_000 + rng.u16(0..4),
            place,
            left: Vec::new(),
            has_bridge,
            is_base: !encrypts && rng.bool(),
            inits: 0,
            near,
            punch,
            stored: Vec::new(),
            due: Vec::new(),
        };
        host.peer = host.new_peer(rng);
        host
    }

    /// Makes the peer for a start of the program. Its extensions follow from its secret.
    pub fn new_peer(&mut self, rng: &mut fastrand::Rng) -> Peer {
        let peer = Peer::new(self.config.clone());
        if self.key.is_none() {
            return peer;
        }
        let mut encryption = Encryption::new(Identity::new(self.secret), bytes(rng));
        if self.secret[0] < 128 {
            encryption = encryption.with_stat();
        }
        if self.secret[0] < 64 {
            encryption = encryption.with_texts();
        }
        if self.secret[1] < 192 {
            encryption = encryption.with_resume();
        }
        if self.secret[2] < 192 {
            encryption = encryption.with_batch();
        }
        if let Some(code) = &self.code {
            encryption = encryption.with_code(code.clone());
        }
        self.shown.extend(self.key.into_iter().chain([encryption.shown_key()]));
        for (nick, key) in &self.pins {
            encryption.pin(nick.clone(), *key);
        }
        peer.with_encryption(encryption)
    }

    /// All places that it has had.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.left.iter().copied().chain([self.place])
    }

    /// The next piece of a listing.
    pub fn list(&mut self, session: SessionId, rng: &mut fastrand::Rng) -> Due {
        let from = self.walks.remove(&session).unwrap_or(0);
        let step = rng.usize(1..12);
        let mut entries: Vec<_> = self.files.iter().skip(from).take(step + 1).collect();
        let done = entries.len() <= step;
        entries.truncate(step);
        if !done {
            self.walks.insert(session, from + step);
        }
        let entries = entries
            .into_iter()
            .map(|(name, bytes)| SharedFile {
                name: FileName::new(name).unwrap(),
                size: size_of(name, bytes),
                stat: Stat {
                    modified: Some(bytes.len() as i64),
                    executable: name.len() > 9,
                    text: name.len() < 9 && !bytes.is_empty(),
                    ..Stat::default()
                },
            })
            .collect();
        Due::Entries(session, entries, done)
    }

    /// The bytes for a data connection: the file, or a liar's version of it.
    pub fn content(&self, name: &FileName, rng: &mut fastrand::Rng) -> Vec<u8> {
        let mut bytes = self.files.get(name.as_str()).cloned().unwrap_or_default();
        if self.liar {
            match rng.u8(0..3) {
                0 => bytes.truncate(bytes.len() / 2),
                1 => bytes.extend_from_slice(b"and more"),
                _ => {}
            }
        }
        bytes
    }

    pub fn notify(&mut self, event: &Event) {
        if let Event::Online { .. } = event {
            self.online = true;
            self.user.was_online = true;
        }
        if let Event::Offline { retry, .. } = event {
            self.online = false;
            if retry.is_none() {
                self.due.push(Due::Start);
            }
        }
        if let Event::Ended { session, .. } | Event::OpenFailed { session, .. } = event {
            self.walks.remove(session);
        }
        if let (None, Event::Notice { notice: Notice::UnknownPacket { verb }, .. }) =
            (&self.key, event)
        {
            assert!(
                verb.contains("X_CHK"),
                "an extension packet was sent to a base-protocol peer: {verb}"
            );
        }
        self.user.notify(event);
    }
}
