//! Two honest sessions against each other over a wire that splits and delays, each of the six packets
//! alone or of more: neither ever finds fault with the other, and every
//! question gets its answer.

#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::secure::{Entropy, Identity, Side};
use xcher_core::session::{Event, Extensions, Question, Terms};
use xcher_core::{FileName, Limits, Session, Size, Stat};

/// What happens next, on side A or B.
#[derive(Arbitrary, Debug)]
enum Act {
    List,
    Check(u8),
    Request(u8, u64, u16),
    Resume(u8, u64, u64, u16),
    Offer(u8, u64, Option<i64>, bool),
    Decline,
    /// The other side is not waited for any more.
    Wait,
    End,
    /// Answers the oldest question, if there is one.
    Answer,
    /// So many bytes of what the other side wrote come in.
    Deliver(u16),
}

struct Host {
    session: Session,
    /// Written and not yet delivered to the other side.
    wire: Vec<u8>,
    agreed: bool,
    waited: bool,
    ended: bool,
    lists: usize,
    checks: Vec<String>,
    requests: usize,
    /// Of the other side's, neither declined nor asked for.
    offered: Vec<FileName>,
}

/// What a side knows: nothing more, or all.
#[derive(Arbitrary, Debug, Clone, Copy, PartialEq)]
enum Knows {
    Six,
    All,
}

/// Each side asks about names of its own: "X_CHK a YES" may ask about one file or answer about
/// another, and only a host that asks about both at once could tell no more.
const NAMES: [[&str; 4]; 2] =
    [["a", "my file.txt", "träd/日本", "a YES"], ["b", "1 2", "c/d", "b NO"]];
/// And offers others.
const OFFERS: [[&str; 4]; 2] = [["o", "o o", "o/a", "o x"], ["p", "p 1", "p/b", "p -"]];

