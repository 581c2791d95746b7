//! Lines that no transcript and no session of these tests has: to and from the relay, and at the start of a
//! stream. The parsers agree with the grammar on each.

use core::time::Duration;

use xcher_core::irc::{Channel, IrcClient, IrcConfig, IrcOutput};
use xcher_core::secure::Identity;
use xcher_core::tunnel::FirstLine;
use xcher_core::{LineBuffer, RelayPacket};

use crate::abnf::Grammar;

const TICKET: &str = "AAECAwQFBgcICQoLDA0ODw==";

fn key(secret: u8) -> String {
    Identity::new([secret; 32]).public().to_string()
}

/// Lines to and from the relay, and whether they are well-formed.
fn relay_lines() -> Vec<(String, bool)> {
    let (one, two, three) = (key(1), key(2), key(3));
    let good = [
        "X_INIT bob 2001:db8::7 40000".into(),
        "X_CAPS from key ticket".into(),
        "X_FROM alice".into(),
        "X_NEAR".into(),
        "X_MOVE 0".into(),
        "X_TOKEN 6LKt-_~!".into(),
        format!("X_TOKEN {}", "t".repeat(256)),
        "X_PATH direct".into(),
        "X_PATH a-new-one".into(),
        "X_MOVE 18446744073709551615".into(),
        "X_WHO 1000".into(),
        "X_WHO 1000 / alice".into(),
        "X_WHO 20 al".into(),
        "X_ADDR 192.0.2.7".into(),
        "X_ADDR 2001:db8::7 40000".into(),
        "X_MEET bob".into(),
        format!("X_MEET {TICKET}"),
        format!("X_MEET bob {TICKET} 9247"),
        format!("X_MEET {TICKET} 9247"),
        format!("X_MEET 192.0.2.7 40000 {TICKET}"),
        format!("X_TICKET {TICKET}"),
        format!("X_TICKET bob 192.0.2.7 40000 {TICKET}"),
        "X_TICKET bob 192.0.2.7 40000 -".into(),
        format!("X_KEY {one}"),
        format!("X_KEY {one} {two} {three}"),
        format!("X_KEY {one} {two}"),
        "X_ERR X_INIT refused: 198.51.100.1 is not your address; the relay sees you at 192.0.2.7"
            .into(),
        "X_END".into(),
        "X_FUTURE".into(),
    ];
    let bad = [
        "X_INIT bob [2001:db8::7] 40000",
        "X_INIT bob 192.0.2.7 0",
        "X_INIT bob 192.0.2.7 65536",
        "X_INIT bob 192.0.2.7",
        "X_INIT  192.0.2.7 40000",
        "X_NICK",
        "X_NICK a b",
        "X_NICK a MAYBE",
        "X_WHO a b",
        "X_WHO 1 a b c",
        "X_WHO 1  a",
        "X_ADDR here",
        "X_ADDR 192.0.2.7 0",
        "X_MEET",
        "X_MEET bob x",
        "X_PING",
        "X_PONG a b",
        "X_CAPS",
        "X_FROM a b",
        "X_NEAR bob",
        "X_TOKEN",
        "X_TOKEN ",
        "X_TOKEN a b",
        "X_TOKEN é",
        "X_MOVE",
        "X_PATH",
        "X_PATH direct now",
        "X_MOVE -1",
        "X_MOVE 30 s",
        "X_TICKET",
        "X_TICKET bob 192.0.2.7 -",
        "X_ERR",
        "X_END now",
        "GET / HTTP/1.1",
    ];
    let bad = bad.map(|line| (line.to_owned(), false));
    good.map(|line| (line, true)).into_iter().chain(bad).collect()
}

