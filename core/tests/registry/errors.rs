//! Lines that are not packets, and malformed packets.

use super::*;

#[test]
fn first_line_that_is_not_a_packet_closes() {
    for (first, shown) in [
        ("GET / HTTP/1.1\r\n", r#""GET / HTTP/1.1""#),
        ("\n", r#""""#),
        ("SSH-2.0-OpenSSH\r\n", r#""SSH-2.0-OpenSSH""#),
        ("x_nick bob\n", r#""x_nick bob""#),
        (" X_NICK bob\n", r#"" X_NICK bob""#),
    ] {
        let mut relay = relay();
        relay.connect(ALICE);
        relay.send(ALICE, &format!("{first}X_NICK bob\n"));
        let expected = "X_ERR - expected an XCHER packet such as X_NICK nick, got ";
        assert_eq!(relay.output(ALICE), format!("{expected}{shown}\n"));
        assert_eq!(relay.closed(ALICE), Some(CloseReason::NotXcher));
    }
}

#[test]
fn binary_closes() {
    let mut relay = relay();
    relay.connect(ALICE);
    relay.handle(Input::Received { conn: ALICE, bytes: b"\x16\x03\x01\x02\x00\x01\xff\xfc" });
    assert!(relay.output(ALICE).starts_with("X_ERR - expected UTF-8, got"));
    assert_eq!(relay.closed(ALICE), Some(CloseReason::BadLine));
}

#[test]
fn too_long_a_line_closes() {
    let mut relay = two();
    relay.send(ALICE, &"X".repeat(8192));
    assert_eq!(
        relay.output(ALICE),
        "X_ERR - expected a line of at most 8192 bytes, got a longer one\n"
    );
    assert_eq!(relay.closed(ALICE), Some(CloseReason::BadLine));
}

#[test]
fn unknown_verbs_are_reported_and_the_sixteenth_error_closes() {
    let mut relay = two();
    for _ in 0..15 {
        assert_eq!(relay.ask(ALICE, "X_DANCE now"), "X_ERR X_DANCE unknown verb\n");
    }
    assert_eq!(relay.closed(ALICE), None);
    assert_eq!(
        relay.ask(ALICE, "hello"),
        "X_ERR - expected an XCHER packet such as X_NICK nick, got \"hello\"\n\
         X_ERR - too many errors: the limit is 16\n"
    );
    assert_eq!(relay.closed(ALICE), Some(CloseReason::TooManyErrors));
}

#[test]
fn unprintable_verb_is_not_repeated() {
    let mut relay = two();
    assert_eq!(relay.ask(ALICE, "X_\u{1b}[2J"), "X_ERR - unknown verb\n");
    assert_eq!(relay.ask(ALICE, &format!("X_{}", "A".repeat(99))), "X_ERR - unknown verb\n");
    let answer = relay.ask(ALICE, "X_INIT \u{1b}[2J 127.0.0.1 4000");
    assert_eq!(answer, "X_ERR X_INIT no such nick: \"\\u{1b}[2J\"\n");
}

#[test]
fn wrong_fields_are_answered_with_the_form() {
    let mut relay = two();
    for (line, form) in [
        ("X_WHO bob", "X_WHO or X_WHO count prefix nick"),
        ("X_WHO EOF", "X_WHO or X_WHO count prefix nick"),
        ("X_ADDR 1.2.3.4", "X_ADDR"),
        ("X_PING", "X_PING token"),
        ("X_CAPS", "X_CAPS word word …"),
        ("X_END now", "X_END"),
        ("X_FROM bob", "a packet for the relay"),
    ] {
        let verb = line.split(' ').next().unwrap();
        assert_eq!(relay.ask(ALICE, line), format!("X_ERR {verb} expected {form}, got {line:?}\n"));
    }
}

#[test]
fn error_is_not_answered_with_an_error() {
    let mut relay = two();
    for _ in 0..100 {
        assert_eq!(relay.ask(ALICE, "X_ERR X_INIT what"), "");
    }
    assert_eq!(relay.closed(ALICE), None);
}
