//! A stranger's bytes on a control connection: the same events, fault and answers for every split,
//! every answer a packet, and no more questions held than the limit.

#![no_main]

use libfuzzer_sys::fuzz_target;
use xcher_core::session::{Event, Question};
use xcher_core::{FileName, Limits, LineBuffer, Packet, ProtocolError, Session, Stat};
use xcher_core_fuzz::{assert_printable, split};

const QUESTIONS: usize = 8;

fuzz_target!(|data: &[u8]| {
    let Some((seed, bytes)) = data.split_first() else { return };
    let whole = talk(*seed, &[bytes]);
    assert_eq!(whole, talk(*seed, &split(*seed, bytes)));
    assert_eq!(whole, talk(*seed, &split(0, bytes)));
});

/// Asks a little first, where the seed says so, and then answers whatever comes.
fn talk(seed: u8, pieces: &[&[u8]]) -> (Vec<Event>, Option<ProtocolError>, Vec<u8>) {
    let limits = Limits { questions: QUESTIONS, entries: 20, ..Limits::default() };
    let (mut session, mut out, mut events) = (Session::new(&limits), Vec::new(), Vec::new());
    let name = FileName::parse("a").expect("valid");
    if seed & 4 != 0 {
        session.list(&mut out).expect("a new session");
    }
    if seed & 8 != 0 {
        session.check(name, &mut out).expect("a new session");
    }
    if seed & 16 != 0 {
        let size = xcher_core::Size::Exact(1);
        session.request(name, size, 40001, &mut out).expect("a new session");
    }
    let mut fault = None;
    'pieces: for piece in pieces {
        session.receive(piece);
        loop {
            match session.next_event(&mut out) {
                Ok(Some(event)) => {
                    if let Event::BadQuestion { why } | Event::BadEntry { why } = &event {
                        assert_printable(why);
                    }
                    events.push(event);
                }
                // Only now, so that questions wait for each other as they do while a disk works.
                Ok(None) if session.is_full() => answer(&mut session, &mut out),
                Ok(None) => break,
                Err(error) => {
                    assert_printable(&error.to_string());
                    fault = Some(error);
                    break 'pieces;
                }
            }
        }
    }
    while session.question().is_some() {
        answer(&mut session, &mut out);
    }
    if fault.is_none() {
        fault = session.close().err();
    }
    readable(&out);
    (events, fault, out)
}

fn answer(session: &mut Session, out: &mut Vec<u8>) {
    let name = FileName::parse("a b").expect("valid");
    match session.question().cloned() {
        Some(Question::List) => {
            session.answer_entry(name, 7, Stat::default(), out).expect("the oldest question");
            session.answer_list_end(out).expect("the oldest question");
        }
        Some(Question::Check(name)) => {
            session.answer_check(name.as_str().len() % 2 == 0, out).expect("the oldest question");
        }
        Some(Question::Request(request)) => {
            assert!(request.port > 0, "nobody named passive");
            assert_eq!(session.take_request(out), Some(request.clone()));
            session.refuse(&request.name, out);
        }
        None => panic!("expected the oldest question of a full session"),
    }
}

/// All that is written is packets, none over-long.
fn readable(out: &[u8]) {
    let mut lines = LineBuffer::new();
    lines.receive(out);
    while let Some(line) = lines.next_line().expect("lines") {
        Packet::parse(line.text()).expect("a packet");
    }
    assert_eq!(lines.unfinished(), None);
}
