//! Any bytes on a control connection, before and after the negotiation: the same events, error and
//! answers for every split, every answer a packet, and no more pending questions than the limit.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use xcher_core::secure::{Entropy, Identity, Side};
use xcher_core::session::{Event, Extensions, Question, Terms};
use xcher_core::{FileName, Limits, LineBuffer, Packet, ProtocolError, Session, Stat};
use xcher_core_fuzz::{assert_printable, split};

const QUESTIONS: usize = 8;

fuzz_target!(|data: &[u8]| {
    let Some((seed, bytes)) = data.split_first() else { return };
    let whole = run(*seed, &[bytes]);
    assert_eq!(whole, run(*seed, &split(*seed, bytes)));
    assert_eq!(whole, run(*seed, &split(0, bytes)));
});

/// Asks a few questions if the seed says so, and then answers everything.
fn run(seed: u8, pieces: &[&[u8]]) -> (Vec<Event>, Option<ProtocolError>, Vec<u8>) {
    let limits = Limits { questions: QUESTIONS, entries: 20, ..Limits::default() };
    let (mut out, mut events) = (Vec::new(), Vec::new());
    let mut session = match terms(seed) {
        Some(terms) => Session::negotiate(&limits, terms, &mut out),
        None => Session::new(&limits),
    };
    if terms(seed).is_none() {
        ask(seed, &mut session, &mut out);
    }
    let mut error = None;
    'pieces: for piece in pieces {
        session.receive(piece);
        loop {
            match session.next_event(&mut out) {
                Ok(Some(event)) => {
                    match &event {
                        Event::InvalidQuestion(error)
                        | Event::InvalidEntry(error)
                        | Event::InvalidOffer(error) => assert_printable(&error.to_string()),
                        Event::Agreed { key } => {
                            assert_eq!(*key, None, "any bytes completed a handshake");
                            agreed(seed, &mut session, &mut out);
                        }
                        _ => {}
                    }
                    events.push(event);
                }
                // Answers late, so that questions queue as they do during disk access.
                Ok(None) if session.is_full() => answer(&mut session, &mut out),
                Ok(None) => break,
                Err(broken) => {
                    assert_printable(&broken.to_string());
                    error = Some(broken);
                    break 'pieces;
                }
            }
        }
    }
    while session.question().is_some() {
        answer(&mut session, &mut out);
    }
    if error.is_none() {
        error = session.close().err();
    }
    check_output(&out);
    (events, error, out)
}

/// The terms of the session; `None` for the base protocol.
fn terms(seed: u8) -> Option<Terms> {
    let mut extensions = Extensions::PASSIVE
        .with(Extensions::RESUME)
        .with(Extensions::OFFER)
        .with(Extensions::STAT)
        .with(Extensions::TEXT);
    if seed & 128 != 0 {
        extensions = extensions.with(Extensions::SECURE).with(Extensions::VERIFY);
    }
    (seed & 32 != 0).then(|| Terms {
        side: if seed & 64 != 0 { Side::Caller } else { Side::Callee },
        identity: Arc::new(Identity::new([1; 32])),
        entropy: Entropy::new([2; 32]),
        extensions,
        device: None,
        require_encryption: false,
        expected_key: None,
        callee_nick: None,
        code: None,
    })
}

fn agreed(seed: u8, session: &mut Session, out: &mut Vec<u8>) {
    session.proceed(out);
    ask(seed, session, out);
}

fn ask(seed: u8, session: &mut Session, out: &mut Vec<u8>) {
    let name = FileName::parse("a").expect("valid");
    if seed & 4 != 0 {
        session.list(out).expect("a new session");
    }
    if seed & 8 != 0 {
        session.check(name, out).expect("a new session");
    }
    if seed & 16 != 0 {
        let size = xcher_core::Size::Exact(1);
        let number = session.request(name, size, 40001, out).expect("a new session");
        assert_eq!(number, 0);
        if session.extensions().has(Extensions::OFFER) {
            session.offer(name, size, Stat::default(), out).expect("in force");
        }
    }
}

fn answer(session: &mut Session, out: &mut Vec<u8>) {
    let name = FileName::parse("a b").expect("valid");
    match session.question().cloned() {
        Some(Question::List) => {
            session
                .answer_entry(name, xcher_core::Size::Exact(7), Stat::default(), out)
                .expect("the oldest question");
            session.answer_list_end(out).expect("the oldest question");
        }
        Some(Question::Check(name)) => {
            session.answer_check(name.as_str().len() % 2 == 0, out).expect("the oldest question");
        }
        Some(Question::Request(request)) => {
            let named = session.extensions();
            assert!(request.port > 0 || named.has(Extensions::PASSIVE));
            assert!(request.partial.is_none() || named.has(Extensions::RESUME));
            assert_eq!(session.take_request(out), Some(request.clone()));
            session.refuse(&request.name, out);
        }
        _ => panic!("unexpected question"),
    }
}

/// Checks that the output consists of packets, none too long.
fn check_output(out: &[u8]) {
    let mut lines = LineBuffer::new();
    lines.receive(out);
    while let Some(line) = lines.next_line().expect("lines") {
        Packet::parse(line.text()).expect("a packet");
    }
    assert_eq!(lines.partial_line(), None);
}
