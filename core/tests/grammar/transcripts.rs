//! The lines of `tests/transcripts` against the grammar: what a session or a relay accepts matches, and
//! what it rejects does not.

use std::collections::BTreeSet;

use xcher_core::{FileName, Limits, LineBuffer, Packet, RelayPacket, Session};

use crate::abnf::Grammar;
use crate::transcript::{self, Mark};

/// One line that a side writes, or the bytes of an unfinished one.
pub(crate) struct TranscriptLine {
    file: String,
    number: usize,
    /// The rule of such a line.
    pub(crate) rule: &'static str,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn lines() -> impl Iterator<Item = TranscriptLine> {
    transcript::all().into_iter().flat_map(|transcript| {
        let is_relay = transcript.kind == "relay";
        let mut spoken = Vec::new();
        let written = transcript.records.into_iter().filter(|record| record.mark == Mark::Writes);
        written.map(move |record| {
            let is_first = !spoken.contains(&record.side);
            spoken.push(record.side);
            let rule = match (is_relay, is_first) {
                (true, _) => "relay-line",
                (false, true) => "first-line",
                (false, false) => "control-line",
            };
            let (file, number) = (transcript.name.clone(), record.line);
            TranscriptLine { file, number, rule, bytes: record.bytes }
        })
    })
}

/// Returns true if a base-protocol session accepts the line, which is its first or a later one. It has
/// asked for a listing and about a file, so that answers to these are expected.
fn is_accepted_by_a_session(line: &TranscriptLine) -> bool {
    let text = std::str::from_utf8(&line.bytes).unwrap_or_default().trim_end_matches(['\r', '\n']);
    if let Ok(Packet::Chk(chk)) = Packet::parse(text)
        && chk.answer().is_some()
    {
        // Of a name that no session asks about, because it is invalid.
        return true;
    }
    let (mut session, mut out) = (Session::new(&Limits::default()), Vec::new());
    session.list(&mut out).unwrap();
    session.check(FileName::parse("a").unwrap(), &mut out).unwrap();
    if line.rule == "control-line" {
        session.receive(b"X_FILELIST\n");
    }
    session.receive(&line.bytes);
    let mut events = 0;
    loop {
        match session.next_event(&mut out) {
            Ok(Some(_)) => events += 1,
            Ok(None) => return events == 1 + usize::from(line.rule == "control-line"),
            Err(_) => return false,
        }
    }
}

fn is_accepted_by_a_relay(line: &TranscriptLine) -> bool {
    let mut lines = LineBuffer::new();
    lines.receive(&line.bytes);
    matches!(lines.next_line(), Ok(Some(line)) if RelayPacket::parse(line).is_ok())
}

/// The transcripts with lines that are malformed by themselves, whatever came before them.
const MALFORMED: [&str; 24] = [
    "binary.txt",
    "cut-character.txt",
    "empty-line.txt",
    "end-with-fields.txt",
    "endless-line.txt",
    "garbage-later.txt",
    "half-line.txt",
    "http-first.txt",
    "init-on-control-connection.txt",
    "list-size-beyond-u64.txt",
    "list-size-no-number.txt",
    "lower-case-verb.txt",
    "over-long-answer.txt",
    "over-long-line.txt",
    "relay-caller.txt",
    "relay-declined.txt",
    "relay-http-first.txt",
    "relay-meet.txt",
    "relay-users.txt",
    "request-port-too-large.txt",
    "request-port-zero.txt",
    "request-size-beyond-u64.txt",
    "tls-first.txt",
    "unknown-verb-first.txt",
];

#[test]
fn lines_match_exactly_if_they_are_accepted() {
    let grammar = Grammar::read();
    let mut malformed = BTreeSet::new();
    for line in lines() {
        let is_accepted = match line.rule {
            "relay-line" => is_accepted_by_a_relay(&line),
            _ => is_accepted_by_a_session(&line),
        };
        let matches = crate::is_line(&grammar, line.rule, &line.bytes);
        assert_eq!(matches, is_accepted, "{}:{} as {}", line.file, line.number, line.rule);
        if !matches {
            malformed.insert(line.file);
        }
    }
    assert_eq!(malformed.iter().map(String::as_str).collect::<Vec<_>>(), MALFORMED);
}
