//! Hosts behind a router that forwards ports on request. Needs `ip`, `nft` and miniupnpd
//! (`apt-get install --no-install-recommends miniupnpd`), and a user that may make network namespaces.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "nat/lab.rs"]
mod lab;
#[path = "nat/router.rs"]
mod router;
#[path = "nat/small_router.rs"]
mod small_router;
mod system;

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use lab::{Host, Lab, Nat};
use router::Router;
use rustix::process::Signal;
use serde_json::Value;
use small_router::{Answer, SmallRouter};
use system::not_tested;
use system::pace::Pace;
use system::patience::until;
use system::process::{Process, Xcher};
use system::tree;
use system::wire::Conn;
use tempfile::tempdir;

/// The host behind the router.
const A: Host = (0, 0);
/// A host behind another NAT.
const B: Host = (1, 0);
/// The number of ports that a host has mapped.
const PORTS: usize = 9;
/// Time limit for finding a path, on an idle machine.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// Creates a lab in which A's router is of this kind, and forwards ports. Reports if that is not possible.
fn lab(nat: Nat, options: &[String]) -> Option<(Lab, Router)> {
    let lab = Lab::new(&[(nat, 1), (Nat::PortRestricted, 1)]).map_err(not_tested).ok()?;
    let router = Router::start(&lab, 0, options).map_err(not_tested).ok()?;
    Some((lab, router))
}

fn online(share: Xcher) -> Process {
    let share = share.start();
    share.event(&[("event", "online")]);
    share
}

/// Builds a host that punches no holes: without mapped ports, the bridge is left.
fn share(lab: &Lab, host: Host, relay: &str) -> Xcher {
    lab.xcher(host, &["share", "--nick", "bob", "--json", "--no-punch", "--relay", relay])
}

/// Returns the path of a process's only session.
fn path(process: &Process) -> Value {
    process.event(&[("event", "session"), ("state", "open")])["path"].clone()
}

/// Waits for a report of mapped ports with this text.
fn reports(process: &Process, text: &str) {
    process.until(&format!("a notice with {text:?}"), |lines| {
        let is_it = |line: &&String| line.contains(r#""event":"notice""#) && line.contains(text);
        lines.out.iter().find(is_it).map(|_| ())
    });
}

fn is_mapped(process: &Process, lab: &Lab) {
    let address = lab.nat_address(0);
    reports(process, &format!("the router forwards {PORTS} ports of {address} to this host"));
}

/// Waits until the router, which takes its time, has deleted every mapping, as it was asked to.
fn given_back(lab: &Lab) {
    until("no port is forwarded", || lab.forwarded(0).is_empty());
}

#[test]
fn a_caller_is_reached_at_mapped_ports() {
    for nat in [Nat::PortRestricted, Nat::Refusing, Nat::Symmetric] {
        let Some((lab, router)) = lab(nat, &[]) else { return };
        let (_relay, [straight, bridge]) = lab.relay();
        let folder = tempdir().unwrap();
        let names: Vec<_> = (0..40).map(|number| format!("s/{number}")).collect();
        // Too large for a batch: each file has a data connection.
        let files = names.iter().zip(0..).map(|(name, seed)| (name, tree::bytes(seed, 300_000)));
        tree::write(folder.path(), files);
        let get = |relay: &str, option: &[&str]| {
            let out = tempdir().unwrap();
            let bob = online(share(&lab, B, relay).args([folder.path().join("s")]));
            let get = ["get", "bob", "--all", "--json", "--relay", relay, "-o"];
            let get = lab.xcher(A, &get).args([out.path()]).args(option).start();
            let paths = [path(&get), path(&bob)];
            get.wait().code(0);
            assert_eq!(tree::read(out.path()), tree::read(folder.path()), "{nat:?} {relay}");
            paths
        };
        assert_eq!(get(&bridge, &[]), ["bridge", "bridge"], "{nat:?}");
        assert!(!router.was_asked(), "a router was asked without the option");
        for option in [&["--map-ports"][..], &["--map-ports", "--plain"]] {
            for relay in [&bridge, &straight] {
                assert_eq!(get(relay, option), ["direct", "direct"], "{nat:?} {relay}");
                given_back(&lab);
            }
            assert!(router.was_asked());
        }
    }
}

#[test]
fn mappings_end_with_the_host() {
    for signal in [Signal::INT, Signal::TERM] {
        let Some((lab, _router)) = lab(Nat::PortRestricted, &[]) else { return };
        let (_relay, [relay, _]) = lab.relay();
        let folder = tempdir().unwrap();
        tree::write(folder.path(), [("file", "1")]);
        let share = online(share(&lab, A, &relay).args([folder.path()]).args(["--map-ports"]));
        is_mapped(&share, &lab);
        assert_eq!(lab.forwarded(0).len(), PORTS);
        share.stop(signal);
        given_back(&lab);
    }
}

#[test]
fn nothing_is_mapped_behind_another_nat() {
    let elsewhere = "ext_ip=12.0.0.9".to_owned();
    let Some((lab, router)) = lab(Nat::PortRestricted, &[elsewhere]) else { return };
    let (_relay, [_, bridge]) = lab.relay();
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("file", "1")]);
    let _bob = online(share(&lab, B, &bridge).args([folder.path()]));
    let get = ["ls", "bob", "--map-ports", "-v", "--relay", &bridge];
    let ls = lab.xcher(A, &get).run().code(0);
    let seen = lab.nat_address(0);
    let why = format!("the router's external address is 12.0.0.9, but other hosts see {seen}");
    assert!(ls.err.iter().any(|line| line.contains(&why)), "{ls}");
    ls.session_line(&["is connected through the bridge"]);
    assert!(router.was_asked());
    // Given back at once.
    let carol = lab.xcher(A, &["share", "--nick", "carol", "--json", "--relay", &bridge]);
    let carol = online(carol.args([folder.path()]).args(["--map-ports"]));
    reports(&carol, &why);
    given_back(&lab);
}

