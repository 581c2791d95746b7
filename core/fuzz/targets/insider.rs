//! A dishonest peer inside an encrypted session with every extension in force, which sends any
//! bytes. The honest side reports an error or continues, and writes no more than it is asked for.

#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::secure::{Entropy, Identity, Side};
use xcher_core::session::{Event, Extensions, Question, Terms};
use xcher_core::{FileName, Limits, ProtocolError, Session, Size, Stat};

/// Actions of the honest side, and the bytes that it receives.
#[derive(Arbitrary, Debug)]
struct Input {
    called: bool,
    lists: bool,
    checks: bool,
    requests: u8,
    batches: bool,
    offers: bool,
    /// Length of the pieces in which the bytes arrive.
    piece: u8,
    bytes: Vec<u8>,
}

/// The most bytes of output for each received byte.
const FACTOR: usize = 64;

fuzz_target!(|input: Input| {
    let limits = Limits { questions: 8, entries: 50, ..Limits::default() };
    let [mut honest, mut other] = encrypted(&limits, input.called);
    let mut out = Vec::new();
    ask(&mut honest, &input, &mut out);
    let asked = out.len();
    let sealed = other.seal(input.bytes.clone());
    let mut error = None;
    'pieces: for piece in sealed.chunks(usize::from(input.piece).max(1)) {
        honest.receive(piece);
        loop {
            match honest.next_event(&mut out) {
                Ok(Some(event)) => check_event(&event),
                Ok(None) if honest.question().is_some() => answer(&mut honest, &mut out),
                Ok(None) => break,
                Err(broken) => {
                    error = Some(broken);
                    break 'pieces;
                }
            }
        }
    }
    while honest.question().is_some() {
        answer(&mut honest, &mut out);
    }
    let error: Option<ProtocolError> = error.or_else(|| honest.close().err());
    if let Some(error) = error {
        let text = error.to_string();
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    let most = asked + (input.bytes.len() + 64) * FACTOR;
    assert!(out.len() <= most, "{} bytes for {}", out.len(), input.bytes.len());
});

/// Two sessions after their negotiation: the honest one and the other.
fn encrypted(limits: &Limits, called: bool) -> [Session; 2] {
    let sides = if called { [Side::Callee, Side::Caller] } else { [Side::Caller, Side::Callee] };
    let mut wires = [Vec::new(), Vec::new()];
    let mut number = 0;
    let mut sessions = sides.map(|side| {
        number += 1;
        Session::negotiate(limits, terms(side, number), &mut wires[usize::from(number) - 1])
    });
    let mut agreed = 0;
    while agreed < 2 || wires.iter().any(|wire| !wire.is_empty()) {
        for at in [0, 1] {
            let bytes = std::mem::take(&mut wires[1 - at]);
            sessions[at].receive(&bytes);
            let mut out = Vec::new();
            while let Some(event) =
                sessions[at].next_event(&mut out).expect("an honest negotiation")
            {
                wires[at].extend(sessions[at].seal(std::mem::take(&mut out)));
                if let Event::Agreed { key } = event {
                    assert!(key.is_some());
                    agreed += 1;
                    sessions[at].proceed(&mut out);
                }
            }
            wires[at].extend(sessions[at].seal(out));
        }
    }
    sessions
}

fn terms(side: Side, number: u8) -> Terms {
    let words = [
        Extensions::VERIFY,
        Extensions::CODE,
        Extensions::RESUME,
        Extensions::PASSIVE,
        Extensions::OFFER,
        Extensions::STAT,
        Extensions::BATCH,
        Extensions::RECEIPT,
        Extensions::LEFT,
        Extensions::TEXT,
        Extensions::RTC,
    ];
    Terms {
        side,
        identity: Arc::new(Identity::new([number; 32])),
        entropy: Entropy::new([number; 32]),
        extensions: words.into_iter().fold(Extensions::SECURE, Extensions::with),
        device: None,
        require_encryption: true,
        expected_key: None,
        callee_nick: None,
        code: None,
    }
}

fn ask(session: &mut Session, input: &Input, out: &mut Vec<u8>) {
    let name = FileName::parse("a").expect("valid");
    if input.lists {
        session.list(out).expect("a new session");
    }
    if input.checks {
        session.check(name, out).expect("a new session");
    }
    for _ in 0..input.requests % 4 {
        session.request(name, Size::Exact(1), 40001, out).expect("a new session");
    }
    if input.batches {
        session.batch([(name, 1), (name, 2)].into_iter(), 40001, out).expect("a new session");
    }
    if input.offers {
        session.offer(name, Size::Exact(1), Stat::default(), out).expect("in force");
        session.offer_end(out).expect("in force");
    }
}

fn answer(session: &mut Session, out: &mut Vec<u8>) {
    match session.question().cloned() {
        Some(Question::List) => session.answer_list_end(out).expect("the oldest question"),
        Some(Question::Check(name)) => {
            session.answer_check(name.as_str().len() % 2 == 0, out).expect("the oldest question");
        }
        Some(Question::Request(_)) => {
            let request = session.take_request(out).expect("the oldest question");
            session.refuse_request(request.number, &request.name, out);
        }
        Some(Question::Batch(_)) => {
            let batch = session.take_batch(out).expect("the oldest question");
            assert!(!batch.files.is_empty() && batch.files.len() <= 1024);
            session.refuse_request(batch.number, &batch.files[0].0, out);
        }
        None => {}
    }
}

fn check_event(event: &Event) {
    match event {
        Event::Receipt(receipt) => {
            assert!(receipt.count >= 1 && receipt.at + receipt.count <= 1024);
        }
        Event::InvalidEntry(error) | Event::InvalidOffer(error) | Event::InvalidQuestion(error) => {
            let text = error.to_string();
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
        _ => {}
    }
}
