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
