//! The relay's rules, one a test, with no socket and no clock.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use xcher_core::RelayLimits;
use xcher_core::registry::{Action, CloseReason, ConnId, Input, Registry};

const ALICE: ConnId = ConnId(1);
const BOB: ConnId = ConnId(2);
const CAROL: ConnId = ConnId(3);

/// A registry and what became of its actions.
struct Relay {
    registry: Registry,
    now: Duration,
    /// Written and not looked at.
    written: BTreeMap<ConnId, Vec<u8>>,
    closed: BTreeMap<ConnId, CloseReason>,
    /// Whether everything is sent as soon as it is written.
    sends: bool,
}

impl Relay {
    fn new(limits: RelayLimits) -> Self {
        Self {
            registry: Registry::new(limits),
            now: Duration::from_secs(1_000_000),
            written: BTreeMap::new(),
            closed: BTreeMap::new(),
            sends: true,
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        let mut actions = Vec::new();
        self.registry.handle(input, self.now, &mut actions);
        let mut once = BTreeSet::new();
        let mut sent = Vec::new();
        for action in actions {
            match action {
                Action::Write { conn, bytes } => {
                    assert!(!bytes.is_empty() && once.insert(conn), "one write a connection");
                    assert!(!self.closed.contains_key(&conn), "a write after the close");
                    sent.push((conn, bytes.len()));
                    self.written.entry(conn).or_default().extend(bytes);
                }
                Action::Close { conn, reason } => {
                    assert_eq!(self.closed.insert(conn, reason), None, "closed twice");
                }
            }
        }
        for (conn, bytes) in sent {
            if self.sends {
                self.handle(Input::Sent { conn, bytes });
            }
        }
    }

    fn connect_from(&mut self, conn: ConnId, from: &str) {
        let from: SocketAddr = from.parse().unwrap();
        self.handle(Input::Connected { conn, from });
    }

    fn connect(&mut self, conn: ConnId) {
        self.connect_from(conn, "127.0.0.1:5000");
    }

    fn say(&mut self, conn: ConnId, text: &str) {
        self.handle(Input::Received { conn, bytes: text.as_bytes() });
    }

    /// What was written to `conn` since the last look.
    fn look(&mut self, conn: ConnId) -> String {
        String::from_utf8(self.written.remove(&conn).unwrap_or_default()).unwrap()
    }

    /// Says a line and looks at the answer.
    fn ask(&mut self, conn: ConnId, line: &str) -> String {
        self.say(conn, &format!("{line}\n"));
        self.look(conn)
    }

    fn join(&mut self, conn: ConnId, nick: &str) {
        self.connect(conn);
        assert_eq!(self.ask(conn, &format!("X_NICK {nick}")), format!("X_NICK {nick} YES\n"));
    }

    /// Lets time pass, with ticks when they are due and no other.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.registry.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.handle(Input::Tick);
        }
        self.now = end;
    }

    fn closed(&self, conn: ConnId) -> Option<CloseReason> {
        self.closed.get(&conn).copied()
    }
}

fn relay() -> Relay {
    Relay::new(RelayLimits::default())
}

