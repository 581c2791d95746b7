//! Two honest sessions over a wire that splits and delays, each with or without extensions: neither
//! reports an error of the other, and every question gets its answer.

#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::secure::{Entropy, Identity, Side};
use xcher_core::session::{Event, Extensions, Question, Terms};
use xcher_core::{FileName, Limits, Session, Size, Stat};

/// One step, on side A or B.
#[derive(Arbitrary, Debug)]
enum Act {
    List,
    Check(u8),
    Request(u8, u64, u16),
    Resume(u8, u64, u64, u16),
    Offer(u8, u64, Option<i64>, bool),
    Decline,
    End,
    /// Answers the oldest question, if there is one.
    Answer,
    /// Delivers this many bytes of the peer.
    Deliver(u16),
}

struct Host {
    session: Session,
    /// Bytes written and not yet delivered to the peer.
    wire: Vec<u8>,
    agreed: bool,
    ended: bool,
    lists: usize,
    checks: Vec<String>,
    requests: usize,
    /// Offers of the peer, neither declined nor requested.
    offered: Vec<FileName>,
}

/// The protocol that a side supports.
#[derive(Arbitrary, Debug, Clone, Copy, PartialEq)]
enum Supports {
    BaseProtocol,
    Extensions,
}

/// Each side asks about names of its own: `X_CHK a YES` can be a question about one file or an
/// answer about another, and a host that asked about both at once could not distinguish them.
const NAMES: [[&str; 4]; 2] =
    [["a", "my file.txt", "träd/日本", "a YES"], ["b", "1 2", "c/d", "b NO"]];
/// Each side offers other names.
const OFFERS: [[&str; 4]; 2] = [["o", "o o", "o/a", "o x"], ["p", "p 1", "p/b", "p -"]];

fuzz_target!(|input: ([Supports; 2], Vec<(bool, Act)>)| {
    let (supports, acts) = input;
    let limits = Limits { questions: 3, ..Limits::default() };
    let mut hosts =
        [(Side::Caller, supports[0]), (Side::Callee, supports[1])].map(|(side, supports)| {
            let mut wire = Vec::new();
            let session = match supports {
                Supports::BaseProtocol => Session::new(&limits),
                Supports::Extensions => Session::negotiate(&limits, terms(side), &mut wire),
            };
            Host {
                session,
                wire,
                agreed: supports == Supports::BaseProtocol,
                ended: false,
                lists: 0,
                checks: Vec::new(),
                requests: 0,
                offered: Vec::new(),
            }
        });
    for (second, act) in acts {
        act_on(&mut hosts, usize::from(second), act);
    }
    settle(&mut hosts);
    // After X_END a question may stay unanswered.
    if hosts.iter().any(|host| host.ended) {
        return;
    }
    for host in &hosts {
        let encrypted = host.session.data_seal(Side::Caller, 0).is_some();
        assert_eq!(encrypted, supports == [Supports::Extensions; 2], "encryption");
        assert_eq!((host.lists, host.checks.len(), host.requests), (0, 0, 0));
        assert!(!host.session.has_pending_question() && host.session.question().is_none());
    }
});

fn terms(side: Side) -> Terms {
    let more = Extensions::PASSIVE
        .with(Extensions::RESUME)
        .with(Extensions::OFFER)
        .with(Extensions::STAT)
        .with(Extensions::TEXT);
    let all = more.with(Extensions::SECURE).with(Extensions::VERIFY);
    let number = if side == Side::Caller { 1 } else { 2 };
    Terms {
        side,
        identity: Arc::new(Identity::new([number; 32])),
        entropy: Entropy::new([number; 32]),
        extensions: all,
        device: None,
        require_encryption: false,
        expected_key: None,
        callee_nick: None,
        code: None,
    }
}

impl Host {
    /// Writes as a host does, encrypted where the session is.
    fn write<R>(&mut self, act: impl FnOnce(&mut Session, &mut Vec<u8>) -> R) -> R {
        let mut out = Vec::new();
        let result = act(&mut self.session, &mut out);
        self.wire.extend(self.session.seal(out));
        result
    }

    fn agree(&mut self) {
        self.agreed = true;
        self.write(|session, out| session.proceed(out));
    }
}