#[test]
fn a_silent_router_delays_nothing() {
    let lab = Lab::new(&[(Nat::PortRestricted, 1), (Nat::PortRestricted, 1)]);
    let Ok(lab) = lab.map_err(not_tested) else { return };
    // It drops what it is asked.
    lab.filter(0, "table ip silent { chain own { type filter hook input priority 0; drop; }; }")
        .unwrap();
    let (_relay, [_, bridge]) = lab.relay();
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("file", "1")]);
    let bob = online(share(&lab, B, &bridge).args([folder.path()]));
    let ls = lab.xcher(A, &["ls", "bob", "--map-ports", "--json", "--relay", &bridge]).start();
    ls.event(&[("event", "online")]);
    let pace = Pace::start();
    assert_eq!([path(&ls), path(&bob)], ["bridge", "bridge"]);
    let took = pace.elapsed();
    assert!(took < CONNECT_LIMIT, "took {took:?}");
    ls.wait().code(0);
    let share =
        lab.xcher(A, &["share", "--map-ports", "--nick", "carol", "--json", "--relay", &bridge]);
    let share = online(share.args([folder.path()]));
    reports(&share, "no ports are mapped: the router 192.168.0.1 did not map a port");
    share.stop(Signal::INT);
}

#[test]
fn mapped_ports_accept_nobody_but_the_callee() {
    let Some((lab, _router)) = lab(Nat::PortRestricted, &[]) else { return };
    let (_relay, [relay, _]) = lab.relay();
    let nat = lab.nat_address(0);
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("secret", "1")]);
    // While no peer is expected, a mapped port refuses every connection.
    let share = online(share(&lab, A, &relay).args([folder.path()]).args(["--map-ports"]));
    is_mapped(&share, &lab);
    let ports = lab.forwarded(0);
    assert_eq!(ports.len(), PORTS);
    for port in ports {
        let at: SocketAddr = format!("{nat}:{port}").parse().unwrap();
        let refused = lab.on(B, || TcpStream::connect_timeout(&at, system::PATIENCE)).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "{port}");
    }
    share.stop(Signal::INT);
    // During a call, a stranger without the ticket is told nothing.
    let mut bob = lab.on(B, || Conn::to(relay.parse().unwrap()));
    bob.say("X_NICK bob\nX_CAPS from ticket\n");
    bob.hears("X_NICK bob YES");
    let ls = ["ls", "bob", "--map-ports", "--json", "--relay", &relay, "--timeout", "5"];
    let ls = lab.xcher(A, &ls).start();
    let at = loop {
        let line = bob.line().unwrap();
        if let Some(at) = line.strip_prefix("X_INIT bob ") {
            break at.replace(' ', ":").parse().unwrap();
        }
    };
    assert_eq!(lab.forwarded(0).iter().filter(|port| **port == SocketAddr::port(&at)).count(), 1);
    let mut stranger = lab.on(B, || Conn::to(at));
    stranger.try_say("X_FILELIST\nX_CHK secret\n");
    let rest = stranger.rest();
    assert_eq!(rest.bytes, b"", "told a stranger something");
    ls.wait().code(3);
}

