//! A relay of a cluster, whose bus and clients send anything: it answers what can be read, at most once, leases
//! only what its clients have, keeps a bounded number of requests, and gives no nick twice.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::RelayLimits;
use xcher_core::registry::{
    Action, Answer, ClusterConfig, ConnId, Input, Registry, RelayId, ReplyId, RequestId, Subject,
};

#[derive(Arbitrary, Debug)]
enum Step {
    Connect(u8),
    /// Lines of a client: indexes of [`LINES`].
    Send(u8, u8),
    SendBytes(u8, Vec<u8>),
    Close(u8),
    Wait(u16),
    Bus(bool),
    /// A message of the bus: an index of [`MESSAGES`], with two words.
    Request(u8, u8, u8),
    Publish(u8, u8, u8),
    Bytes(bool, Vec<u8>),
    /// The answer to one of the requests under way.
    Answer(u8, u8),
    AnswerBytes(u8, Vec<u8>),
}

const CLIENTS: u8 = 5;
const UNSENT: usize = 64 << 10;
const WORDS: [&str; 12] =
    ["kim", "Kim", "kіm", "bob", "4821", "-", "/", "0", "1", "4", "18446744073709551615", "a b"];
const LINES: [&str; 15] = [
    "X_NICK kim\n",
    "X_NICK Kim\n",
    "X_NICK bob\n",
    "X_NICK 4821\n",
    "X_CAPS from ticket near meet decline\n",
    "X_INIT kim 9.9.9.1 4000\n",
    "X_INIT kіm 9.9.9.2 4000\r\n",
    "X_INIT 4821 9.9.9.1 4000\n",
    "X_INIT bob 10.0.0.7 4000\n",
    "X_MEET kim\nX_PING a\n",
    "X_WHO 3\nX_PING b\n",
    "X_WHO 1000 / a\nX_WHO\n",
    "X_MEET BwcHBwcHBwcHBwcHBwcHBw==\n",
    "X_DECLINE BwcHBwcHBwcHBwcHBwcHBw==\n",
    "X_END\n",
];
/// `@` and `#` stand for words.
const MESSAGES: [&str; 17] = [
    "X_CLAIM 0202020202020202 # new - @",
    "X_CLAIM 0202020202020202 # held - @",
    "X_CLAIM 0101010101010101 # held - @",
    "X_CALL 00000000000000aa-1 amy 9.9.9.9 - named,ticket,decline\nX_INIT @ 9.9.9.9 4000\n",
    "X_CALL 00000000000000aa-2 amy 9.9.9.1 site near,ticket,own\nX_INIT @ 10.0.0.9 4000\r\n",
    "X_MEET 0202020202020202-# amy 9.9.9.9\n@",
    "X_MEET 0101010101010101-# amy 9.9.9.9\n@",
    "X_MET 0101010101010101-# HERE 0202020202020202 9.9.9.9 4000",
    "X_MET 0202020202020202-# BOTH 9.9.9.9 4000 BwcHBwcHBwcHBwcHBwcHBw==",
    "X_MET 0202020202020202-# END",
    "X_MET 0101010101010101-# END",
    "X_DECLINED 0101010101010101-# BwcHBwcHBwcHBwcHBwcHBw==",
    "X_WHO 0202020202020202 7 # @ /",
    "X_NICKS 0202020202020202 # more\n@\nzoe\n4821",
    "X_NICKS 0202020202020202 # end\n@",
    "X_RELAY 0202020202020202 # stay 7 site -",
    "X_RELAY 0202020202020202 END",
];
const ANSWERS: [&str; 9] = [
    "YES",
    "NO",
    "YES 9.9.9.9 BwcHBwcHBwcHBwcHBwcHBw== near",
    "YES 9.9.9.9 - -",
    "YES 0202020202020202",
    "NO because",
    "FAR",
    "ABSENT -",
    "ABSENT kim",
];

struct World {
    registry: Registry,
    now: Duration,
    open: BTreeSet<ConnId>,
    current: [ConnId; CLIENTS as usize],
    last: u64,
    subscribed: BTreeSet<Subject>,
    is_connected: bool,
    requests: BTreeSet<RequestId>,
    replies: BTreeSet<ReplyId>,
    last_reply: u64,
}

fuzz_target!(|steps: Vec<Step>| {
    let config =
        ClusterConfig { relay: RelayId([1; 8]), epoch: Duration::ZERO, site: Some("site".into()) };
    let limits = RelayLimits { unsent: UNSENT, ..RelayLimits::default() };
    let mut world = World {
        registry: Registry::new(limits, [7; 32]).with_port(9247).with_cluster(config),
        now: Duration::from_secs(1000),
        open: BTreeSet::new(),
        current: [ConnId(0); CLIENTS as usize],
        last: 0,
        subscribed: BTreeSet::new(),
        is_connected: false,
        requests: BTreeSet::new(),
        replies: BTreeSet::new(),
        last_reply: 0,
    };
    for step in steps.into_iter().take(200) {
        world.step(step);
    }
    world.end();
});

