//! Replays every conversation of `tests/transcripts` on each of its sides: complete, cut at every position,
//! and a byte at a time.

#![allow(clippy::unwrap_used)]

mod control;
mod relay;
mod transcript;

use xcher_core::{LineBuffer, RelayPacket};

use transcript::{Mark, Record, Transcript};

/// One side of a conversation.
trait Side {
    /// Performs a `:` line. Appends output to `out` and returns the reports.
    fn perform(&mut self, text: &str, out: &mut Vec<u8>) -> Vec<String>;
    /// Receives bytes of the peer. Not called again after an `error`.
    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Vec<String>;
}

/// An action of a side, the bytes that then arrive, and the expected results.
#[derive(Default)]
struct Phase<'a> {
    line: usize,
    action: Option<&'a str>,
    received: Vec<u8>,
    written: Vec<u8>,
    reported: Vec<&'a str>,
}

fn phases(records: &[Record], side: char) -> Vec<Phase<'_>> {
    let mut phases = vec![Phase::default()];
    for record in records {
        if record.mark == Mark::Action && record.side == side {
            let (line, action) = (record.line, Some(record.text()));
            phases.push(Phase { line, action, ..Phase::default() });
        }
        let phase = phases.last_mut().unwrap();
        match record.mark {
            Mark::Action => {}
            Mark::Writes if record.side == side => phase.written.extend(&record.bytes),
            Mark::Writes => phase.received.extend(&record.bytes),
            Mark::Reports if record.side == side => phase.reported.push(record.text()),
            Mark::Reports => {}
        }
    }
    phases
}

/// A way of splitting the received bytes.
#[derive(Clone, Copy, Debug)]
enum Split {
    Complete,
    /// Cut after this many bytes of the conversation.
    CutAt(usize),
    ByteByByte,
}

impl Split {
    /// Splits `bytes`, which follow `start` earlier ones.
    fn pieces(self, bytes: &[u8], start: usize) -> Vec<&[u8]> {
        match self {
            Self::CutAt(cut) if (start..start + bytes.len()).contains(&cut) => {
                let (before, after) = bytes.split_at(cut - start);
                vec![before, after]
            }
            Self::Complete | Self::CutAt(_) => vec![bytes],
            Self::ByteByByte => bytes.chunks(1).collect(),
        }
    }
}

fn replay(name: &str, phases: &[Phase<'_>], side: &mut dyn Side, split: Split) {
    let (mut start, mut broken) = (0, false);
    for phase in phases {
        let (mut out, mut reported) = (Vec::new(), Vec::new());
        if let Some(action) = phase.action {
            reported.extend(side.perform(action, &mut out));
        }
        for piece in split.pieces(&phase.received, start) {
            if !broken {
                reported.extend(side.receive(piece, &mut out));
                broken = reported.iter().any(|event| event.starts_with("error "));
            }
        }
        start += phase.received.len();
        let place = || format!("{name}, {split:?}, step of line {}", phase.line);
        assert_eq!(reported, phase.reported, "{}: reported (left), expected (right)", place());
        let [written, expected] = [&out, &phase.written].map(|b| String::from_utf8_lossy(b));
        assert_eq!(written, expected, "{}: written (left), expected (right)", place());
    }
}

fn replay_all_splits(transcript: &Transcript, side: char, new: &dyn Fn() -> Box<dyn Side>) {
    let phases = phases(&transcript.records, side);
    let bytes: usize = phases.iter().map(|phase| phase.received.len()).sum();
    let splits = (1..bytes).map(Split::CutAt).chain([Split::Complete, Split::ByteByByte]);
    for split in splits {
        replay(&format!("{}, side {side}", transcript.name), &phases, &mut *new(), split);
    }
}

/// The sides of a conversation that act or report.
fn sides(transcript: &Transcript) -> Vec<char> {
    let acting = transcript.records.iter().filter(|record| record.mark != Mark::Writes);
    let mut sides: Vec<char> = acting.map(|record| record.side).collect();
    sides.sort_unstable();
    sides.dedup();
    sides
}

fn replay_kind(kind: &str, new: &dyn Fn() -> Box<dyn Side>) {
    let transcripts = transcript::all();
    let mut replayed = 0;
    for transcript in transcripts.iter().filter(|transcript| transcript.kind == kind) {
        let sides = sides(transcript);
        assert!(!sides.is_empty(), "{}: no side acts or reports", transcript.name);
        for side in sides {
            replay_all_splits(transcript, side, new);
            replayed += 1;
        }
    }
    assert!(replayed > 0, "no transcript of kind {kind}");
}

#[test]
fn control_connections_replay() {
    replay_kind("control", &|| Box::new(control::Control::new()));
}

#[test]
fn connections_to_the_relay_replay() {
    replay_kind("relay", &|| Box::new(relay::Relay::new()));
}

/// Each line of the relay is read as a packet and written again as the same line.
#[test]
fn every_line_of_the_relay_is_a_packet() {
    for transcript in transcript::all().iter().filter(|transcript| transcript.kind == "relay") {
        for record in transcript.records.iter().filter(|r| r.mark == Mark::Writes && r.side == 'R')
        {
            let mut lines = LineBuffer::new();
            lines.receive(&record.bytes);
            let line = lines.next_line().unwrap().expect("a whole line");
            let packet = RelayPacket::parse(line)
                .unwrap_or_else(|error| panic!("{}:{}: {error}", transcript.name, record.line));
            let text = format!("{}\n", line.text());
            assert_eq!(String::from_utf8_lossy(&packet.to_line()), text);
        }
    }
}

#[test]
fn every_kind_is_known() {
    for transcript in transcript::all() {
        assert!(["control", "relay"].contains(&&*transcript.kind), "{}", transcript.name);
    }
}
