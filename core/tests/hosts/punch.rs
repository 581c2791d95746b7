//! Hosts behind different NATs that connect by hole punching (section 5.8).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xcher_core::peer::{CallPolicy, Config, Event, Path, PathPolicy, SessionId};
use xcher_core::{Limits, Nick};

use crate::net::{BRIDGE, Fate, Net, encryption};

fn config(via: PathPolicy) -> Config {
    Config { punch: true, via, ..Config::default() }
}

fn net_with(config: &Config) -> Net {
    let hosts = vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))];
    let mut net = Net::behind_nats(hosts, config);
    net.run();
    net.hosts[1].files.insert("y".into(), b"of b".into());
    net.fate = LOSES;
    net
}

/// NATs that drop what comes from outside, or refuse it; links and the ports of the bridge work.
const LOSES: fn(usize, SocketAddr, Path) -> Fate = |_, to, path| match path {
    Path::Punched => Fate::Connected,
    Path::Direct | Path::Bridge if to.ip() != IpAddr::from(BRIDGE) => Fate::Lost,
    Path::Direct | Path::Bridge => Fate::Connected,
};
const REFUSES: fn(usize, SocketAddr, Path) -> Fate = |host, to, path| match LOSES(host, to, path) {
    Fate::Lost => Fate::Refused,
    fate => fate,
};
/// No bridge either.
const ALL_LOST: fn(usize, SocketAddr, Path) -> Fate = |_, _, _| Fate::Lost;

/// The call about which the callee's user is asked.
fn call_of_callee(net: &Net) -> SessionId {
    let call = |event: &Event| match event {
        Event::Call { session, .. } => Some(*session),
        _ => None,
    };
    net.hosts[1].events.iter().find_map(call).unwrap()
}

#[track_caller]
fn nothing_is_left(net: &Net) {
    assert_eq!((net.listeners.len(), net.meeting.open()), (0, 0), "listeners and rendezvous");
}

#[test]
fn hosts_behind_nats_connect_before_the_bridge() {
    for via in [PathPolicy::Auto, PathPolicy::default()] {
        for fate in [LOSES, REFUSES] {
            let mut net = net_with(&config(via));
            net.fate = fate;
            let session = net.call(0, "b");
            net.wait_ms(499);
            assert_eq!(net.meeting.asked, 0);
            net.wait_ms(1);
            assert_eq!([net.paths(0), net.paths(1)], [[Path::Punched], [Path::Punched]]);
            assert_eq!((net.meeting.asked, net.inits.len()), (1, 1));
            nothing_is_left(&net);
            let ticket = net.drawn.last().unwrap();
            assert!(net.hosts[1].written.starts_with(format!("X_TICKET {ticket}\n").as_bytes()));
            net.get(0, session, "y", 4);
            assert_eq!(net.hosts[0].stored["y"], b"of b");
            nothing_is_left(&net);
            assert_eq!((net.errors(0), net.errors(1)), (vec![], vec![]));
        }
    }
}

#[test]
fn files_go_both_ways_over_a_link() {
    let mut net = net_with(&config(PathPolicy::Auto));
    net.hosts[0].files.insert("x".into(), b"of a".into());
    let session = net.call(0, "b");
    net.wait_ms(500);
    net.get(0, session, "y", 4);
    let (there, _) = net.opened(1).unwrap();
    net.get(1, there, "x", 4);
    assert_eq!(
        (&net.hosts[0].stored["y"], &net.hosts[1].stored["x"]),
        (&b"of b".to_vec(), &b"of a".to_vec())
    );
}

#[test]
fn a_direct_connection_needs_no_rendezvous() {
    let mut net = net_with(&config(PathPolicy::Auto));
    net.fate = |_, _, _| Fate::Connected;
    net.call(0, "b");
    net.wait(5);
    assert_eq!((net.paths(0), net.meeting.asked), (vec![Path::Direct], 0));
}

#[test]
fn the_bridge_is_not_delayed() {
    let mut net = net_with(&config(PathPolicy::Auto));
    net.meeting.is_lost = true;
    net.call(0, "b");
    net.wait_ms(500);
    assert_eq!(net.meeting.asked, 1);
    net.wait_ms(499);
    assert_eq!(net.paths(0), []);
    net.wait_ms(1);
    assert_eq!([net.paths(0), net.paths(1)], [[Path::Bridge], [Path::Bridge]]);
    nothing_is_left(&net);
    assert_eq!((net.errors(0), net.errors(1)), (vec![], vec![]));
}

/// Without a bridge, a failed attempt ends in the error of any call.
#[test]
fn failed_hole_punching_leaves_nothing() {
    let mut net = net_with(&config(PathPolicy::default()));
    (net.fate, net.meeting.is_lost) = (ALL_LOST, true);
    net.call(0, "b");
    net.wait_ms(500);
    assert_eq!(net.meeting.open(), 2);
    net.wait(10);
    assert_eq!(net.meeting.open(), 0);
    net.wait(30);
    assert_eq!((net.errors(0).len(), net.errors(1).len()), (1, 1));
    nothing_is_left(&net);
}