#[test]
fn a_router_without_pcp_maps_ports() {
    let lab = Lab::new(&[(Nat::PortRestricted, 1), (Nat::PortRestricted, 1)]);
    let Ok(lab) = lab.map_err(not_tested) else { return };
    let router = SmallRouter::start(&lab, A, Answer::Honest);
    let (_relay, [_, bridge]) = lab.relay();
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("file", "1")]);
    let bob = online(share(&lab, B, &bridge).args([folder.path()]));
    let ls = lab.xcher(A, &["ls", "bob", "--json", "--map-ports", "--relay", &bridge]).start();
    assert_eq!([path(&ls), path(&bob)], ["direct", "direct"]);
    ls.wait().code(0);
    until("no port is mapped", || router.mapped() == 0);
}

#[test]
fn a_router_that_answers_wrongly_is_not_used() {
    for answer in [Answer::Garbage, Answer::OtherPort, Answer::Refusal, Answer::Lifetime(0)] {
        let lab = Lab::new(&[(Nat::PortRestricted, 1), (Nat::PortRestricted, 1)]);
        let Ok(lab) = lab.map_err(not_tested) else { return };
        let router = SmallRouter::start(&lab, A, answer);
        let (_relay, [_, bridge]) = lab.relay();
        let folder = tempdir().unwrap();
        tree::write(folder.path(), [("file", "1")]);
        let share = share(&lab, A, &bridge).args([folder.path()]).args(["--map-ports"]);
        let share = online(share);
        reports(&share, "no ports are mapped: the router 192.168.0.1 did not map a port: ");
        assert_eq!(router.mapped(), 0, "{answer:?}");
        let requests = router.requests();
        assert!(requests < 30, "{answer:?}: {requests} requests");
        let ls = lab.xcher(B, &["ls", "bob", "--relay", &bridge]).run().code(0);
        assert!(!ls.out.is_empty());
        assert_eq!(router.requests(), requests, "{answer:?}: it is asked again and again");
    }
}

#[test]
fn leases_are_renewed_in_time_and_not_in_a_loop() {
    for seconds in [1, 8] {
        let lab = Lab::new(&[(Nat::PortRestricted, 1)]);
        let Ok(lab) = lab.map_err(not_tested) else { return };
        let router = SmallRouter::start(&lab, A, Answer::Lifetime(seconds));
        let (_relay, [relay, _]) = lab.relay();
        let folder = tempdir().unwrap();
        tree::write(folder.path(), [("file", "1")]);
        let began = Instant::now();
        let share = online(share(&lab, A, &relay).args([folder.path()]).args(["--map-ports"]));
        is_mapped(&share, &lab);
        let before = router.requests();
        // Two for each port: NAT-PMP, and the external address.
        until("every port is renewed twice", || router.requests() >= before + 4 * PORTS);
        let periods = began.elapsed().as_secs() as usize / 5 + 1;
        // PCP is tried once for each port, and a lost answer is asked for again.
        let most = 3 * PORTS + 4 * PORTS * periods;
        assert!(router.requests() <= most, "{} requests in {periods} periods", router.requests());
        share.stop(Signal::INT);
        until("no port is mapped", || router.mapped() == 0);
    }
}

#[test]
fn mappings_of_a_router_with_short_leases_are_renewed() {
    let short = ["min_lifetime=5".to_owned(), "max_lifetime=10".to_owned()];
    let Some((lab, router)) = lab(Nat::PortRestricted, &short) else { return };
    let (_relay, [relay, _]) = lab.relay();
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("file", "1")]);
    let share = online(share(&lab, A, &relay).args([folder.path()]).args(["--map-ports"]));
    is_mapped(&share, &lab);
    let sorted = |mut ports: Vec<u16>| {
        ports.sort_unstable();
        ports
    };
    let ports = sorted(lab.forwarded(0));
    // Longer than two leases.
    router.is_asked(6 * PORTS);
    // It replaces the rules of a mapping that is renewed.
    until("the same ports are forwarded", || sorted(lab.forwarded(0)) == ports);
    share.stop(Signal::INT);
    given_back(&lab);
}

#[test]
fn hosts_behind_one_router_connect_in_their_network() {
    let Ok(lab) = Lab::new(&[(Nat::PortRestricted, 2)]).map_err(not_tested) else { return };
    let router = SmallRouter::start(&lab, A, Answer::Honest);
    let (_relay, [_, bridge]) = lab.relay();
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("s/file", "1")]);
    let neighbour = (0, 1);
    let bob = online(share(&lab, neighbour, &bridge).args([folder.path().join("s")]));
    let out = tempdir().unwrap();
    let get = ["get", "bob", "--all", "--json", "--map-ports", "--relay", &bridge, "-o"];
    let get = lab.xcher(A, &get).args([out.path()]).start();
    for process in [&get, &bob] {
        let open = process.event(&[("event", "session"), ("state", "open")]);
        assert_eq!(open["near"], true, "{open}");
    }
    get.wait().code(0);
    assert_eq!(tree::read(out.path()), tree::read(folder.path()));
    until("no port is mapped", || router.mapped() == 0);
}
