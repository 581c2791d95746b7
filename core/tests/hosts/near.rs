//! Hosts behind one NAT that connect in their network (section 5.7).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xcher_core::peer::{Action, CallPolicy, Config, ConnId, Event, Input, Path, PathPolicy};
use xcher_core::{Nick, Peer};

use crate::net::{Fate, NAT, Net, OUTSIDE, encryption, ip};

pub(crate) fn config(via: PathPolicy) -> Config {
    Config { near: true, via, ..Config::default() }
}

pub(crate) fn net_with(config: &Config) -> Net {
    let hosts = vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))];
    let mut net = Net::behind_nat(hosts, config);
    net.run();
    net.hosts[1].files.insert("y".into(), b"of b".into());
    net
}

/// A NAT that lets nothing in, with an answer or without.
const REFUSES: fn(usize, SocketAddr, Path) -> Fate =
    |_, to, _| if to.ip() == IpAddr::from(NAT) { Fate::Refused } else { Fate::Connected };
const LOSES: fn(usize, SocketAddr, Path) -> Fate =
    |_, to, _| if to.ip() == IpAddr::from(NAT) { Fate::Lost } else { Fate::Connected };

/// The path of each session that a host reported as open, and whether it was near.
fn paths(net: &Net, host: usize) -> Vec<(Path, bool)> {
    let path = |event: &Event| match event {
        Event::Opened { path, near, .. } => Some((*path, *near)),
        _ => None,
    };
    net.hosts[host].events.iter().filter_map(path).collect()
}

fn named(net: &Net) -> Vec<IpAddr> {
    net.inits.iter().map(|(_, at)| at.ip()).collect()
}

#[test]
fn hosts_behind_one_nat_connect_in_their_network() {
    for via in [PathPolicy::Auto, PathPolicy::default()] {
        for fate in [REFUSES, LOSES] {
            let mut net = net_with(&config(via));
            net.fate = fate;
            let session = net.call(0, "b");
            let near = [(Path::Direct, true)];
            assert_eq!([paths(&net, 0), paths(&net, 1)], [near, near], "at once");
            assert_eq!(named(&net), [IpAddr::from(NAT), ip(0)]);
            net.get(0, session, "y", 4);
            assert_eq!(net.hosts[0].stored["y"], b"of b");
            assert!(net.listeners.is_empty(), "a listener is left");
            assert_eq!((net.errors(0), net.errors(1)), (vec![], vec![]));
            let ticket = &net.drawn[1];
            let first = String::from_utf8_lossy(&net.hosts[1].written[..35]).into_owned();
            assert_eq!(first, format!("X_TICKET {ticket}\nX"));
            assert!(net.hosts[0].written.starts_with(b"X_NEAR\nX_CHK //xcher/2\n"));
        }
    }
}

/// A NAT that refuses every call does not make the callee back off.
#[test]
fn repeated_calls_connect() {
    let mut net = net_with(&config(PathPolicy::default()));
    net.fate = REFUSES;
    for call in 1..=20 {
        let session = net.call(0, "b");
        net.with(0, |peer, now, actions| peer.list(session, now, actions)).unwrap();
        assert_eq!(paths(&net, 1).len(), call);
        net.with(0, |peer, now, actions| peer.end(session, now, actions)).unwrap();
    }
    assert_eq!((net.errors(0), net.errors(1)), (vec![], vec![]));
}

#[test]
fn user_is_asked_once() {
    let config = Config { calls: CallPolicy::Ask, ..config(PathPolicy::Auto) };
    let mut net = net_with(&config);
    net.fate = LOSES;
    net.call(0, "b");
    let call = |event: &Event| match event {
        Event::Call { session, .. } => Some(*session),
        _ => None,
    };
    let calls: Vec<_> = net.hosts[1].events.iter().filter_map(call).collect();
    assert_eq!((calls.len(), net.inits.len()), (1, 2));
    net.with(1, |peer, now, actions| peer.accept(calls[0], now, actions)).unwrap();
    assert_eq!(paths(&net, 1), [(Path::Direct, true)]);
}

#[test]
fn host_that_does_not_know_it_gets_one_init() {
    let mut near = config(PathPolicy::default());
    near.near = false;
    let hosts = vec![("a", None), ("b", None)];
    let mut net = Net::behind_nat(hosts, &near);
    net.run();
    net.fate = LOSES;
    net.call(0, "b");
    net.wait(5);
    assert_eq!(named(&net), [IpAddr::from(NAT)]);
    assert!(paths(&net, 1).is_empty());
}

/// The bridge is tried when it would be without the near address, neither sooner nor later.
#[test]
fn refusal_of_the_near_address_does_not_hasten_the_bridge() {
    let mut net = net_with(&config(PathPolicy::Auto));
    net.fate = |_, to, _| match to.ip() == IpAddr::from(OUTSIDE) {
        true => Fate::Connected,
        false => Fate::Lost,
    };
    let nick = Nick::parse("b").unwrap();
    net.begin(0, |peer, now, actions| peer.open(nick, now, actions)).unwrap();
    net.run_until(|net| (net.inits.len() == 1).then_some(()));
    net.refusals.push_back("refused: 10.0.0.1 is not your address; the relay sees you at 11.0.0.2");
    net.run();
    assert_eq!(net.refusals.len(), 0);
    net.wait_ms(999);
    assert_eq!(named(&net), [IpAddr::from(NAT)]);
    assert_eq!(net.listeners.len(), 1, "the near listener is closed");
    net.wait_ms(1);
    assert_eq!(named(&net), [IpAddr::from(NAT), OUTSIDE.into()]);
    assert_eq!(paths(&net, 0), [(Path::Bridge, false)]);
}

