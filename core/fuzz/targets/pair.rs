//! Two honest sessions against each other over a wire that splits and delays: neither ever finds
//! fault with the other, and every question gets its answer.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::session::{Event, Question};
use xcher_core::{FileName, Limits, Session, Size, Stat};

/// What happens next, on side A or B.
#[derive(Arbitrary, Debug)]
enum Act {
    List,
    Check(u8),
    Request(u8, u64, u16),
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
    ended: bool,
    lists: usize,
    checks: Vec<String>,
    requests: usize,
}

/// Each side asks about names of its own: "X_CHK a YES" may ask about one file or answer about
/// another, and only a host that asks about both at once could tell no more.
const NAMES: [[&str; 4]; 2] =
    [["a", "my file.txt", "träd/日本", "a YES"], ["b", "1 2", "c/d", "b NO"]];

fuzz_target!(|acts: Vec<(bool, Act)>| {
    let limits = Limits { questions: 3, ..Limits::default() };
    let mut hosts = [0, 1].map(|_| Host {
        session: Session::new(&limits),
        wire: Vec::new(),
        ended: false,
        lists: 0,
        checks: Vec::new(),
        requests: 0,
    });
    for (second, act) in acts {
        act_on(&mut hosts, usize::from(second), act);
    }
    settle(&mut hosts);
    // After X_END a question may stay without an answer.
    if hosts.iter().any(|host| host.ended) {
        return;
    }
    for host in &hosts {
        assert_eq!((host.lists, host.checks.len(), host.requests), (0, 0, 0));
        assert!(!host.session.awaits_answer() && host.session.question().is_none());
    }
});

fn act_on(hosts: &mut [Host; 2], at: usize, act: Act) {
    let host = &mut hosts[at];
    let name = |index: u8| FileName::parse(NAMES[at][usize::from(index % 4)]).expect("valid");
    match act {
        Act::List => host.lists += usize::from(host.session.list(&mut host.wire).is_ok()),
        Act::Check(index) => {
            if host.session.check(name(index), &mut host.wire).is_ok() {
                host.checks.push(name(index).as_str().into());
            }
        }
        Act::Request(index, size, port) => {
            let (size, port) = (Size::Exact(size), port.max(1));
            let asked = host.session.request(name(index), size, port, &mut host.wire);
            host.requests += usize::from(asked.is_ok());
        }
        Act::End => {
            // A host ends only when it owes nothing and waits for nothing.
            let waits = host.lists + host.checks.len() + host.requests > 0;
            let owes = host.session.question().is_some();
            if !waits && !owes && host.session.end(&mut host.wire).is_ok() {
                host.ended = true;
            }
        }
        Act::Answer => answer(host),
        Act::Deliver(count) => deliver(hosts, at, usize::from(count)),
    }
}

fn answer(host: &mut Host) {
    if host.ended {
        return;
    }
    let Some(question) = host.session.question().cloned() else { return };
    let out = &mut host.wire;
    match question {
        Question::List => {
            for (name, bytes) in [("a YES", 1), ("EOF", 0), ("x 1 2", u64::MAX)] {
                let name = FileName::parse(name).expect("valid");
                host.session
                    .answer_entry(name, bytes, Stat::default(), out)
                    .expect("the oldest question");
            }
            host.session.answer_list_end(out).expect("the oldest question");
        }
        Question::Check(name) => {
            host.session.answer_check(name.as_str().len() % 2 == 0, out).expect("the oldest");
        }
        Question::Request { .. } => {
            let name = host.session.take_request(out).expect("the oldest question").name;
            host.session.refuse(&name, out);
        }
    }
}

/// Brings up to `count` bytes to the host `at`, unless it says that it is full.
fn deliver(hosts: &mut [Host; 2], at: usize, count: usize) {
    let from = &mut hosts[1 - at].wire;
    let bytes: Vec<u8> = from.drain(..count.min(from.len())).collect();
    let host = &mut hosts[at];
    host.session.receive(&bytes);
    while let Some(event) = host.session.next_event(&mut host.wire).expect("an honest other side") {
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
            Event::Question | Event::Entry { .. } | Event::End => {}
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
            break;
        }
        for at in [0, 1] {
            answer(&mut hosts[at]);
            deliver(hosts, at, usize::MAX);
        }
    }
}
