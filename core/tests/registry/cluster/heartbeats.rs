//! Relays know of each other (section 23.6).

use super::super::ALICE;
use super::*;

#[test]
fn relays_count_those_that_they_hear() {
    let mut network = Network::new(3);
    network.register(TWO, ALICE, "alice");
    network.wait(seconds(6));
    for at in [ONE, TWO, THREE] {
        let state = network.state(at);
        assert!(state.is_connected && state.relays == 2 && !state.has_other_key, "{state:?}");
        assert_eq!(state.nicks, u64::from(at != TWO));
    }
    network.kill(THREE);
    network.wait(seconds(9));
    assert_eq!(network.state(ONE).relays, 2);
    network.wait(seconds(7));
    assert_eq!(network.state(ONE).relays, 1);
    network.input(TWO, Input::Stop);
    assert_eq!(network.state(ONE).relays, 0);
    network.lose_bus(ONE);
    assert!(!network.state(ONE).is_connected);
}

#[test]
fn another_key_is_noticed() {
    let mut network = Network::new(1);
    let config = ClusterConfig { relay: RelayId([9; 8]), epoch: network.epoch, site: None };
    let registry = Registry::new(RelayLimits::default(), [8; 32])
        .with_identity(Identity::new([8; 32]))
        .with_cluster(config);
    network.relays.push(Relay { registry, now: network.now, ..Relay::new(RelayLimits::default()) });
    network.connected.push(false);
    network.subscriptions.push(BTreeSet::new());
    network.connect_bus(TWO);
    assert!(network.state(ONE).has_other_key);
}

#[test]
fn a_relay_outside_a_cluster_knows_none() {
    let registry = Registry::new(RelayLimits::default(), [8; 32]);
    assert_eq!(registry.cluster_state(seconds(1)), None);
}

#[test]
fn an_overtaken_greeting_is_no_gap_and_a_lost_heartbeat_is() {
    let mut network = Network::new(1);
    network.wait(seconds(30));
    let other = RelayId([7; 8]);
    for (number, is_gap) in [(9, true), (10, false), (9, false), (11, false), (13, true)] {
        network.register(ONE, ConnId(number), &format!("host-{number}-{is_gap}"));
        // It is claimed again by now.
        network.wait(seconds(5));
        network.hold();
        let bytes = format!("X_RELAY {other} {number} stay 1 - -");
        network.input(ONE, Input::Published { bytes: bytes.as_bytes() });
        let claims = |(_, action): &&(usize, Action)| matches!(action, Action::Request { .. });
        assert_eq!(network.held.iter().filter(claims).count() > 0, is_gap, "{number}");
        network.release();
        network.input(ONE, Input::Closed { conn: ConnId(number) });
    }
}
