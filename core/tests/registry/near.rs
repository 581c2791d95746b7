//! Hosts behind one NAT (section 5.7).

use super::*;

const NAT: &str = "11.0.0.2";
const ALL: &str = "from ticket near";

/// Alice and Bob at these addresses, with these words.
fn two([alice, bob]: [(&str, &str); 2], limits: RelayLimits) -> Relay {
    let mut relay = Relay::new(limits);
    for (conn, nick, (from, words)) in [(ALICE, "alice", alice), (BOB, "bob", bob)] {
        relay.connect_from(
            conn,
            &std::net::SocketAddr::new(from.parse().unwrap(), 5000).to_string(),
        );
        relay.ask(conn, &format!("X_NICK {nick}"));
        relay.ask(conn, &format!("X_CAPS {words}"));
    }
    relay
}

fn neighbours() -> Relay {
    two([(NAT, ALL), (NAT, ALL)], RelayLimits::default())
}

/// Returns the verbs of these lines.
fn verbs(lines: &str) -> Vec<&str> {
    lines.lines().map(|line| line.split(' ').next().unwrap()).collect()
}

#[test]
fn both_learn_that_they_are_behind_one_nat() {
    let mut relay = neighbours();
    let answer = relay.ask(ALICE, "X_INIT bob 11.0.0.2 40000");
    assert_eq!(verbs(&answer), ["X_NEAR", "X_TICKET"], "{answer}");
    assert_eq!(verbs(&relay.output(BOB)), ["X_FROM", "X_TICKET", "X_INIT"]);
    let answer = relay.ask(ALICE, "X_INIT bob 192.168.1.2 40001\r");
    let ticket = answer.strip_prefix("X_TICKET bob 192.168.1.2 40001 ").unwrap();
    assert_eq!(
        relay.output(BOB),
        format!("X_FROM alice\nX_NEAR\nX_TICKET {ticket}X_INIT bob 192.168.1.2 40001\r\n")
    );
}

#[test]
fn addresses_that_are_not_private_ipv4_are_refused_as_ever() {
    let mut relay = neighbours();
    for at in [
        "127.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "11.0.0.3",
        "fd00::1",
        "fe80::1",
        "::1",
        "::ffff:192.168.1.2",
    ] {
        let answer = relay.ask(ALICE, &format!("X_INIT bob {at} 40000"));
        assert!(answer.starts_with("X_ERR X_INIT refused: "), "{answer}");
        assert_eq!(relay.output(BOB), "");
    }
    let answer = relay.ask(ALICE, "X_INIT bob 192.168.1.2 1023");
    assert!(answer.starts_with("X_ERR X_INIT refused: "), "{answer}");
}

#[test]
fn other_hosts_are_not_near() {
    for (alice, bob) in [
        // Another address.
        ((NAT, ALL), ("11.0.0.3", ALL)),
        // One of them does not know X_NEAR, tickets or X_FROM.
        ((NAT, ALL), (NAT, "from ticket")),
        ((NAT, ALL), (NAT, "from near")),
        ((NAT, ALL), (NAT, "ticket near")),
        ((NAT, ALL), (NAT, "")),
        ((NAT, "from ticket"), (NAT, ALL)),
        ((NAT, ""), (NAT, ALL)),
        // No NAT is there.
        (("2a00::1", ALL), ("2a00::1", ALL)),
    ] {
        let mut relay = two([alice, bob], RelayLimits::default());
        let own = relay.ask(ALICE, &format!("X_INIT bob {} 40000", alice.0));
        assert!(!own.contains("X_NEAR"), "{own}");
        assert!(!relay.output(BOB).contains("X_NEAR"));
        assert_eq!(
            relay.ask(ALICE, "X_INIT bob 192.168.1.2 40000"),
            format!(
                "X_ERR X_INIT refused: 192.168.1.2 is not your address; the relay sees you at {}\n",
                alice.0
            )
        );
        assert_eq!(relay.output(BOB), "");
    }
}

#[test]
fn relay_on_a_private_network_or_this_host_names_no_neighbours() {
    for from in ["192.168.1.1", "127.0.0.1", "100.64.0.1"] {
        let mut relay = two([(from, ALL), (from, ALL)], RelayLimits::default());
        for at in [from, "192.168.1.2"] {
            let answer = relay.ask(ALICE, &format!("X_INIT bob {at} 40000"));
            assert_eq!(verbs(&answer), ["X_TICKET"], "{answer}");
            assert_eq!(verbs(&relay.output(BOB)), ["X_FROM", "X_TICKET", "X_INIT"]);
        }
    }
}

#[test]
fn any_address_makes_no_neighbours() {
    let limits = RelayLimits { any_address: true, ..RelayLimits::default() };
    let mut relay = two([(NAT, ALL), ("11.0.0.3", ALL)], limits);
    relay.ask(ALICE, "X_INIT bob 192.168.1.2 40000");
    assert_eq!(verbs(&relay.output(BOB)), ["X_FROM", "X_TICKET", "X_INIT"]);
}

/// A bridge does not dial an inner address for its client.
#[test]
fn bridge_of_the_callee_gets_no_report() {
    let mut relay = neighbours();
    relay.handle(Input::Bridged { conn: BOB });
    relay.handle(Input::Bridged { conn: ALICE });
    relay.ask(ALICE, "X_INIT bob 192.168.1.2 40000");
    assert!(relay.output(BOB).contains("X_NEAR\n"));
    assert_eq!(relay.reports, []);
}

/// The answer to a near address reveals if a code exists, so it costs a guess.
#[test]
fn codes_cannot_be_found_by_near_addresses() {
    let mut relay = neighbours();
    relay.connect_from(CAROL, &format!("{NAT}:5001"));
    relay.ask(CAROL, "X_NICK 4821");
    relay.ask(CAROL, &format!("X_CAPS {ALL}"));
    relay.wait(seconds(20));
    for number in 1000..1010 {
        relay.ask(ALICE, &format!("X_INIT {number} 192.168.1.2 40000"));
    }
    let answer = relay.ask(ALICE, "X_INIT 4821 192.168.1.2 40000");
    assert!(answer.contains("is not your address"), "{answer}");
    assert_eq!(relay.output(CAROL), "");
    relay.wait(seconds(1));
    relay.ask(ALICE, "X_INIT 4821 192.168.1.2 40000");
    assert_eq!(verbs(&relay.output(CAROL)), ["X_FROM", "X_NEAR", "X_TICKET", "X_INIT"]);
}

#[test]
fn absent_nick_is_refused_as_ever() {
    let mut relay = neighbours();
    for _ in 0..100 {
        assert_eq!(
            relay.ask(ALICE, "X_INIT ben 192.168.1.2 40000"),
            "X_ERR X_INIT refused: 192.168.1.2 is not your address; the relay sees you at 11.0.0.2\n"
        );
    }
}
