//! The lines that two sessions with all extensions write, before they are encrypted.

use xcher_core::secure::Side;
use xcher_core::session::{Extensions, LinkMessage, Receipt, Session, Want};
use xcher_core::{FileName, Kind, LeftOut, LeftOutReason, NotStored, Size, Stat};

use crate::abnf::Grammar;
use crate::endpoint::{self, Endpoint, code, exchange, pass};

const ALL: Extensions = endpoint::ALL
    .with(Extensions::AES)
    .with(Extensions::BATCH)
    .with(Extensions::RECEIPT)
    .with(Extensions::LEFT)
    .with(Extensions::TEXT)
    .with(Extensions::BRIDGE)
    .with(Extensions::RTC);

fn pair(words: [Option<&str>; 2]) -> [Endpoint; 2] {
    [Side::Caller, Side::Callee].map(|side| {
        let mut terms = endpoint::terms(side, 7);
        terms.extensions = ALL;
        terms.code = words[usize::from(side == Side::Callee)].and_then(code);
        Endpoint::new(terms)
    })
}

/// Two sessions that have agreed on everything.
fn connected() -> [Endpoint; 2] {
    let mut endpoints = pair([None, None]);
    exchange(&mut endpoints, &mut pass);
    endpoint::assert_encrypted(&endpoints);
    endpoints
}

fn name(text: &str) -> FileName<&str> {
    FileName::parse(text).unwrap()
}

/// Writes every packet of the extensions, in each of its forms.
fn say_everything(session: &mut Session, out: &mut Vec<u8>) {
    let stats = [
        Stat::default(),
        Stat { modified: Some(-1), private: true, ..Stat::default() },
        Stat { modified: Some(1_700_000_000), executable: true, private: true, ..Stat::default() },
        Stat { kind: Kind::Folder, private: true, ..Stat::default() },
        Stat { kind: Kind::Link, ..Stat::default() },
        Stat { text: true, ..Stat::default() },
    ];
    for stat in stats {
        session.offer(name("a b/c"), Size::Exact(7), stat, out).unwrap();
    }
    session.offer(name("pipe"), Size::UNKNOWN, Stat::default(), out).unwrap();
    let reasons = [
        LeftOutReason::Unreadable,
        LeftOutReason::Link,
        LeftOutReason::Special,
        LeftOutReason::Name,
        LeftOutReason::Changed,
        LeftOutReason::Hidden,
        LeftOutReason::Other,
    ];
    for reason in reasons {
        session.leave_out(&LeftOut { name: name("a b").to_owned(), reason }, out).unwrap();
    }
    session.offer_end(out).unwrap();
    session.request(name("a"), Size::Exact(7), 0, out).unwrap();
    session.request(name("a b"), Size::UNKNOWN, 40_001, out).unwrap();
    for port in [0, 40_001] {
        session.resume(name("a b"), Size::Exact(7), port, (7, [9; 32]), out).unwrap();
        let files = [(name("a"), 0), (name("b c"), 262_144)];
        session.batch(files.into_iter(), port, out).unwrap();
    }
    session.answer_port(3, 40_001, out).unwrap();
    for text in ["v=0\r\n", "é"] {
        session.link(LinkMessage::Offer(text.into()), out).unwrap();
        session.link(LinkMessage::Answer(text.into()), out).unwrap();
    }
    session.link(LinkMessage::No, out).unwrap();
    session.want(Want { files: 3, bytes: 14, already_stored: 1 }, out).unwrap();
    for not_stored in [None, Some(NotStored::Space), Some(NotStored::Other)] {
        session.receipt(Receipt { number: 2, at: 1023, count: 1, not_stored }, out).unwrap();
    }
    session.forgo(name("a b"), NotStored::Cancelled, out).unwrap();
    session.list(out).unwrap();
}

/// Has the session answer a listing and refuse what was requested.
fn answer_everything(session: &mut Session, out: &mut Vec<u8>) {
    session.refuse_request(0, &name("a").to_owned(), out);
    session.refuse(&name("a b").to_owned(), out);
}

/// Three conversations: an encrypted session with everything, one by code, and one with a wrong code.
fn conversations() -> Vec<[Endpoint; 2]> {
    let mut everything = connected();
    for at in [0, 1] {
        everything[at].act(say_everything);
        exchange(&mut everything, &mut pass);
        everything[at].act(answer_everything);
        exchange(&mut everything, &mut pass);
    }
    let right = Some("crossover-clockwork-universe");
    let mut by_code = pair([right, right]);
    let mut wrong_code = pair([right, Some("crossover-clockwork-unicorn")]);
    exchange(&mut by_code, &mut pass);
    exchange(&mut wrong_code, &mut pass);
    for [a, b] in [&everything, &by_code] {
        assert_eq!((&a.error, &b.error), (&None, &None));
    }
    assert!(wrong_code.iter().all(|endpoint| endpoint.error.is_some()));
    everything[0].act(|session, out| session.end(out).unwrap());
    vec![everything, by_code, wrong_code]
}