fn two() -> Relay {
    let mut relay = relay();
    relay.join(ALICE, "alice");
    relay.join(BOB, "bob");
    relay
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

// Nicks.

#[test]
fn a_free_nick_is_given_and_a_taken_one_is_not() {
    let mut relay = two();
    relay.connect(CAROL);
    assert_eq!(relay.ask(CAROL, "X_NICK bob"), "X_NICK bob NO\n");
    assert_eq!(relay.ask(CAROL, "X_NICK carol"), "X_NICK carol YES\n");
    assert_eq!(relay.registry.nick(CAROL).unwrap().as_str(), "carol");
}

#[test]
fn a_malformed_nick_gets_no() {
    let mut relay = relay();
    relay.connect(ALICE);
    assert_eq!(relay.ask(ALICE, "X_NICK a/b"), "X_NICK a/b NO\n");
    assert_eq!(relay.ask(ALICE, "X_NICK EOF"), "X_NICK EOF NO\n");
    assert_eq!(
        relay.ask(ALICE, "X_NICK a b"),
        "X_ERR X_NICK expected X_NICK nick, got \"X_NICK a b\"\n"
    );
    let long = relay.ask(ALICE, &format!("X_NICK {}", "a".repeat(8000)));
    assert!(long.starts_with("X_ERR X_NICK expected a nick of 1 to 32"), "{long}");
    assert!(long.len() < 400, "{long}");
    assert_eq!(relay.ask(ALICE, "X_NICK alice"), "X_NICK alice YES\n");
}

#[test]
fn the_fifth_try_for_a_nick_is_the_last() {
    for bad in ["X_NICK bob", "X_NICK", "X_NICK a b"] {
        let mut relay = two();
        relay.connect(CAROL);
        for _ in 0..4 {
            relay.ask(CAROL, bad);
            assert_eq!(relay.closed(CAROL), None);
        }
        let last = relay.ask(CAROL, bad);
        assert!(last.lines().last().unwrap().starts_with("X_ERR X_NICK expected"), "{last}");
        assert_eq!(relay.closed(CAROL), Some(CloseReason::NickTries));
    }
}

#[test]
fn a_connection_has_one_nick() {
    let mut relay = two();
    assert_eq!(
        relay.ask(ALICE, "X_NICK alice2"),
        "X_ERR X_NICK expected one nick a connection, and this one is called alice\n"
    );
    assert_eq!(
        relay.ask(BOB, "X_INIT alice2 127.0.0.1 4000"),
        "X_ERR X_INIT no such nick: alice2\n"
    );
}

#[test]
fn a_nick_is_free_again_when_its_connection_is_gone() {
    let mut relay = two();
    relay.handle(Input::Closed { conn: BOB });
    assert_eq!(relay.ask(ALICE, "X_INIT bob 127.0.0.1 4000"), "X_ERR X_INIT no such nick: bob\n");
    relay.join(CAROL, "bob");
}

// X_INIT.

#[test]
fn x_init_is_passed_on_byte_for_byte() {
    for line in [
        "X_INIT bob 127.0.0.1 4000\n",
        "X_INIT bob 127.0.0.1 4000\r\n",
        "X_INIT bob 127.0.0.1 04000\n",
        "X_INIT bob 192.168.1.7 65535\n",
    ] {
        let mut relay = two();
        relay.say(ALICE, line);
        assert_eq!(relay.look(BOB), line);
        assert_eq!(relay.look(ALICE), "");
    }
}

#[test]
fn x_init_can_call_oneself() {
    let mut relay = two();
    assert_eq!(relay.ask(ALICE, "X_INIT alice 127.0.0.1 4000"), "X_INIT alice 127.0.0.1 4000\n");
}

#[test]
fn a_line_broken_across_reads_is_passed_on_whole() {
    let line = "X_INIT bob 127.0.0.1 4000\r\n";
    for cut in 1..line.len() {
        let mut relay = two();
        relay.say(ALICE, &line[..cut]);
        assert_eq!(relay.look(BOB), "", "nothing before the line is whole");
        relay.say(ALICE, &line[cut..]);
        assert_eq!(relay.look(BOB), line);
    }
}

#[test]
fn x_init_needs_a_nick_and_other_packets_do_not() {
    let mut relay = two();
    relay.connect(CAROL);
    assert_eq!(
        relay.ask(CAROL, "X_INIT bob 127.0.0.1 4000"),
        "X_ERR X_INIT expected X_NICK nick first\n"
    );
    assert_eq!(relay.ask(CAROL, "X_CAPS from"), "X_ERR X_CAPS expected X_NICK nick first\n");
    assert_eq!(relay.ask(CAROL, "X_WHO"), "X_WHO alice\nX_WHO bob\nX_WHO EOF\n");
    assert_eq!(relay.ask(CAROL, "X_ADDR"), "X_ADDR 127.0.0.1\n");
    assert_eq!(relay.ask(CAROL, "X_PING 7"), "X_PONG 7\n");
    assert_eq!(relay.look(BOB), "");
    relay.ask(CAROL, "X_END");
    assert_eq!(relay.closed(CAROL), Some(CloseReason::End));
}

#[test]
fn an_address_that_is_not_the_callers_is_refused() {
    let mut relay = two();
    relay.connect_from(CAROL, "[::ffff:9.9.9.9]:5000");
    relay.ask(CAROL, "X_NICK carol");
    for line in ["X_INIT bob 9.9.9.10 4000", "X_INIT bob 10.0.0.1 4000", "X_INIT bob ::1 4000"] {
        let answer = relay.ask(CAROL, line);
        assert!(
            answer.starts_with("X_ERR X_INIT refused: expected your own address 9.9.9.9"),
            "{answer}"
        );
    }
    let answer = relay.ask(CAROL, "X_INIT bob 0.0.0.0 4000");
    assert!(answer.starts_with("X_ERR X_INIT refused: "), "{answer}");
    assert_eq!(relay.look(BOB), "");
    relay.ask(CAROL, "X_INIT bob 9.9.9.9 4000");
    assert_eq!(relay.look(BOB), "X_INIT bob 9.9.9.9 4000\n");
}

#[test]
fn any_address_turns_the_check_off() {
    let mut relay = Relay::new(RelayLimits { any_address: true, ..RelayLimits::default() });
    relay.join(ALICE, "alice");
    assert_eq!(relay.ask(ALICE, "X_INIT alice 8.8.8.8 4000"), "X_INIT alice 8.8.8.8 4000\n");
}

#[test]
fn a_malformed_x_init_is_told_the_form() {
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
    assert_eq!(relay.look(BOB), "");
}

#[test]
fn who_calls_is_told_to_those_who_asked_for_it() {
    let mut relay = two();
    assert_eq!(relay.ask(BOB, "X_CAPS colour from sound"), "");
    relay.ask(ALICE, "X_INIT bob 127.0.0.1 4000");
    assert_eq!(relay.look(BOB), "X_FROM alice\nX_INIT bob 127.0.0.1 4000\n");
    relay.ask(ALICE, "X_CAPS colour");
    relay.ask(BOB, "X_INIT alice 127.0.0.1 4000");
    assert_eq!(relay.look(ALICE), "X_INIT alice 127.0.0.1 4000\n");
}

#[test]
fn nothing_else_of_a_clients_reaches_another() {
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
        assert_eq!(relay.look(BOB), "", "{line}");
    }
}