fn message(at: u8, word: u8, number: u8) -> String {
    let word_of = |at: u8| WORDS[usize::from(at) % WORDS.len()];
    MESSAGES[usize::from(at) % MESSAGES.len()]
        .replace('@', word_of(word))
        .replace('#', word_of(number))
}

impl World {
    fn step(&mut self, step: Step) {
        match step {
            Step::Connect(at) => {
                self.last += 1;
                let conn = ConnId(self.last);
                self.current[usize::from(at % CLIENTS)] = conn;
                self.open.insert(conn);
                let from = SocketAddr::from(([9, 9, 9, at % 3], 5000));
                self.handle(Input::Connected { conn, from });
            }
            Step::Send(at, line) => {
                let bytes = LINES[usize::from(line) % LINES.len()].as_bytes();
                self.handle(Input::Received { conn: self.conn(at), bytes });
            }
            Step::SendBytes(at, bytes) => {
                self.handle(Input::Received { conn: self.conn(at), bytes: &bytes });
            }
            Step::Close(at) => {
                let conn = self.conn(at);
                self.open.remove(&conn);
                self.handle(Input::Closed { conn });
            }
            Step::Wait(millis) => {
                self.now += Duration::from_millis(u64::from(millis));
                self.handle(Input::Tick);
            }
            Step::Bus(is_connected) => {
                self.is_connected = is_connected;
                self.handle(if is_connected { Input::BusConnected } else { Input::BusLost });
            }
            Step::Request(at, word, number) => self.request(message(at, word, number).as_bytes()),
            Step::Publish(at, word, number) => {
                let bytes = message(at, word, number);
                self.handle(Input::Published { bytes: bytes.as_bytes() });
            }
            Step::Bytes(true, bytes) => self.request(&bytes),
            Step::Bytes(false, bytes) => self.handle(Input::Published { bytes: &bytes }),
            Step::Answer(at, answer) => match usize::from(answer) % (ANSWERS.len() + 2) {
                0 => self.answer(at, Answer::Nobody),
                1 => self.answer(at, Answer::Failed),
                other => self.answer(at, Answer::Reply(ANSWERS[other - 2].as_bytes())),
            },
            Step::AnswerBytes(at, bytes) => self.answer(at, Answer::Reply(&bytes)),
        }
    }

    fn conn(&self, at: u8) -> ConnId {
        self.current[usize::from(at % CLIENTS)]
    }

    fn request(&mut self, bytes: &[u8]) {
        self.last_reply += 1;
        let reply = ReplyId(self.last_reply);
        self.replies.insert(reply);
        self.handle(Input::Requested { reply, bytes });
    }

    fn answer(&mut self, at: u8, answer: Answer<'_>) {
        let count = self.requests.len().max(1);
        let request = self.requests.iter().nth(usize::from(at) % count).copied();
        if let Some(request) = request {
            self.requests.remove(&request);
            self.handle(Input::Answered { request, answer });
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        let mut actions = Vec::new();
        self.registry.handle(input, self.now, &mut actions);
        let mut sent = Vec::new();
        for action in actions {
            match action {
                Action::Write { conn, bytes } => {
                    assert!(self.open.contains(&conn) && bytes.ends_with(b"\n"));
                    std::str::from_utf8(&bytes).expect("text");
                    sent.push((conn, bytes.len()));
                }
                Action::Close { conn, .. } => assert!(self.open.remove(&conn), "closed once"),
                Action::Report { .. } => panic!("no client is a bridge's"),
                Action::Record { .. } => {}
                Action::Subscribe(subject) => _ = self.subscribed.insert(subject),
                Action::Unsubscribe(subject) => {
                    assert!(self.subscribed.remove(&subject), "{subject:?} is subscribed");
                }
                Action::Request { id, bytes, .. } => {
                    assert!(self.is_connected, "a request without a bus");
                    assert!(self.requests.insert(id) && bytes.len() <= 16 << 10);
                }
                Action::Reply { to, bytes } => {
                    assert!(self.replies.remove(&to), "answered once");
                    assert!(bytes.len() <= 16 << 10);
                }
                Action::Ask(_) => panic!("a relay without a hook asks none"),
                Action::Publish { bytes, .. } => assert!(bytes.len() <= 16 << 10),
            }
        }
        for (conn, bytes) in sent {
            if self.open.contains(&conn) {
                self.handle(Input::Sent { conn, bytes });
            }
        }
        self.check_nicks();
    }

    fn check_nicks(&self) {
        let mut all = BTreeMap::new();
        for conn in &self.open {
            if let Some(nick) = self.registry.nick(*conn) {
                let lower = nick.as_str().to_lowercase();
                assert!(all.insert(lower, *conn).is_none(), "two clients have {nick}");
            }
        }
    }

    /// Without clients no nick is leased, and nothing is asked for one.
    fn end(&mut self) {
        for conn in std::mem::take(&mut self.open) {
            self.handle(Input::Closed { conn });
        }
        let own = |subject: &Subject| matches!(subject, Subject::All | Subject::Relay(_));
        assert!(self.subscribed.iter().all(own), "{:?}", self.subscribed);
        self.now += Duration::from_secs(1200);
        let before = self.requests.len();
        self.handle(Input::Tick);
        assert_eq!(self.requests.len(), before);
    }
}
