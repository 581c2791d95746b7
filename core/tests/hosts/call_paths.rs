//! What callers tell the relay of the paths of their calls (section 5.12).

use std::net::{IpAddr, SocketAddr};

use xcher_core::peer::{CallPolicy, Config, Path, PathPolicy};

use crate::net::{BRIDGE, Fate, Net, encryption};

fn hosts() -> Vec<(&'static str, Option<xcher_core::peer::Encryption>)> {
    vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))]
}

fn config() -> Config {
    Config { via: PathPolicy::Auto, near: true, punch: true, ..Config::default() }
}

/// Hosts with ports of their own.
fn net(config: &Config) -> Net {
    Net::with_tickets(hosts(), config, |_| true)
}

/// Calls `b`, waits until no path is left to try, and returns what each host told the relay.
fn told(mut net: Net, fate: fn(usize, SocketAddr, Path) -> Fate) -> Vec<(usize, String)> {
    net.run();
    net.fate = fate;
    let session = net.call(0, "b");
    wait(&mut net);
    if net.opened(0).is_some() {
        net.with(0, |peer, now, actions| peer.end(session, now, actions)).unwrap();
    }
    net.told
}

/// Waits for longer than the connect timeout, in steps that each path of a call needs.
fn wait(net: &mut Net) {
    for _ in 0..62 {
        net.wait_ms(500);
    }
}

fn only(path: &str) -> Vec<(usize, String)> {
    vec![(0, path.to_owned())]
}

const ALL: fn(usize, SocketAddr, Path) -> Fate = |_, _, _| Fate::Connected;
const NOTHING: fn(usize, SocketAddr, Path) -> Fate = |_, _, _| Fate::Lost;
const LINKS: fn(usize, SocketAddr, Path) -> Fate = |_, _, path| match path {
    Path::Punched => Fate::Connected,
    Path::Direct | Path::Bridge => Fate::Lost,
};
const THE_BRIDGE: fn(usize, SocketAddr, Path) -> Fate = |_, to, _| match to.ip() {
    ip if ip == IpAddr::from(BRIDGE) => Fate::Connected,
    _ => Fate::Lost,
};

#[test]
fn the_caller_tells_each_path_once() {
    assert_eq!(told(net(&config()), ALL), only("direct"));
    assert_eq!(told(net(&config()), THE_BRIDGE), only("bridge"));
    assert_eq!(told(Net::behind_nat(hosts(), &config()), ALL), only("near"));
    assert_eq!(told(Net::behind_nats(hosts(), &config()), LINKS), only("punched"));
    assert_eq!(told(net(&config()), NOTHING), only("none"));
}

#[test]
fn a_call_that_is_declined_or_refused_needs_no_path() {
    let mut declines = net(&Config { calls: CallPolicy::Ignore, ..config() });
    assert_eq!(told_after(&mut declines), []);
    let mut refused = net(&config());
    refused.refusals.push_back("no such nick: b");
    assert_eq!(told_after(&mut refused), []);
}

fn told_after(net: &mut Net) -> Vec<(usize, String)> {
    net.run();
    net.call(0, "b");
    wait(net);
    net.told.clone()
}

#[test]
fn a_relay_that_does_not_count_paths_is_told_none() {
    for fate in [ALL, NOTHING] {
        // Hosts without tickets get no X_CAPS there.
        assert_eq!(told(Net::with_config(hosts(), &config()), fate), []);
    }
}
