//! Checks the ABNF of PROTOCOL.md, appendix A, against the transcripts, the lines that sessions write
//! and the parsers.

#![allow(clippy::unwrap_used)]

mod abnf;
#[path = "../negotiation/endpoint.rs"]
#[allow(dead_code, reason = "shared with the tests of the negotiation")]
mod endpoint;
mod names;
mod samples;
mod sessions;
#[path = "../transcripts/transcript.rs"]
#[allow(dead_code, reason = "shared with the replay of the transcripts")]
mod transcript;
mod transcripts;

use std::collections::{BTreeMap, BTreeSet};

use abnf::Grammar;

/// The rules that stand for whole lines.
const LINES: [&str; 7] = [
    "control-line",
    "encrypted-line",
    "first-line",
    "message-text",
    "negotiation-line",
    "relay-line",
    "stream-line",
];
/// The rules that list the packets.
const PACKETS: [&str; 6] =
    ["base-packet", "extension", "negotiation", "proof", "relay-packet", "stream-packet"];

/// Returns true if a line matches `rule`. A verb that the rule has makes a line no `unknown-packet`.
fn is_line(grammar: &Grammar, rule: &str, line: &[u8]) -> bool {
    let is_verb = |byte: &&u8| !matches!(**byte, b' ' | b'\r' | b'\n');
    let verb: Vec<_> = line.iter().take_while(is_verb).copied().collect();
    let known = grammar.verbs(rule).into_iter().chain(["X_INIT"]);
    if !known.map(str::as_bytes).any(|known| known == verb) {
        return grammar.matches(rule, line);
    }
    let Some(text) = line.strip_suffix(b"\n") else { return false };
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let packets = grammar.named_by(rule);
    let mut packets =
        packets.into_iter().filter(|name| !["line-end", "unknown-packet"].contains(name));
    packets.any(|packet| grammar.matches(packet, text)) && grammar.matches(rule, line)
}

#[test]
fn every_rule_is_defined_and_reachable_from_a_line() {
    let grammar = Grammar::read();
    let reachable = grammar.reachable(&LINES);
    let unused: Vec<_> = grammar.names().filter(|name| !reachable.contains(name)).collect();
    assert!(unused.is_empty(), "no line uses {unused:?}");
}

#[test]
fn every_packet_rule_matches_a_line() {
    let grammar = Grammar::read();
    let lines = transcripts::lines()
        .map(|line| (line.rule, line.bytes))
        .chain(sessions::lines())
        .chain(samples::lines())
        .collect::<Vec<_>>();
    // A packet is looked for among the lines of its own kind of connection.
    let mut by_packet = BTreeMap::<&str, BTreeSet<&str>>::new();
    for rule in LINES {
        for packet in grammar.reachable(&[rule]) {
            by_packet.entry(packet).or_default().insert(rule);
        }
    }
    let packets = PACKETS.iter().flat_map(|list| grammar.named_by(list));
    let missing: Vec<_> = packets
        .chain(["show-ticket", "greeting", "unknown-packet"])
        .filter(|packet| {
            !lines.iter().any(|(rule, line)| {
                let text = line.strip_suffix(b"\n").unwrap_or(line);
                by_packet[packet].contains(rule) && grammar.matches(packet, text)
            })
        })
        .collect();
    assert!(missing.is_empty(), "no line exercises {missing:?}");
}