#[test]
fn the_callee_waits_for_its_user() {
    let mut net = net_with(&Config { calls: CallPolicy::Ask, ..config(PathPolicy::default()) });
    net.call(0, "b");
    net.wait(5);
    let call = call_of_callee(&net);
    assert_eq!((net.meeting.asked, net.meeting.open(), net.meeting.links), (1, 1, 0));
    net.with(1, |peer, now, actions| peer.accept(call, now, actions)).unwrap();
    assert_eq!([net.paths(0), net.paths(1)], [[Path::Punched], [Path::Punched]]);
    nothing_is_left(&net);
}

#[test]
fn a_rejected_call_opens_no_rendezvous() {
    let mut net = net_with(&Config { calls: CallPolicy::Ask, ..config(PathPolicy::default()) });
    net.call(0, "b");
    net.wait(1);
    let call = call_of_callee(&net);
    net.with(1, |peer, now, actions| peer.reject(call, now, actions)).unwrap();
    assert_eq!((net.meeting.open(), net.meeting.links), (0, 0), "the caller knows");
    nothing_is_left(&net);
}

/// One side names no `meet`: it is never invited, and the call goes on as before.
#[test]
fn a_host_that_does_not_know_it_is_not_invited() {
    for (caller, callee) in [(true, false), (false, true)] {
        let mut net = net_with(&config(PathPolicy::Auto));
        for (host, punch) in [(0, caller), (1, callee)] {
            if !punch {
                net.meeting.forget(host);
            }
        }
        net.call(0, "b");
        net.wait_ms(1000);
        assert_eq!(net.paths(0), [Path::Bridge], "{caller} {callee}");
        assert_eq!(net.meeting.links, 0);
        nothing_is_left(&net);
        assert_eq!((net.errors(0), net.errors(1)), (vec![], vec![]));
    }
}

/// Nothing that section 6 forbids to dial is dialled, whatever the relay tells.
#[test]
fn a_relay_that_names_third_parties_is_not_believed() {
    for at in
        ["127.0.0.1:9000", "10.0.0.9:22", "224.0.0.1:9000", "169.254.169.254:8080", "0.0.0.0:9000"]
    {
        let mut net = net_with(&config(PathPolicy::Auto));
        net.meeting.tells = Some(at.parse().unwrap());
        net.call(0, "b");
        net.wait_ms(500);
        assert_eq!(net.meeting.attempts(), 0, "{at}");
        net.wait_ms(500);
        assert_eq!(net.paths(0), [Path::Bridge], "{at}");
        nothing_is_left(&net);
    }
}

/// Invitations that belong to no call are ignored; so are lines that are out of order on a rendezvous.
#[test]
fn unexpected_packets_of_the_relay_change_nothing() {
    let mut net = net_with(&config(PathPolicy::Auto));
    let invitation = "AAAAAAAAAAAAAAAAAAAAAA==";
    for lines in [
        format!("X_MEET {invitation} 9247\n"),
        format!("X_FROM a\nX_MEET {invitation} 9247\n"),
        format!("X_MEET b {invitation} 9247\n"),
        format!("X_MEET 10.0.0.2 9000 {invitation}\n"),
        "X_MEET b\nX_MEET b - 9247\nX_ERR X_MEET refused: no\n".to_owned(),
    ] {
        net.relay_says(0, &lines);
        net.relay_says(1, &lines);
    }
    net.wait(1);
    nothing_is_left(&net);
    net.call(0, "b");
    for _ in 0..3 {
        net.relay_says(1, &format!("X_FROM a\nX_MEET {invitation} 9247\n"));
    }
    assert_eq!(net.listeners.len(), 2, "one rendezvous");
}

/// A stranger at the port of a rendezvous is not taken for the peer.
#[test]
fn a_stranger_at_the_port_of_a_rendezvous_is_turned_away() {
    let mut net = net_with(&config(PathPolicy::default()));
    net.meeting.is_lost = true;
    net.call(0, "b");
    net.wait_ms(500);
    let at =
        net.listeners.keys().filter(|(host, _)| *host == 0).map(|(_, listener)| *listener).max();
    let stranger = net.visit(0, at.unwrap(), b"X_TICKET CCCCCCCCCCCCCCCCCCCCCA==\nX_FILELIST\n");
    net.run();
    assert!(net.closed_outsiders.contains(&stranger));
    assert_eq!(net.paths(0), []);
}

/// The relay is lost while both wait: the call ends in time.
#[test]
fn a_lost_relay_ends_the_rendezvous() {
    let limits = Limits { open_timeout: Duration::from_secs(30), ..Limits::default() };
    let mut net = net_with(&Config { limits, ..config(PathPolicy::default()) });
    (net.fate, net.meeting.is_lost) = (ALL_LOST, true);
    let nick = Nick::parse("b").unwrap();
    net.with(0, |peer, now, actions| peer.open(nick, now, actions)).unwrap();
    net.wait_ms(500);
    net.close_rendezvous();
    net.wait(31);
    nothing_is_left(&net);
    assert_eq!((net.errors(0).len(), net.errors(1).len()), (1, 1));
}
