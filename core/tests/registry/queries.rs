//! X_WHO, X_ADDR, X_PING.

use super::*;

#[test]
fn long_list_of_nicks_is_sent_in_pieces() {
    let limits = RelayLimits { connections: 30_000, per_address: 30_000, ..RelayLimits::default() };
    let mut relay = Relay::new(limits);
    let nicks: Vec<String> = (0..20_000).map(|at| format!("n{at:05}")).collect();
    for (at, nick) in nicks.iter().enumerate() {
        relay.register(ConnId(100 + at as u64), nick);
    }
    relay.connect(ALICE);
    relay.sends_at_once = false;
    relay.send(ALICE, "X_WHO\nX_WHO\n");
    let mut whole = String::new();
    loop {
        let piece = relay.output(ALICE);
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
fn nicks_may_change_while_they_are_listed() {
    let mut relay = Relay::new(RelayLimits { per_address: 30_000, ..RelayLimits::default() });
    for at in 0..5000 {
        relay.register(ConnId(100 + at), &format!("n{at:05}"));
    }
    relay.connect(ALICE);
    relay.sends_at_once = false;
    relay.send(ALICE, "X_WHO\n");
    let first = relay.output(ALICE);
    for at in 0..4990 {
        relay.handle(Input::Closed { conn: ConnId(100 + at) });
    }
    relay.handle(Input::Sent { conn: ALICE, bytes: first.len() });
    let rest = relay.output(ALICE);
    assert!(rest.starts_with("X_WHO n04990\n") && rest.ends_with("X_WHO n04999\nX_WHO EOF\n"));
}

#[test]
fn addr_is_the_address_that_the_relay_sees() {
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