fuzz_target!(|input: ([Knows; 2], Vec<(bool, Act)>)| {
    let (knows, acts) = input;
    let limits = Limits { questions: 3, ..Limits::default() };
    let mut hosts = [(Side::Caller, knows[0]), (Side::Callee, knows[1])].map(|(side, knows)| {
        let mut wire = Vec::new();
        let session = match knows {
            Knows::Six => Session::new(&limits),
            Knows::All => Session::negotiate(&limits, terms(side), &mut wire),
        };
        Host {
            session,
            wire,
            agreed: knows == Knows::Six,
            waited: false,
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
    // After X_END a question may stay without an answer.
    if hosts.iter().any(|host| host.ended) {
        return;
    }
    let waited = hosts.iter().any(|host| host.waited);
    for host in &hosts {
        let private = host.session.data_seal(Side::Caller, 0).is_some();
        assert!(waited || private == (knows == [Knows::All; 2]), "as private as they can");
        assert_eq!((host.lists, host.checks.len(), host.requests), (0, 0, 0));
        assert!(!host.session.has_pending_question() && host.session.question().is_none());
    }
});

fn terms(side: Side) -> Terms {
    let more =
        Extensions::PASSIVE.with(Extensions::RESUME).with(Extensions::OFFER).with(Extensions::STAT);
    let all = more.with(Extensions::SECURE).with(Extensions::VERIFY);
    let number = if side == Side::Caller { 1 } else { 2 };
    Terms {
        side,
        identity: Arc::new(Identity::new([number; 32])),
        entropy: Entropy::new([number; 32]),
        extensions: all,
        require_encryption: false,
        expected_key: None,
        callee_nick: None,
        code: None,
    }
}

impl Host {
    /// Writes as a host does, which seals what is private.
    fn say<R>(&mut self, act: impl FnOnce(&mut Session, &mut Vec<u8>) -> R) -> R {
        let mut out = Vec::new();
        let result = act(&mut self.session, &mut out);
        self.wire.extend(self.session.seal(out));
        result
    }

    fn agree(&mut self) {
        self.agreed = true;
        self.say(|session, out| session.proceed(out));
    }

    fn wait(&mut self) {
        if self.session.is_probing() {
            let event = self.session.stop_probing().expect("nobody insists");
            assert_eq!(event, Event::Agreed { key: None });
            self.waited = true;
            self.agree();
        }
    }
}

fn act_on(hosts: &mut [Host; 2], at: usize, act: Act) {
    let host = &mut hosts[at];
    let name = |index: u8| FileName::parse(NAMES[at][usize::from(index % 4)]).expect("valid");
    let named = host.session.extensions();
    match act {
        Act::Deliver(count) => deliver(hosts, at, usize::from(count)),
        Act::Wait => host.wait(),
        // Nothing is asked before it is known what can be.
        _ if !host.agreed => {}
        Act::Resume(index, size, offset, port) => {
            if named.has(Extensions::RESUME) && size > 0 {
                let has = (1 + offset % size, [7; 32]);
                let port = if named.has(Extensions::PASSIVE) { port } else { port.max(1) };
                let size = Size::Exact(size);
                let asked =
                    host.say(|session, out| session.resume(name(index), size, port, has, out));
                host.requests += usize::from(asked.is_ok());
            }
        }
        Act::Offer(index, size, modified, executable) => {
            if named.has(Extensions::OFFER) {
                // Nothing is offered twice, nor asked about: a NO would answer either.
                let name = FileName::parse(OFFERS[at][usize::from(index % 4)]).expect("valid");
                let stat = Stat {
                    modified: modified.filter(|at| *at > i64::MIN),
                    executable,
                    ..Stat::default()
                };
                let _ = host.say(|session, out| {
                    session.offer(name, Size::Exact(size), stat, out)?;
                    session.offer_end(out)
                });
            }
        }
        Act::Decline => {
            if let Some(name) = host.offered.pop() {
                host.say(|session, out| session.refuse(&name, out));
            }
        }
        Act::List => {
            let asked = host.say(|session, out| session.list(out));
            host.lists += usize::from(asked.is_ok());
        }
        Act::Check(index) => {
            if host.say(|session, out| session.check(name(index), out)).is_ok() {
                host.checks.push(name(index).as_str().into());
            }
        }
        Act::Request(index, size, port) => {
            let port = if named.has(Extensions::PASSIVE) { port } else { port.max(1) };
            let size = Size::Exact(size);
            let asked = host.say(|session, out| session.request(name(index), size, port, out));
            host.requests += usize::from(asked.is_ok());
        }
        Act::End => {
            // A host ends only when it owes nothing and waits for nothing.
            let waits = host.lists + host.checks.len() + host.requests > 0;
            let owes = host.session.question().is_some();
            if !waits && !owes && host.say(|session, out| session.end(out)).is_ok() {
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
    host.say(|session, out| match question {
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
                session.answer_port(request.number, 4000, out).expect("nothing has ended");
            }
            session.refuse(&request.name, out);
        }
    });
}

/// Brings up to `count` bytes to the host `at`, unless it says that it is full.
fn deliver(hosts: &mut [Host; 2], at: usize, count: usize) {
    let from = &mut hosts[1 - at].wire;
    let bytes: Vec<u8> = from.drain(..count.min(from.len())).collect();
    let host = &mut hosts[at];
    host.session.receive(&bytes);
    loop {
        let heard = host.say(|session, out| session.next_event(out));
        let Some(event) = heard.expect("an honest other side") else { return };
        match event {
            Event::ListEnd { entries } => {
                assert_eq!(entries, 3);
                host.lists -= 1;
            }
            Event::Answer { name, yes } => {
                let asked = host.checks.iter().position(|asked| **asked == *name);
                host.checks.remove(asked.expect("a question of ours"));
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
            // The question of section 9, and what came of it late.
            Event::InvalidQuestion { .. } | Event::Ignored { .. } => {}
            other => panic!("expected what an honest host says, got {other:?}"),
        }
    }
}

/// Answers and delivers until nothing is left to answer or deliver.
fn settle(hosts: &mut [Host; 2]) {
    loop {
        let open = |host: &Host| {
            !host.wire.is_empty() || (host.session.question().is_some() && !host.ended)
        };
        if !hosts.iter().any(open) {
            if hosts.iter().all(|host| !host.session.is_probing()) {
                break;
            }
            hosts.iter_mut().for_each(Host::wait);
        }
        for at in [0, 1] {
            answer(&mut hosts[at]);
            deliver(hosts, at, usize::MAX);
        }
    }
}