// X_WHO, X_ADDR, X_PING.

#[test]
fn a_long_list_of_nicks_comes_in_pieces_as_it_is_read() {
    let limits = RelayLimits { connections: 30_000, per_address: 30_000, ..RelayLimits::default() };
    let mut relay = Relay::new(limits);
    let nicks: Vec<String> = (0..20_000).map(|at| format!("n{at:05}")).collect();
    for (at, nick) in nicks.iter().enumerate() {
        relay.join(ConnId(100 + at as u64), nick);
    }
    relay.connect(ALICE);
    relay.sends = false;
    relay.say(ALICE, "X_WHO\nX_WHO\n");
    let mut whole = String::new();
    loop {
        let piece = relay.look(ALICE);
        if piece.is_empty() {
            break;
        }
        assert!(piece.len() < 17 << 10, "{} bytes at once", piece.len());
        whole.push_str(&piece);
        relay.handle(Input::Sent { conn: ALICE, bytes: piece.len() });
    }
    let list: String = nicks.iter().map(|nick| format!("X_WHO {nick}\n")).collect();
    assert_eq!(whole, format!("{list}X_WHO EOF\n{list}X_WHO EOF\n"));
}

#[test]
fn nicks_may_come_and_go_while_they_are_listed() {
    let mut relay = Relay::new(RelayLimits { per_address: 30_000, ..RelayLimits::default() });
    for at in 0..5000 {
        relay.join(ConnId(100 + at), &format!("n{at:05}"));
    }
    relay.connect(ALICE);
    relay.sends = false;
    relay.say(ALICE, "X_WHO\n");
    let first = relay.look(ALICE);
    for at in 0..4990 {
        relay.handle(Input::Closed { conn: ConnId(100 + at) });
    }
    relay.handle(Input::Sent { conn: ALICE, bytes: first.len() });
    let rest = relay.look(ALICE);
    assert!(rest.starts_with("X_WHO n04990\n") && rest.ends_with("X_WHO n04999\nX_WHO EOF\n"));
}