/// First lines of streams, and whether they are well-formed.
fn stream_lines() -> Vec<(String, bool)> {
    let good = [
        "X_RELAY",
        "X_LISTEN",
        "X_LISTEN 192.0.2.7 40000",
        "X_ACCEPT 40000 2001:db8::7 5000",
        "X_DIAL ::1 40000",
        "X_DATA A 0",
        "X_DATA B 18446744073709551615",
        "YES",
        "NO port 80 is below 1024",
        "NO ",
    ];
    let bad = [
        "",
        "X_DIAL",
        "X_DATA A",
        "X_DATA C 0",
        "X_DATA A 0 0",
        "X_DIAL 192.0.2.7",
        "X_DIAL example.org 80",
        "X_DIAL [::1] 80",
        "X_DIAL 192.0.2.7 0",
        "X_DIAL 192.0.2.7 65536",
        "X_DIAL 192.0.2.7 80 90",
        "X_ACCEPT 1 192.0.2.7",
        "X_RELAY now",
        "YES sir",
        "yes",
        "NO",
        "GET / HTTP/1.1",
    ];
    let line = |well_formed| move |line: &str| (line.to_owned(), well_formed);
    good.map(line(true)).into_iter().chain(bad.map(line(false))).collect()
}

/// The text of the message that a host in a channel sends for a call.
fn message_text() -> String {
    let channel = Channel::parse("#files").unwrap();
    let mut client = IrcClient::new(IrcConfig::new(channel), [192, 0, 2, 7].into());
    let mut output = IrcOutput::default();
    client.receive_from_host(b"X_NICK kim\n", Duration::ZERO, &mut output);
    let answers = b":s 001 kim :Welcome\n:s 353 kim = #files :kim bob\n:s 366 kim #files :End\n";
    client.receive_from_server(answers, Duration::ZERO, &mut output);
    let mut output = IrcOutput::default();
    client.receive_from_host(b"X_INIT bob 192.0.2.7 40000\n", Duration::ZERO, &mut output);
    let line = String::from_utf8(output.to_server).unwrap();
    let text = line.strip_prefix("PRIVMSG bob :").and_then(|text| text.strip_suffix("\r\n"));
    text.expect("one private message").to_owned()
}

/// The well-formed lines, with the rule of each.
pub(crate) fn lines() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let of =
        |rule| move |(line, good): (String, bool)| good.then(|| (rule, format!("{line}\n").into()));
    let relay = relay_lines().into_iter().filter_map(of("relay-line"));
    let streams = stream_lines().into_iter().filter_map(of("stream-line"));
    let shown = ("first-line", format!("X_TICKET {TICKET}\n").into());
    let greeting = ("first-line", b"X_NEAR\n".to_vec());
    let message = ("message-text", message_text().into_bytes());
    let own_key = ("encrypted-line", format!("X_KEY {} {}\n", key(1), key(2)).into());
    relay.chain(streams).chain([shown, greeting, message, own_key])
}

#[test]
fn relay_lines_match_exactly_if_they_are_well_formed() {
    let grammar = Grammar::read();
    for (line, good) in relay_lines() {
        let bytes = format!("{line}\n").into_bytes();
        assert_eq!(
            crate::is_line(&grammar, "relay-line", &bytes),
            good,
            "the grammar and {line:?}"
        );
        let mut lines = LineBuffer::new();
        lines.receive(&bytes);
        let parsed = RelayPacket::parse(lines.next_line().unwrap().unwrap());
        assert_eq!(parsed.is_ok(), good, "the parser and {line:?}: {parsed:?}");
    }
}

#[test]
fn stream_lines_match_exactly_if_they_are_well_formed() {
    let grammar = Grammar::read();
    for (line, good) in stream_lines() {
        let bytes = format!("{line}\n").into_bytes();
        assert_eq!(grammar.matches("stream-line", &bytes), good, "the grammar and {line:?}");
        assert_eq!(FirstLine::parse(&line).is_ok(), good, "the parser and {line:?}");
    }
    for (reason, fits) in [(252, true), (253, false)] {
        let line = format!("NO {}\n", "a".repeat(reason));
        assert_eq!(grammar.matches("stream-line", line.as_bytes()), fits, "{} bytes", line.len());
    }
}

#[test]
fn message_in_a_channel_matches() {
    let (grammar, text) = (Grammar::read(), message_text());
    assert!(grammar.matches("message-text", text.as_bytes()), "{text:?}");
    let without_end = text.trim_end_matches('\u{1}');
    assert!(!grammar.matches("message-text", without_end.as_bytes()), "{without_end:?}");
}
