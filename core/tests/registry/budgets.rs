//! Budgets of an address, over any number of connections.

use super::*;

const TOO_MANY: &str = "too many calls to absent nicks from your address: the limit is 10";

fn call(relay: &mut Relay, conn: ConnId, nick: &str) -> String {
    relay.ask(conn, &format!("X_INIT {nick} 127.0.0.1 4000"))
}

#[test]
fn codes_cannot_be_found_by_calling_numbers() {
    let mut relay = two();
    relay.connect_from(ConnId(9), "10.0.0.9:1");
    assert_eq!(relay.ask(ConnId(9), "X_NICK 4009"), "X_NICK 4009 YES\n");
    let mut next = 40;
    let mut conn = ALICE;
    for number in 1000..1010 {
        let answer = call(&mut relay, conn, &number.to_string());
        assert_eq!(answer, format!("X_ERR X_INIT no such nick: {number}\n"));
        // Reconnecting does not restore the budget.
        relay.handle(Input::Closed { conn });
        next += 1;
        conn = ConnId(next);
        relay.register(conn, "alice");
    }
    for _ in 0..50 {
        let (there, not_there) = (call(&mut relay, conn, "4009"), call(&mut relay, conn, "1234"));
        assert!(there.contains(TOO_MANY), "{there}");
        assert_eq!(there, not_there);
    }
    assert!(call(&mut relay, conn, "nobody").contains(TOO_MANY));
    assert_eq!(relay.output(ConnId(9)), "");
    assert_eq!(call(&mut relay, conn, "bob"), "", "a listed nick can be called");
    // Another address has its own budget.
    relay.connect_from(ConnId(10), "127.0.0.2:1");
    assert_eq!(relay.ask(ConnId(10), "X_NICK dave"), "X_NICK dave YES\n");
    assert_eq!(relay.ask(ConnId(10), "X_INIT 4009 127.0.0.2 4000"), "");
    assert_eq!(relay.output(ConnId(9)), "X_INIT 4009 127.0.0.2 4000\n");
    // One attempt comes back each second.
    relay.now += seconds(1);
    assert_eq!(call(&mut relay, conn, "1234"), "X_ERR X_INIT no such nick: 1234\n");
    assert!(call(&mut relay, conn, "4009").contains(TOO_MANY));
    relay.now += seconds(1);
    assert_eq!(call(&mut relay, conn, "4009"), "");
}

#[test]
fn codes_cannot_be_found_by_registering_numbers() {
    let mut relay = relay();
    relay.connect_from(BOB, "10.0.0.9:1");
    assert_eq!(relay.ask(BOB, "X_NICK 4009"), "X_NICK 4009 YES\n");
    let mut answers = Vec::new();
    for at in 0..20 {
        let conn = ConnId(100 + at);
        relay.connect(conn);
        answers.push(relay.ask(conn, "X_NICK 4009"));
        relay.handle(Input::Closed { conn });
    }
    assert!(answers[..10].iter().all(|answer| answer == "X_NICK 4009 NO\n"), "{answers:?}");
    assert!(answers[10..].iter().all(|answer| answer.contains(TOO_MANY)), "{answers:?}");
    relay.register(ALICE, "alice");
}

#[test]
fn nicks_of_digits_are_not_listed() {
    let mut relay = relay();
    for (at, nick) in ["4009", "4009a", "7"].into_iter().enumerate() {
        relay.register(ConnId(100 + at as u64), nick);
    }
    assert_eq!(relay.ask(ConnId(100), "X_WHO"), "X_WHO 4009a\nX_WHO EOF\n");
}

#[test]
fn listings_cost_their_bytes() {
    let limits = RelayLimits { answer_bytes_per_minute: 7000, ..RelayLimits::default() };
    let mut relay = Relay::new(RelayLimits { per_address: 3000, ..limits });
    for at in 0..100 {
        relay.connect_from(ConnId(100 + at), "10.0.0.9:1");
        relay.ask(ConnId(100 + at), &format!("X_NICK {at:020}x"));
    }
    // A list has 100 lines of 28 bytes, and an answer costs 256 bytes more: the third is too many.
    relay.register(ALICE, "alice");
    let first = relay.ask(ALICE, "X_WHO");
    assert!(first.ends_with("X_WHO EOF\n") && first.len() > 2800);
    relay.register(BOB, "bob");
    assert!(relay.ask(BOB, "X_WHO").starts_with("X_WHO "));
    let more = relay.ask(ALICE, "X_WHO");
    assert!(
        more.starts_with("X_ERR X_WHO too many answers to your address: the limit is 7000 bytes"),
        "{more}"
    );
    relay.connect_from(CAROL, "10.0.0.8:1");
    assert!(relay.ask(CAROL, "X_WHO").starts_with("X_WHO "), "another address has its own budget");
}

#[test]
fn pings_and_addresses_have_a_budget() {
    for line in ["X_PING 7\n", "X_ADDR\n"] {
        let mut relay = two();
        let mut answered = 0;
        for _ in 0..200 {
            relay.send(ALICE, &line.repeat(1000));
            answered += relay.output(ALICE).lines().filter(|line| !line.contains("ERR")).count();
        }
        assert!((100_000..150_000).contains(&answered), "{answered} of {line}");
        assert_eq!(relay.closed(ALICE), Some(CloseReason::TooManyErrors));
    }
}