#[test]
fn x_addr_is_what_the_relay_sees() {
    for (from, ip) in [
        ("10.1.2.3:9", "10.1.2.3"),
        ("[::ffff:10.1.2.3]:9", "10.1.2.3"),
        ("[2a00::1]:9", "2a00::1"),
    ] {
        let mut relay = relay();
        relay.connect_from(ALICE, from);
        assert_eq!(relay.ask(ALICE, "X_ADDR"), format!("X_ADDR {ip}\n"));
    }
}

// Silence.

#[test]
fn a_silent_client_is_pinged_and_then_its_nick_is_free() {
    let mut relay = two();
    relay.wait(seconds(30));
    assert_eq!((relay.look(ALICE), relay.look(BOB)), ("X_PING 1\n".into(), "X_PING 2\n".into()));
    relay.ask(ALICE, "X_PONG 1");
    relay.wait(seconds(29));
    assert_eq!(relay.closed(BOB), None);
    relay.wait(seconds(1));
    assert_eq!(relay.closed(BOB), Some(CloseReason::Silent));
    assert_eq!(relay.closed(ALICE), None);
    relay.join(CAROL, "bob");
}

#[test]
fn who_speaks_is_not_pinged() {
    let mut relay = two();
    for _ in 0..100 {
        relay.wait(seconds(29));
        relay.ask(ALICE, "X_PING x");
        relay.say(BOB, "X");
    }
    assert_eq!((relay.look(ALICE), relay.look(BOB)), (String::new(), String::new()));
    assert_eq!((relay.closed(ALICE), relay.closed(BOB)), (None, None));
}

#[test]
fn an_idle_client_costs_one_tick_a_silence() {
    let mut relay = two();
    relay.handle(Input::Closed { conn: BOB });
    let mut ticks = 0;
    let end = relay.now + seconds(300);
    while let Some(at) = relay.registry.next_deadline().filter(|at| *at <= end) {
        relay.now = at;
        relay.handle(Input::Tick);
        if relay.look(ALICE).starts_with("X_PING") {
            relay.say(ALICE, "X_PONG 1\n");
        }
        ticks += 1;
        assert!(ticks <= 20, "ticks without end");
    }
    assert_eq!(relay.closed(ALICE), None);
}

#[test]
fn a_connection_without_a_nick_is_closed_in_time() {
    let mut relay = relay();
    relay.connect(ALICE);
    for _ in 0..59 {
        relay.wait(seconds(1));
        relay.ask(ALICE, "X_PING x");
    }
    assert_eq!(relay.closed(ALICE), None);
    relay.wait(seconds(1));
    assert_eq!(relay.closed(ALICE), Some(CloseReason::Nameless));
    assert_eq!(relay.look(ALICE), "X_ERR - expected X_NICK nick within 60s, got none\n");
}

// Faults.

