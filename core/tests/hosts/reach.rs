//! The paths that hosts try, in which order and when (section 10.4).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xcher_core::peer::{CallPolicy, Config, Error, Event, Path, PathPolicy, Purpose};

use crate::net::{BRIDGE, Fate, Net, encryption, ip, name};

const FILE: &[u8] = b"a file";

fn net_with(config: Config) -> Net {
    let hosts = vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))];
    let mut net = Net::with_config(hosts, &config);
    net.run();
    net.hosts[0].files.insert("x".into(), FILE.into());
    net.hosts[1].files.insert("y".into(), FILE.into());
    net
}

/// Two hosts with ports of their own and a bridge.
fn net() -> Net {
    net_with(Config { via: PathPolicy::Auto, ..Config::default() })
}

fn is_allocated(to: SocketAddr) -> bool {
    to.ip() == IpAddr::from(BRIDGE)
}

/// The addresses that the caller named, with milliseconds since the first X_INIT.
fn inits(net: &Net) -> Vec<(IpAddr, u128)> {
    let first = net.inits.first().map_or(Duration::ZERO, |(at, _)| *at);
    net.inits.iter().map(|(at, to)| (to.ip(), (*at - first).as_millis())).collect()
}

/// Sends a file each way, after which no listener is left.
fn exchanges(net: &mut Net) {
    let ([(a, _), (b, _)], size) = ([0, 1].map(|host| net.opened(host).unwrap()), FILE.len());
    net.get(0, a, "y", size as u64);
    net.get(1, b, "x", size as u64);
    assert_eq!(net.hosts[0].stored["y"], FILE);
    assert_eq!(net.hosts[1].stored["x"], FILE);
    assert!(net.listeners.is_empty(), "a listener is left");
}

#[test]
fn direct_path_is_tried_first_and_alone() {
    let mut net = net();
    net.call(0, "b");
    assert_eq!([net.paths(0), net.paths(1)], [[Path::Direct], [Path::Direct]]);
    net.wait(5);
    assert_eq!(inits(&net), [(ip(0), 0)]);
    net.fate = |_, to, path| {
        assert!(
            path == Path::Direct && !is_allocated(to),
            "data takes the path of the control connection"
        );
        Fate::Connected
    };
    exchanges(&mut net);
}

#[test]
fn bridge_is_tried_when_no_connection_comes() {
    for (fate, after) in [
        // B's network allows connections to the bridge only, which cannot reach A.
        (
            (|_, to, path| match (is_allocated(to), path) {
                (true, Path::Bridge) => Fate::Connected,
                _ => Fate::Lost,
            }) as fn(usize, SocketAddr, Path) -> Fate,
            1000 + 750,
        ),
        // A is behind NAT.
        (|_, to, _| if is_allocated(to) { Fate::Connected } else { Fate::Refused }, 1000),
        (|_, to, _| if is_allocated(to) { Fate::Connected } else { Fate::Lost }, 1000),
    ] {
        let mut net = net();
        net.fate = fate;
        net.call(0, "b");
        for at in (0..3000).step_by(50) {
            assert_eq!(!net.paths(0).is_empty(), at >= after, "after {at} ms");
            net.wait_ms(50);
        }
        assert_eq!([net.paths(0), net.paths(1)], [[Path::Bridge], [Path::Bridge]]);
        assert_eq!(inits(&net), [(ip(0), 0), (BRIDGE.into(), 1000)]);
        assert!(net.listeners.is_empty(), "the other listener is left");
        assert_eq!([net.errors(0), net.errors(1)], [[], []], "one session for each");
        exchanges(&mut net);
    }
}

#[test]
fn bridge_dials_when_the_callee_cannot() {
    for lost in [true, false] {
        let mut net = net();
        let fates: [fn(usize, SocketAddr, Path) -> Fate; 2] = [
            |host, _, path| match (host, path) {
                (1, Path::Direct) => Fate::Refused,
                _ => Fate::Connected,
            },
            |host, _, path| match (host, path) {
                (1, Path::Direct) => Fate::Lost,
                _ => Fate::Connected,
            },
        ];
        net.fate = fates[usize::from(lost)];
        net.call(0, "b");
        assert_eq!(net.paths(1).is_empty(), lost);
        net.wait_ms(if lost { 750 } else { 0 });
        // A's own end is direct, but it knows of the bridge at the other.
        assert_eq!([net.paths(0), net.paths(1)], [[Path::Bridge], [Path::Bridge]]);
        assert_eq!(inits(&net), [(ip(0), 0)]);
        exchanges(&mut net);
    }
}