/// The refusal arrives when the call has succeeded: another call is not taken for refused.
#[test]
fn late_refusal_ends_no_other_call() {
    let mut net = net_with(&config(PathPolicy::default()));
    net.fate = |_, _, _| Fate::Lost;
    net.call(0, "b");
    net.relay_says(
        0,
        "X_ERR X_INIT refused: 10.0.0.1 is not your address; the relay sees you at 11.0.0.2\n",
    );
    assert_eq!(net.errors(0), []);
}

#[test]
fn unanswered_near_address_does_not_delay_the_bridge() {
    let mut net = net_with(&config(PathPolicy::Auto));
    net.fate = |_, to, _| match to.ip() == IpAddr::from(OUTSIDE) {
        true => Fate::Connected,
        false => Fate::Lost,
    };
    net.call(0, "b");
    net.wait_ms(1000);
    assert_eq!(paths(&net, 0), [(Path::Bridge, false)]);
    assert_eq!(net.inits.last().map(|(at, _)| *at), Some(Duration::from_millis(2000)));
    assert!(net.listeners.is_empty());
}

/// A host with this address and configuration, whose relay is at `relay` and sees it at `seen`.
struct Lone {
    peer: Peer,
    relay: ConnId,
    wrote: String,
    dials: Vec<SocketAddr>,
}

impl Lone {
    fn new(local: &str, relay: &str, seen: &str, config: Config) -> Self {
        let nicks = vec![Nick::parse("b").unwrap()];
        let mut lone = Self {
            peer: Peer::new(Config { nicks, ..config }),
            relay: ConnId(0),
            wrote: String::new(),
            dials: Vec::new(),
        };
        lone.with(|peer, actions| peer.start(Duration::ZERO, actions));
        let [local, remote] = [local, relay].map(|ip| SocketAddr::new(ip.parse().unwrap(), 7));
        let conn = lone.relay;
        lone.with(|peer, actions| {
            peer.handle(Input::Connected { conn, local, remote }, Duration::ZERO, actions);
        });
        lone.hears(&format!("X_NICK b YES\nX_CAPS from move ticket near\nX_ADDR {seen}\n"));
        lone
    }

    fn with(&mut self, act: impl FnOnce(&mut Peer, &mut Vec<Action>)) {
        let mut actions = Vec::new();
        act(&mut self.peer, &mut actions);
        for action in actions {
            match action {
                Action::DialRelay { conn } => self.relay = conn,
                Action::Write { conn, bytes } if conn == self.relay => {
                    self.wrote += std::str::from_utf8(&bytes).unwrap();
                }
                Action::Dial { to, .. } => self.dials.push(to),
                _ => {}
            }
        }
    }

    fn hears(&mut self, lines: &str) {
        let conn = self.relay;
        self.with(|peer, actions| {
            let bytes = lines.as_bytes();
            peer.handle(Input::Received { conn, bytes }, Duration::ZERO, actions);
        });
    }
}

#[test]
fn only_a_host_behind_nat_is_near_others() {
    let via = |path| Config { via: PathPolicy::Only(path), ..config(PathPolicy::Auto) };
    for (local, relay, seen, config, says, dials) in [
        ("192.168.1.3", "11.0.0.1", "11.0.0.2", via(Path::Direct), true, true),
        ("192.168.1.3", "11.0.0.1", "11.0.0.2", config(PathPolicy::Auto), true, true),
        // The relay is elsewhere, behind the bridge that the host is connected to.
        ("192.168.1.3", "11.0.0.1", "11.0.0.1", config(PathPolicy::Auto), true, false),
        ("192.168.1.3", "11.0.0.1", "192.168.1.3", via(Path::Direct), true, false),
        ("192.168.1.3", "11.0.0.1", "2a00::1", via(Path::Direct), true, false),
        ("192.168.1.3", "11.0.0.1", "11.0.0.2", via(Path::Bridge), false, false),
        ("192.168.1.3", "11.0.0.1", "11.0.0.2", Config::default(), false, false),
        ("11.0.0.2", "11.0.0.1", "11.0.0.2", config(PathPolicy::Auto), false, false),
        // Over a relay on the same host, private addresses are dialled as ever.
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", config(PathPolicy::Auto), false, true),
        ("169.254.0.3", "11.0.0.1", "11.0.0.2", config(PathPolicy::Auto), false, false),
        ("fd00::3", "2a00::1", "11.0.0.2", config(PathPolicy::Auto), false, false),
        // A driver that does not know its addresses.
        ("0.0.0.0", "0.0.0.0", "11.0.0.2", config(PathPolicy::Auto), false, false),
    ] {
        let mut host = Lone::new(local, relay, seen, config);
        let caps = match says {
            true => "X_CAPS from move ticket decline near\n",
            false => "X_CAPS from move ticket decline\n",
        };
        assert!(host.wrote.contains(caps), "{local} {seen}: {}", host.wrote);
        host.hears("X_FROM a\nX_INIT b 11.0.0.9 40000\n");
        host.dials.clear();
        host.hears("X_FROM a\nX_NEAR\nX_TICKET AAAAAAAAAAAAAAAAAAAAAA==\n");
        host.hears("X_INIT b 192.168.1.2 40000\n");
        assert_eq!(!host.dials.is_empty(), dials, "{local} {relay} {seen}: {:?}", host.dials);
    }
}