fn act_on(hosts: &mut [Host; 2], at: usize, act: Act) {
    let host = &mut hosts[at];
    let name = |index: u8| FileName::parse(NAMES[at][usize::from(index % 4)]).expect("valid");
    let named = host.session.extensions();
    match act {
        Act::Deliver(count) => deliver(hosts, at, usize::from(count)),
        // Nothing is sent before the negotiation has ended.
        _ if !host.agreed => {}
        Act::Resume(index, size, offset, port) => {
            if named.has(Extensions::RESUME) && size > 0 {
                let has = (1 + offset % size, [7; 32]);
                let port = if named.has(Extensions::PASSIVE) { port } else { port.max(1) };
                let size = Size::Exact(size);
                let asked =
                    host.write(|session, out| session.resume(name(index), size, port, has, out));
                host.requests += usize::from(asked.is_ok());
            }
        }
        Act::Offer(index, size, modified, executable) => {
            if named.has(Extensions::OFFER) {
                // A name is not both offered and asked about, since a NO could answer either.
                let name = FileName::parse(OFFERS[at][usize::from(index % 4)]).expect("valid");
                let stat = Stat {
                    modified: modified.filter(|at| *at > i64::MIN),
                    executable: executable && size % 2 == 0,
                    text: executable && size % 2 != 0,
                    ..Stat::default()
                };
                let _ = host.write(|session, out| {
                    session.offer(name, Size::Exact(size), stat, out)?;
                    session.offer_end(out)
                });
            }
        }
        Act::Decline => {
            if let Some(name) = host.offered.pop() {
                host.write(|session, out| session.refuse(&name, out));
            }
        }
        Act::List => {
            let asked = host.write(|session, out| session.list(out));
            host.lists += usize::from(asked.is_ok());
        }
        Act::Check(index) => {
            if host.write(|session, out| session.check(name(index), out)).is_ok() {
                host.checks.push(name(index).as_str().into());
            }
        }
        Act::Request(index, size, port) => {
            let port = if named.has(Extensions::PASSIVE) { port } else { port.max(1) };
            let size = Size::Exact(size);
            let asked = host.write(|session, out| session.request(name(index), size, port, out));
            host.requests += usize::from(asked.is_ok());
        }
        Act::End => {
            // A host ends only without questions of either side pending.
            let waits = host.lists + host.checks.len() + host.requests > 0;
            let owes = host.session.question().is_some();
            if !waits && !owes && host.write(|session, out| session.end(out)).is_ok() {
                host.ended = true;
            }
        }
        Act::Answer => answer(host),
    }
}

fn answer(host: &mut Host) {
    if host.ended {
        return;
    }
    let Some(question) = host.session.question().cloned() else { return };
    host.write(|session, out| match question {
        Question::List => {
            for (name, bytes) in [("a YES", 1), ("EOF", 0), ("x 1 2", u64::MAX)] {
                let name = FileName::parse(name).expect("valid");
                session
                    .answer_entry(name, Size::Exact(bytes), Stat::default(), out)
                    .expect("the oldest");
            }
            session.answer_list_end(out).expect("the oldest question");
        }
        Question::Check(name) => {
            session.answer_check(name.as_str().len() % 2 == 0, out).expect("the oldest");
        }
        _ => {
            let request = session.take_request(out).expect("the oldest question");
            if request.port == 0 {
                session.answer_port(request.number, 4000, out).expect("an open session");
            }
            session.refuse(&request.name, out);
        }
    });
}

/// Delivers up to `count` bytes to the host `at`.
fn deliver(hosts: &mut [Host; 2], at: usize, count: usize) {
    let from = &mut hosts[1 - at].wire;
    let bytes: Vec<u8> = from.drain(..count.min(from.len())).collect();
    let host = &mut hosts[at];
    host.session.receive(&bytes);
    loop {
        let result = host.write(|session, out| session.next_event(out));
        let Some(event) = result.expect("an honest peer") else { return };
        match event {
            Event::ListEnd { entries } => {
                assert_eq!(entries, 3);
                host.lists -= 1;
            }
            Event::Answer { name, yes } => {
                let asked = host.checks.iter().position(|asked| **asked == *name);
                host.checks.remove(asked.expect("an own question"));
                assert_eq!(yes, name.len() % 2 == 0);
            }
            Event::Refused { .. } => host.requests -= 1,
            Event::Agreed { key } => {
                let other = Identity::new([if at == 0 { 2 } else { 1 }; 32]).public();
                assert!(key.is_none_or(|key| key == other));
                host.agree();
            }
            Event::Offered { name, .. } if !host.ended => host.offered.push(name),
            Event::Question
            | Event::Entry { .. }
            | Event::SafetyWords { .. }
            | Event::Port { .. }
            | Event::Offered { .. }
            | Event::OfferEnd { .. }
            | Event::Declined { .. }
            | Event::End => {}
            // The probe of section 9, and the answer to one that crossed a question.
            Event::InvalidQuestion { .. } | Event::Ignored { .. } => {}
            other => panic!("unexpected event {other:?}"),
        }
    }
}

/// Answers and delivers until nothing is pending.
fn settle(hosts: &mut [Host; 2]) {
    loop {
        let open = |host: &Host| {
            !host.wire.is_empty() || (host.session.question().is_some() && !host.ended)
        };
        if !hosts.iter().any(open) {
            break;
        }
        for at in [0, 1] {
            answer(&mut hosts[at]);
            deliver(hosts, at, usize::MAX);
        }
    }
}