#[test]
fn unencrypted_sides_know_their_own_end_only() {
    let config = Config { via: PathPolicy::Auto, ..Config::default() };
    let mut net = Net::with_config(vec![("a", None), ("b", None)], &config);
    net.run();
    net.fate = |_, to, _| if is_allocated(to) { Fate::Connected } else { Fate::Lost };
    let a = net.call(0, "b");
    net.with(0, |peer, now, actions| peer.list(a, now, actions)).unwrap();
    net.wait_ms(1000);
    assert_eq!([net.paths(0), net.paths(1)], [[Path::Bridge], [Path::Direct]]);
}

#[test]
fn unusable_address_is_not_tried() {
    let other = Some("203.0.113.1".parse().unwrap());
    let mut net = net_with(Config { via: PathPolicy::Auto, advertise: other, ..Config::default() });
    net.call(0, "b");
    assert_eq!(inits(&net), [(BRIDGE.into(), 0)], "an address that no host can have");
    assert_eq!(net.paths(0), [Path::Bridge]);
    exchanges(&mut net);
}

#[test]
fn host_uses_only_the_configured_path() {
    for path in [Path::Direct, Path::Bridge] {
        let mut net = net_with(Config { via: PathPolicy::Only(path), ..Config::default() });
        net.call(0, "b");
        net.wait(5);
        let at = if path == Path::Bridge { BRIDGE.into() } else { ip(0) };
        assert_eq!(inits(&net), [(at, 0)]);
        assert_eq!([net.paths(0), net.paths(1)], [[path], [path]]);
        exchanges(&mut net);
    }
}

#[test]
fn user_is_asked_once_and_may_answer_late() {
    let fates: [fn(usize, SocketAddr, Path) -> Fate; 2] = [
        |_, _, _| Fate::Connected,
        |_, to, _| if is_allocated(to) { Fate::Connected } else { Fate::Refused },
    ];
    for (fate, path) in fates.into_iter().zip([Path::Direct, Path::Bridge]) {
        let mut net =
            net_with(Config { via: PathPolicy::Auto, calls: CallPolicy::Ask, ..Config::default() });
        net.fate = fate;
        net.call(0, "b");
        net.wait_ms(1000);
        net.wait(10);
        assert_eq!(inits(&net).len(), 2);
        let call = |event: &Event| match event {
            Event::Call { session, .. } => Some(*session),
            _ => None,
        };
        let calls: Vec<_> = net.hosts[1].events.iter().filter_map(call).collect();
        assert_eq!(calls.len(), 1);
        net.with(1, |peer, now, actions| peer.accept(calls[0], now, actions)).unwrap();
        assert_eq!([net.paths(0), net.paths(1)], [[path], [path]]);
        exchanges(&mut net);
    }
}

#[test]
fn one_refusal_covers_both_addresses() {
    let mut net =
        net_with(Config { via: PathPolicy::Auto, calls: CallPolicy::Ask, ..Config::default() });
    net.call(0, "b");
    net.wait_ms(1000);
    let Some(Event::Call { session, .. }) = net.hosts[1].events.last().cloned() else {
        panic!("expected a call, got {:?}", net.hosts[1].events);
    };
    net.with(1, |peer, now, actions| peer.reject(session, now, actions)).unwrap();
    assert_eq!(net.errors(1), [Error::Declined]);
    assert!(!net.hosts[1].peer.is_busy());
    net.wait(30);
    assert!(matches!(net.errors(0)[..], [Error::TimedOut { .. }]));
    assert!(net.listeners.is_empty() && !net.hosts[0].peer.is_busy());
}