/// All lines, with the rule of each.
pub(crate) fn lines() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let endpoints = conversations().into_iter().flatten();
    endpoints.flat_map(|endpoint| {
        let mut rule = "negotiation-line";
        let lines: Vec<_> = endpoint
            .plaintext
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| {
                // The handshake ends with the last X_SECURE of either side.
                if !["X_CHK //", "X_CAPS", "X_SECURE"]
                    .iter()
                    .any(|start| line.starts_with(start.as_bytes()))
                {
                    rule = "encrypted-line";
                }
                (rule, line.to_vec())
            })
            .collect();
        lines
    })
}

#[test]
fn every_line_of_a_session_matches() {
    let grammar = Grammar::read();
    let mut count = 0;
    for (rule, line) in lines() {
        let text = String::from_utf8_lossy(&line);
        assert!(crate::is_line(&grammar, rule, &line), "as {rule}: {text:?}");
        count += 1;
    }
    assert!(count > 100, "only {count} lines");
}

/// Lines that differ from those above in one field, and the verbs' other forms.
#[test]
fn lines_match_exactly_if_a_session_accepts_them() {
    let grammar = Grammar::read();
    let digest = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let short = "AAAAAAAAAAAAAAAAAAAAAA==";
    let accepted = [
        "X_REQUEST a 1 0".into(),
        "X_REQUEST a 1 65535".into(),
        "X_FUTURE one two".into(),
        format!("X_RESUME a b 5 0 5 {digest}"),
        "X_PORT 0 1".into(),
        "X_OFFER ../a 5 - -".into(),
        "X_OFFER  5 -1 xp".into(),
        "X_BATCH 1024 1\nX_FILE a 0".into(),
        "X_STORED 18446744073709551615 0 1024".into(),
        "X_FAILED 0 1023 1 later-word".into(),
        "X_UNASKED later-word a b".into(),
        "X_UNASKED space ".into(),
        "X_WANT 0 0 0".into(),
        "X_REFUSED 0".into(),
        "X_LEFT later ../a".into(),
        format!("X_KEY {digest} {digest}"),
    ];
    let rejected = [
        "X_REQUEST a 1 65536".into(),
        "X_REQUEST a 1".into(),
        "X_INIT bob 192.0.2.7 40000".into(),
        format!("X_RESUME a 5 0 5 {short}"),
        format!("X_RESUME a 5 0 {digest}"),
        format!("X_RESUME a 700mb 0 5 {digest}"),
        "X_PORT 0 0".into(),
        "X_PORT 0".into(),
        "X_STAT a 5".into(),
        "X_OFFER a 5 - px".into(),
        "X_OFFER a 5 - lp".into(),
        "X_OFFER a 5 -- -".into(),
        "X_OFFER a -5 - -".into(),
        "X_BATCH 0 1".into(),
        "X_BATCH 1025 1".into(),
        "X_BATCH 1 1\nX_FILE a 262145".into(),
        "X_BATCH 1 1\nX_FILE ../a 1".into(),
        "X_BATCH 1 1\nX_FILE a 1kb".into(),
        "X_STORED 0 1024 1".into(),
        "X_STORED 0 0 0".into(),
        "X_STORED 18446744073709551616 0 1".into(),
        "X_FAILED 0 0 1".into(),
        "X_FAILED 0 0 1 ".into(),
        "X_UNASKED space".into(),
        "X_UNASKED  a".into(),
        "X_WANT 0 0".into(),
        "X_WANT 0 0 0 0".into(),
        "X_REFUSED -1".into(),
        "X_LEFT later-word a".into(),
        "X_LEFT Link a".into(),
        format!("X_KEY {digest}"),
        format!("X_KEY {digest} {short}"),
        "hello".into(),
        "x_want 0 0 0".into(),
    ];
    let accepted = accepted.map(|line| (line, true));
    for (lines, accepted) in accepted.into_iter().chain(rejected.map(|line| (line, false))) {
        let mut endpoints = connected();
        endpoints[0].act(|_, out| out.extend(format!("{lines}\n").bytes()));
        exchange(&mut endpoints, &mut pass);
        assert_eq!(endpoints[1].error.is_none(), accepted, "a session and {lines:?}");
        let last = format!("{}\n", lines.lines().last().unwrap());
        let matches = crate::is_line(&grammar, "encrypted-line", last.as_bytes());
        assert_eq!(matches, accepted, "the grammar and {lines:?}");
    }
}