#[test]
fn what_is_not_xcher_is_closed_at_its_first_line() {
    for (first, shown) in [
        ("GET / HTTP/1.1\r\n", r#""GET / HTTP/1.1""#),
        ("\n", r#""""#),
        ("SSH-2.0-OpenSSH\r\n", r#""SSH-2.0-OpenSSH""#),
        ("x_nick bob\n", r#""x_nick bob""#),
        (" X_NICK bob\n", r#"" X_NICK bob""#),
    ] {
        let mut relay = relay();
        relay.connect(ALICE);
        relay.say(ALICE, &format!("{first}X_NICK bob\n"));
        let expected = "X_ERR - expected an XCHER packet such as X_NICK nick, got ";
        assert_eq!(relay.look(ALICE), format!("{expected}{shown}\n"));
        assert_eq!(relay.closed(ALICE), Some(CloseReason::NotXcher));
    }
}

#[test]
fn binary_is_closed() {
    let mut relay = relay();
    relay.connect(ALICE);
    relay.handle(Input::Received { conn: ALICE, bytes: b"\x16\x03\x01\x02\x00\x01\xff\xfc" });
    assert!(relay.look(ALICE).starts_with("X_ERR - expected UTF-8, got"));
    assert_eq!(relay.closed(ALICE), Some(CloseReason::BadLine));
}

#[test]
fn a_line_too_long_is_closed() {
    let mut relay = two();
    relay.say(ALICE, &"X".repeat(8192));
    assert_eq!(
        relay.look(ALICE),
        "X_ERR - expected a line of at most 8192 bytes, got a longer one\n"
    );
    assert_eq!(relay.closed(ALICE), Some(CloseReason::BadLine));
}

#[test]
fn an_unknown_verb_is_told_so_and_the_sixteenth_fault_closes() {
    let mut relay = two();
    for _ in 0..15 {
        assert_eq!(relay.ask(ALICE, "X_DANCE now"), "X_ERR X_DANCE unknown verb\n");
    }
    assert_eq!(relay.closed(ALICE), None);
    assert_eq!(
        relay.ask(ALICE, "hello"),
        "X_ERR - expected an XCHER packet such as X_NICK nick, got \"hello\"\n\
         X_ERR - expected fewer than 16 faults\n"
    );
    assert_eq!(relay.closed(ALICE), Some(CloseReason::Faults));
}

#[test]
fn a_verb_that_could_act_on_a_terminal_is_not_repeated() {
    let mut relay = two();
    assert_eq!(relay.ask(ALICE, "X_\u{1b}[2J"), "X_ERR - unknown verb\n");
    assert_eq!(relay.ask(ALICE, &format!("X_{}", "A".repeat(99))), "X_ERR - unknown verb\n");
    let answer = relay.ask(ALICE, "X_INIT \u{1b}[2J 127.0.0.1 4000");
    assert_eq!(answer, "X_ERR X_INIT no such nick: \"\\u{1b}[2J\"\n");
}

#[test]
fn a_wrong_number_of_fields_is_told_the_form() {
    let mut relay = two();
    for (line, form) in [
        ("X_WHO bob", "X_WHO"),
        ("X_WHO EOF", "X_WHO"),
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
fn an_error_is_not_answered_with_an_error() {
    let mut relay = two();
    for _ in 0..100 {
        assert_eq!(relay.ask(ALICE, "X_ERR X_INIT what"), "");
    }
    assert_eq!(relay.closed(ALICE), None);
}

// Limits.

#[test]
fn there_are_no_more_connections_than_the_limit() {
    let mut relay = Relay::new(RelayLimits { connections: 2, ..RelayLimits::default() });
    relay.connect(ALICE);
    relay.connect(BOB);
    relay.connect(CAROL);
    assert_eq!(relay.look(CAROL), "X_ERR - expected at most 2 connections, got one more\n");
    assert_eq!(relay.closed(CAROL), Some(CloseReason::Full));
    relay.handle(Input::Closed { conn: ALICE });
    relay.join(ConnId(4), "dave");
}

#[test]
fn an_address_has_no_more_connections_than_the_limit() {
    let limits = || RelayLimits { per_address: 1, ..RelayLimits::default() };
    for (first, second, fits) in [
        ("10.0.0.1:1", "10.0.0.1:2", false),
        ("10.0.0.1:1", "[::ffff:10.0.0.1]:2", false),
        ("10.0.0.1:1", "10.0.0.2:2", true),
        ("[2a00:1:2:3::1]:1", "[2a00:1:2:3:9:9:9:9]:2", false),
        ("[2a00:1:2:3::1]:1", "[2a00:1:2:4::1]:2", true),
    ] {
        let mut relay = Relay::new(limits());
        relay.connect_from(ALICE, first);
        relay.connect_from(BOB, second);
        let reason = (!fits).then_some(CloseReason::AddressFull);
        assert_eq!(relay.closed(BOB), reason, "{first} and {second}");
        relay.handle(Input::Closed { conn: ALICE });
        relay.connect_from(CAROL, second);
        assert_eq!(relay.closed(CAROL).is_none(), !fits, "{first} and {second}");
    }
}

#[test]
fn asks_have_a_budget_that_comes_back() {
    let mut relay = Relay::new(RelayLimits { asks_per_minute: 60, ..RelayLimits::default() });
    relay.join(ALICE, "alice");
    for _ in 0..60 {
        assert_eq!(relay.ask(ALICE, "X_WHO"), "X_WHO alice\nX_WHO EOF\n");
    }
    for _ in 0..50 {
        assert_eq!(
            relay.ask(ALICE, "X_INIT alice 127.0.0.1 4000"),
            "X_ERR X_INIT expected at most 60 X_INIT and X_WHO a minute, got one more\n"
        );
    }
    relay.now += seconds(1);
    assert_eq!(relay.ask(ALICE, "X_WHO"), "X_WHO alice\nX_WHO EOF\n");
    assert!(relay.ask(ALICE, "X_WHO").starts_with("X_ERR"));
    assert_eq!(relay.closed(ALICE), None);
}

#[test]
fn a_client_that_does_not_read_is_closed_and_nobody_waits() {
    let mut relay = Relay::new(RelayLimits { unsent: 1000, ..RelayLimits::default() });
    relay.join(ALICE, "alice");
    relay.join(BOB, "bob");
    relay.sends = false;
    let line = "X_INIT bob 127.0.0.1 4000\n";
    for _ in 0..1000 / line.len() {
        relay.say(ALICE, line);
    }
    assert_eq!(relay.closed(BOB), None);
    relay.say(ALICE, line);
    assert_eq!(relay.closed(BOB), Some(CloseReason::Unread));
    assert_eq!(relay.look(ALICE), "X_ERR X_INIT bob does not read and is closed\n");
    assert_eq!(relay.ask(ALICE, "X_PING still"), "X_PONG still\n");
}

#[test]
fn a_client_that_reads_slowly_stays() {
    let mut relay = Relay::new(RelayLimits { unsent: 1000, ..RelayLimits::default() });
    relay.join(ALICE, "alice");
    relay.join(BOB, "bob");
    relay.sends = false;
    for _ in 0..10_000 {
        relay.say(ALICE, "X_INIT bob 127.0.0.1 4000\n");
        relay.handle(Input::Sent { conn: BOB, bytes: 26 });
    }
    assert_eq!(relay.closed(BOB), None);
}

#[test]
fn an_answer_that_is_not_read_closes_the_asker() {
    let mut relay = Relay::new(RelayLimits { unsent: 1000, ..RelayLimits::default() });
    relay.join(ALICE, "alice");
    relay.sends = false;
    relay.say(ALICE, &"X_PING 0123456789\n".repeat(1000));
    assert!(relay.look(ALICE).len() < 1100);
    assert_eq!(relay.closed(ALICE), Some(CloseReason::Unread));
}

// The end.

#[test]
fn stopping_says_x_end_to_all() {
    let mut relay = two();
    relay.connect(CAROL);
    relay.handle(Input::Stop);
    for conn in [ALICE, BOB, CAROL] {
        assert_eq!(relay.look(conn), "X_END\n");
        assert_eq!(relay.closed(conn), Some(CloseReason::Stopped));
    }
    relay.connect(ConnId(4));
    assert_eq!(relay.closed(ConnId(4)), Some(CloseReason::Stopped));
    assert_eq!((relay.registry.connections(), relay.registry.next_deadline()), (0, None));
}

#[test]
fn what_comes_for_a_closed_connection_does_nothing() {
    let mut relay = two();
    relay.ask(ALICE, "X_END");
    relay.say(ALICE, "X_INIT bob 127.0.0.1 4000\n");
    relay.handle(Input::Sent { conn: ALICE, bytes: 7 });
    relay.handle(Input::Closed { conn: ALICE });
    assert_eq!((relay.look(ALICE), relay.look(BOB)), (String::new(), String::new()));
}

// Any bytes.

/// Lines and pieces of lines that mean something to a relay, and some that do not.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&[u8]> = vec![
        b"X_NICK a\n",
        b"X_NICK b\r\n",
        b"X_INIT a 127.0.0.1 4000\n",
        b"X_INIT a ",
        b"X_INIT",
        b"X_INIT c 10.0.0.1 1\r\n",
        b"X_INIT a 8.8.8.8 9\n",
        b"127.0.0.1 4000\n",
        b"X_WHO\n",
        b"X_WHO EOF\n",
        b"X_ADDR\n",
        b"X_PING ",
        b"X_PONG x\n",
        b"X_CAPS from\n",
        b"X_ERR a b\n",
        b"X_FROM a\n",
        b"X_",
        b"\n",
        b"\r",
        b" ",
        b"\xc3",
        b"\xa5",
        b"\xff",
        b"GET / HTTP/1.1\n",
    ];
    let piece = prop_oneof![
        20 => prop::sample::select(known).prop_map(<[u8]>::to_vec),
        1 => Just(b"X_END\n".to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..20),
        1 => (8000usize..9000).prop_map(|length| vec![b'x'; length]),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// What became of three connections, the first of which said `bytes` in such pieces.
fn outcome(bytes: &[u8], cuts: &[usize]) -> (Vec<String>, BTreeMap<ConnId, CloseReason>) {
    let mut relay = Relay::new(RelayLimits { unsent: 4000, ..RelayLimits::default() });
    relay.sends = false;
    relay.connect(ALICE);
    relay.join(BOB, "a");
    relay.join(CAROL, "c");
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let mut from = 0;
    for to in cuts {
        relay.handle(Input::Received { conn: ALICE, bytes: &bytes[from..to] });
        from = to;
    }
    ([ALICE, BOB, CAROL].map(|conn| relay.look(conn)).into(), relay.closed)
}

proptest! {
    #[test]
    fn any_bytes_in_any_split_do_the_same(
        bytes in words(),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let whole = outcome(&bytes, &[]);
        prop_assert_eq!(&outcome(&bytes, &cuts), &whole);
        let others: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(&outcome(&bytes, &others), &whole);
        // Of a stranger's text only whole X_INITs reach others.
        for heard in &whole.0[1..] {
            for line in heard.lines() {
                prop_assert!(line.starts_with("X_INIT a ") || line.starts_with("X_INIT c "), "{line}");
            }
        }
    }

    #[test]
    fn any_bytes_at_any_time_do_not_panic(
        steps in prop::collection::vec((0u64..4, 0u8..8, words(), 0u64..40), 0..60),
    ) {
        let limits = RelayLimits { connections: 3, unsent: 500, ..RelayLimits::default() };
        let mut relay = Relay::new(limits);
        relay.sends = false;
        for (conn, kind, bytes, time) in steps {
            let conn = ConnId(conn);
            relay.closed.remove(&conn);
            match kind {
                0 | 1 => relay.connect(conn),
                2 => relay.handle(Input::Closed { conn }),
                3 => relay.handle(Input::Sent { conn, bytes: bytes.len() }),
                _ => relay.handle(Input::Received { conn, bytes: &bytes }),
            }
            relay.closed.clear();
            relay.wait(seconds(time));
            relay.closed.clear();
            let connections = relay.registry.connections();
            prop_assert!(connections <= 3);
            prop_assert_eq!(relay.registry.next_deadline().is_some(), connections > 0);
        }
    }
}