#[test]
fn outsider_does_not_delay_the_bridge() {
    for speaks in [true, false] {
        let mut net = net();
        net.fate = |_, to, _| if is_allocated(to) { Fate::Connected } else { Fate::Lost };
        let session = net.call(0, "b");
        net.with(0, |peer, now, actions| peer.list(session, now, actions)).unwrap();
        let listener = net.listeners.first_key_value().unwrap().0.1;
        let outsider = net.outsider(0, listener);
        if speaks {
            net.wait_ms(1000);
            assert_eq!(inits(&net).len(), 1, "the silent connection may be the peer");
            net.begin(0, |peer, now, actions| {
                let bytes = b"GET / HTTP/1.1\r\n";
                let came = xcher_core::peer::Input::Received { conn: outsider, bytes };
                peer.handle(came, now, actions);
            });
            net.run();
        } else {
            net.wait_ms(1000);
            net.wait_ms(2000);
        }
        assert_eq!(inits(&net).len(), 2);
        // A silent connection is dropped for the next one.
        net.wait(if speaks { 0 } else { 5 });
        let listed = |event: &Event| matches!(event, Event::ListEnd { .. });
        assert!(net.hosts[0].events.iter().any(listed), "{:?}", net.hosts[0].events);
        assert_eq!(net.paths(0), [Path::Bridge], "the outsider was reported as the peer");
    }
}

#[test]
fn refused_init_moves_to_the_bridge_at_once() {
    let mut net = net();
    net.refusals.push_back("refused: 10.0.0.1 is not your address; the relay sees you at 10.0.0.9");
    net.call(0, "b");
    assert_eq!(inits(&net), [(BRIDGE.into(), 0)]);
    assert_eq!(net.paths(0), [Path::Bridge]);
    // A nick that is not online is not retried through the bridge.
    let mut net = self::net();
    net.refusals.push_back("no such nick: b");
    net.call(0, "b");
    assert!(matches!(net.errors(0)[..], [Error::Relay(_)]));
    // The relay refuses both.
    let mut net = self::net();
    net.refusals.extend(["refused: one", "refused: two"]);
    net.call(0, "b");
    assert_eq!(net.errors(0), [Error::Relay("refused: two".into())]);
    assert!(net.listeners.is_empty());
}

#[test]
fn unreachable_on_every_path_is_one_error() {
    let mut net = net();
    net.fate = |_, _, _| Fate::Refused;
    net.call(0, "b");
    net.wait_ms(1000);
    net.wait(30);
    assert!(matches!(net.errors(0)[..], [Error::TimedOut { .. }]));
    assert_eq!(net.errors(1), [Error::Unreachable("refused".into())]);
    for host in &net.hosts {
        assert!(!host.peer.is_busy());
    }
    assert!(net.listeners.is_empty());
}

#[test]
fn two_calls_make_two_sessions() {
    let mut net = net_with(Config { calls: CallPolicy::Ask, ..Config::default() });
    for _ in 0..2 {
        net.call(0, "b");
    }
    let Some(Event::Call { session, .. }) = net.hosts[1].events.last().cloned() else {
        panic!("expected a call, got {:?}", net.hosts[1].events);
    };
    net.with(1, |peer, now, actions| peer.accept(session, now, actions)).unwrap();
    assert_eq!([net.paths(0).len(), net.paths(1).len()], [2, 2]);
}

#[test]
fn data_listener_is_allocated_by_the_bridge() {
    let mut net = net();
    net.fate = |_, to, path| match (is_allocated(to), path) {
        (true, Path::Bridge) => Fate::Connected,
        _ => Fate::Refused,
    };
    net.call(0, "b");
    net.wait_ms(1000);
    net.wait_ms(750);
    assert_eq!(net.paths(0), [Path::Bridge]);
    let (session, _) = net.opened(1).unwrap();
    let (size, stat) = (xcher_core::Size::Exact(6), xcher_core::Stat::default());
    net.begin(1, |peer, now, actions| {
        peer.get(session, name("x"), size, stat, now, actions).unwrap();
    });
    net.run_until(|net| net.listeners.values().any(|(_, to)| *to == Purpose::Data).then_some(()));
    net.run();
    assert_eq!(net.hosts[1].stored["x"], FILE);
}
