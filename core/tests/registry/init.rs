//! Forwarded calls.

use super::*;

#[test]
fn init_is_forwarded_byte_for_byte() {
    for line in [
        "X_INIT bob 127.0.0.1 4000\n",
        "X_INIT bob 127.0.0.1 4000\r\n",
        "X_INIT bob 127.0.0.1 04000\n",
        "X_INIT bob 192.168.1.7 65535\n",
    ] {
        let mut relay = two();
        relay.send(ALICE, line);
        assert_eq!(relay.output(BOB), line);
        assert_eq!(relay.output(ALICE), "");
    }
}

#[test]
fn client_can_call_itself() {
    let mut relay = two();
    assert_eq!(relay.ask(ALICE, "X_INIT alice 127.0.0.1 4000"), "X_INIT alice 127.0.0.1 4000\n");
}

#[test]
fn init_split_across_reads_is_forwarded_complete() {
    let line = "X_INIT bob 127.0.0.1 4000\r\n";
    for cut in 1..line.len() {
        let mut relay = two();
        relay.send(ALICE, &line[..cut]);
        assert_eq!(relay.output(BOB), "", "the line is not complete");
        relay.send(ALICE, &line[cut..]);
        assert_eq!(relay.output(BOB), line);
    }
}

#[test]
fn only_init_needs_a_nick() {
    let mut relay = two();
    relay.connect(CAROL);
    assert_eq!(
        relay.ask(CAROL, "X_INIT bob 127.0.0.1 4000"),
        "X_ERR X_INIT X_NICK must come first\n"
    );
    assert_eq!(relay.ask(CAROL, "X_CAPS from"), "");
    assert_eq!(relay.ask(CAROL, "X_WHO"), "X_WHO alice\nX_WHO bob\nX_WHO EOF\n");
    assert_eq!(relay.ask(CAROL, "X_ADDR"), "X_ADDR 127.0.0.1\n");
    assert_eq!(relay.ask(CAROL, "X_PING 7"), "X_PONG 7\n");
    assert_eq!(relay.output(BOB), "");
    relay.ask(CAROL, "X_END");
    assert_eq!(relay.closed(CAROL), Some(CloseReason::End));
}

#[test]
fn refuses_an_address_that_is_not_the_callers() {
    let mut relay = two();
    relay.connect_from(CAROL, "[::ffff:9.9.9.9]:5000");
    relay.ask(CAROL, "X_NICK carol");
    for line in ["X_INIT bob 9.9.9.10 4000", "X_INIT bob 10.0.0.1 4000", "X_INIT bob ::1 4000"] {
        let answer = relay.ask(CAROL, line);
        let refused = "is not your address; the relay sees you at 9.9.9.9\n";
        assert!(answer.starts_with("X_ERR X_INIT refused: "), "{answer}");
        assert!(answer.ends_with(refused), "{answer}");
    }
    let answer = relay.ask(CAROL, "X_INIT bob 0.0.0.0 4000");
    assert!(answer.starts_with("X_ERR X_INIT refused: "), "{answer}");
    assert_eq!(relay.output(BOB), "");
    relay.ask(CAROL, "X_INIT bob 9.9.9.9 4000");
    assert_eq!(relay.output(BOB), "X_INIT bob 9.9.9.9 4000\n");
}

#[test]
fn any_address_disables_the_check() {
    let mut relay = Relay::new(RelayLimits { any_address: true, ..RelayLimits::default() });
    relay.register(ALICE, "alice");
    assert_eq!(relay.ask(ALICE, "X_INIT alice 8.8.8.8 4000"), "X_INIT alice 8.8.8.8 4000\n");
}

#[test]
fn malformed_init_is_answered_with_the_form() {
    let mut relay = two();
    for line in [
        "X_INIT",
        "X_INIT bob",
        "X_INIT bob localhost 4000",
        "X_INIT bob 127.0.0.1 0",
        "X_INIT bob 127.0.0.1 65536",
        "X_INIT bob 127.0.0.1 4000 ",
    ] {
        assert_eq!(
            relay.ask(ALICE, line),
            format!("X_ERR X_INIT expected X_INIT nick ip port, got {line:?}\n")
        );
    }
    assert_eq!(relay.output(BOB), "");
}

#[test]
fn caller_is_named_to_clients_that_support_it() {
    let mut relay = two();
    assert_eq!(relay.ask(BOB, "X_CAPS colour from sound"), "");
    relay.ask(ALICE, "X_INIT bob 127.0.0.1 4000");
    assert_eq!(relay.output(BOB), "X_FROM alice\nX_INIT bob 127.0.0.1 4000\n");
    relay.ask(ALICE, "X_CAPS colour");
    relay.ask(BOB, "X_INIT alice 127.0.0.1 4000");
    assert_eq!(relay.output(ALICE), "X_INIT alice 127.0.0.1 4000\n");
}

#[test]
fn only_init_reaches_another_client() {
    let mut relay = two();
    for line in [
        "X_INIT bob 127.0.0.1 4000 X_NICK",
        "X_FROM bob",
        "X_ERR X_INIT bob",
        "X_PONG bob",
        "X_WHO bob",
        "X_NICK bob YES",
        "X_ADDR 1.2.3.4",
        "X_BOB bob",
        "bob",
        "X_INIT bob\r127.0.0.1 4000",
    ] {
        relay.ask(ALICE, line);
        assert_eq!(relay.output(BOB), "", "{line}");
    }
}
