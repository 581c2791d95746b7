//! Hosts behind NATs, with the relay outside.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "nat/lab.rs"]
mod lab;
#[path = "nat/matrix.rs"]
mod matrix;
mod system;

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use lab::{Host, Lab, Nat, RELAY};
use matrix::Relays;
use rustix::process::Signal;
use serde_json::Value;
use system::authority::{Authority, for_names};
use system::not_tested;
use system::pace::Pace;
use system::patience;
use system::process::{Process, Xcher};
use system::tree;
use system::wire::Conn;
use tempfile::tempdir;

/// Time limit for finding a path, on an idle machine.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Time after which a caller asks the relay for hole punching.
const PUNCH_AFTER: Duration = Duration::from_millis(500);
/// What `-v` shows then.
const ASKS_TO_MEET: &str = "no direct connection yet; also trying to connect through NAT";
/// Bytes of packets, and of TCP and Ethernet around them, that two hosts exchange with a relay.
const MAX_PACKET_BYTES: u64 = 100_000;

const A: Host = (0, 0);
const B: Host = (0, 1);
/// A host behind another NAT than A and B.
const C: Host = (1, 0);

/// Creates a lab, or reports that this is not possible.
fn lab(nats: &[(Nat, u8)]) -> Option<Lab> {
    Lab::new(nats).map_err(not_tested).ok()
}

fn online(share: Xcher) -> Process {
    let share = share.start();
    share.event(&[("event", "online")]);
    share
}

fn share(lab: &Lab, host: Host, relay: &str, options: &[&str]) -> Xcher {
    lab.xcher(host, &["share", "--nick", "bob", "--json", "--relay", relay]).args(options)
}

/// Returns the event of a process's only session.
fn session(process: &Process) -> Value {
    process.event(&[("event", "session"), ("state", "open")])
}

fn is_near(session: &Value) -> bool {
    session.get("near").is_some_and(|near| near == true)
}

#[test]
fn two_hosts_behind_one_nat_connect_in_their_network() {
    for nat in [Nat::PortRestricted, Nat::Refusing, Nat::Symmetric] {
        let Some(lab) = lab(&[(nat, 2)]) else { return };
        let (_relay, relays) = lab.relay();
        let folder = tempdir().unwrap();
        tree::write(&folder.path().join("s"), [("large", tree::bytes(1, 8 << 20))]);
        for relay in relays {
            for plain in [&[][..], &["--plain"]] {
                let out = tempdir().unwrap();
                let bob = online(share(&lab, B, &relay, plain).args([folder.path().join("s")]));
                let outside = lab.bytes_outside(0);
                let get = ["get", "bob", "--all", "--json", "--relay", &relay, "-o"];
                let get = lab.xcher(A, &get).args([out.path()]).args(plain).start();
                get.event(&[("event", "online")]);
                let pace = Pace::start();
                for (process, peer) in [(&get, B), (&bob, A)] {
                    let open = session(process);
                    let took = pace.elapsed();
                    assert!(took < CONNECT_LIMIT, "{nat:?} {relay}: took {took:?}");
                    assert!(is_near(&open) && open["path"] == "direct", "{nat:?} {relay}: {open}");
                    let at = open["peer"].as_str().unwrap();
                    assert!(at.starts_with(&format!("{}:", lab.address(peer))), "{open}");
                }
                get.wait().code(0);
                assert_eq!(tree::read(out.path()), tree::read(folder.path()));
                let outside = lab.bytes_outside(0) - outside;
                assert!(outside < MAX_PACKET_BYTES, "{relay}: {outside} bytes left the NAT");
            }
        }
    }
}

#[test]
fn a_session_in_the_same_network_is_shown() {
    let Some(lab) = lab(&[(Nat::PortRestricted, 2)]) else { return };
    let (_relay, [relay, _]) = lab.relay();
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("file", "1")]);
    let _bob = online(share(&lab, B, &relay, &[]).args([folder.path()]));
    let ls = lab.xcher(A, &["ls", "bob", "-v", "--relay", &relay]).run().code(0);
    let also = format!("the peer is behind the same NAT; also listening at {}", lab.address(A));
    assert!(ls.err.iter().any(|line| line.contains(&also)), "{ls}");
    let how = format!("bob ({}) is connected directly, in the same network; ", lab.address(B));
    ls.session_line(&[&how]);
}

#[test]
fn hosts_behind_different_nats_connect_by_hole_punching() {
    let nats = [(Nat::PortRestricted, 1), (Nat::PortRestricted, 1)];
    let Some(lab) = lab(&nats) else { return };
    let (_relay, relays) = lab.relay();
    let folder = tempdir().unwrap();
    tree::write(&folder.path().join("s"), [("large", tree::bytes(1, 8 << 20)), ("small", vec![1])]);
    for relay in relays {
        for plain in [&[][..], &["--plain"]] {
            let out = tempdir().unwrap();
            let bob = online(share(&lab, C, &relay, plain).args([folder.path().join("s")]));
            let before = lab.bytes_of_relay();
            // On a busy machine the bridge might be first.
            let get = ["get", "bob", "--all", "--json", "--via", "direct", "--relay", &relay, "-o"];
            let get = lab.xcher(A, &get).args([out.path()]).args(plain).start();
            get.event(&[("event", "online")]);
            let pace = Pace::start();
            for (process, peer) in [(&get, 1), (&bob, 0)] {
                let open = session(process);
                let took = pace.elapsed();
                assert!(took < CONNECT_LIMIT, "{relay}: took {took:?}");
                assert!(!is_near(&open) && open["path"] == "punched", "{relay}: {open}");
                let at = open["peer"].as_str().unwrap();
                assert!(at.starts_with(&format!("{}:", lab.nat_address(peer))), "{open}");
            }
            let get = get.wait().code(0);
            assert!(!get.out.iter().any(|line| line.contains("192.168.")), "{get}");
            assert_eq!(tree::read(out.path()), tree::read(folder.path()));
            let passed = lab.bytes_of_relay() - before;
            assert!(passed < MAX_PACKET_BYTES, "{relay}: {passed} bytes passed the relay");
        }
    }
}

#[test]
fn hosts_that_reach_the_relay_over_tls_connect_as_all_others() {
    let Some(lab) = lab(&[(Nat::PortRestricted, 2), (Nat::PortRestricted, 1)]) else { return };
    let authority = Authority::new();
    let (_relay, relay) = lab.relay_over_tls(&authority.pair("relay", for_names(&[RELAY])));
    let (folder, ca) = (tempdir().unwrap(), authority.file());
    let by = ["--tls-ca", ca.to_str().unwrap()];
    tree::write(folder.path(), [("file", "1")]);
    for (host, path, near) in [(B, "direct", true), (C, "punched", false)] {
        let bob = online(share(&lab, host, &relay, &by).args([folder.path()]));
        let ls = lab.xcher(A, &["ls", "bob", "--json", "--relay", &relay]).args(by).start();
        for process in [&ls, &bob] {
            let open = session(process);
            assert!(open["path"] == path && is_near(&open) == near, "{open}");
        }
        ls.wait().code(0);
        bob.stop(Signal::TERM).code(0);
    }
}

#[test]
fn files_go_to_the_callee_through_a_punched_hole() {
    let Some(lab) = lab(&[(Nat::PortRestricted, 1), (Nat::Refusing, 1)]) else { return };
    let (_relay, [_, bridge]) = lab.relay();
    let (folder, out) = (tempdir().unwrap(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), [("large", tree::bytes(1, 8 << 20)), ("small", vec![1])]);
    let receive = ["receive", "--nick", "bob", "--yes", "--json", "--relay", &bridge, "-o"];
    let bob = online(lab.xcher(C, &receive).args([out.path()]));
    let before = lab.bytes_of_relay();
    let send = lab.xcher(A, &["send", "bob", "--json", "--via", "direct", "--relay", &bridge]);
    let send = send.args([folder.path().join("s")]).start();
    for process in [&send, &bob] {
        assert_eq!(session(process)["path"], "punched");
    }
    send.wait().code(0);
    assert_eq!(tree::read(out.path()), tree::read(folder.path()));
    let passed = lab.bytes_of_relay() - before;
    assert!(passed < MAX_PACKET_BYTES, "{passed} bytes passed the relay");
}

#[test]
fn a_session_through_a_punched_hole_is_shown() {
    let Some(lab) = lab(&[(Nat::PortRestricted, 1), (Nat::Symmetric, 1), (Nat::FullCone, 1)])
    else {
        return;
    };
    let (_relay, [relay, bridge]) = lab.relay();
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("file", "1")]);
    let share_carol = lab.xcher((2, 0), &["share", "--nick", "carol", "--json", "--relay", &relay]);
    let _carol = online(share_carol.args([folder.path()]));
    // Carol cannot connect back, but lets A in.
    let ls = lab.xcher(A, &["ls", "carol", "-v", "--relay", &relay]).run().code(0);
    assert!(ls.err.iter().any(|line| line.contains(ASKS_TO_MEET)), "{ls}");
    let how = format!("carol ({}) is connected directly through NAT; ", lab.nat_address(2));
    ls.session_line(&[&how]);
    // Neither can.
    let _bob = online(share(&lab, C, &bridge, &[]).args([folder.path()]));
    let ls = lab.xcher(A, &["ls", "bob", "--relay", &bridge]).run().code(0);
    ls.session_line(&[&format!("bob ({}) is connected through the bridge; ", lab.nat_address(1))]);
}

#[test]
fn hosts_whose_nats_leave_no_other_path_use_the_bridge() {
    for (callee, no_punch) in [
        (Nat::Symmetric, [false, false]),
        (Nat::PortRestricted, [true, false]),
        (Nat::PortRestricted, [false, true]),
    ] {
        let Some(lab) = lab(&[(Nat::PortRestricted, 1), (callee, 1)]) else { return };
        let (_relay, [straight, bridge]) = lab.relay();
        let options = no_punch.map(|off| if off { &["--no-punch"][..] } else { &[] });
        let folder = tempdir().unwrap();
        tree::write(folder.path(), [("file", "1")]);
        let bob = online(share(&lab, C, &bridge, options[1]).args([folder.path()]));
        let ls = lab.xcher(A, &["ls", "bob", "--json", "--relay", &bridge]).args(options[0]);
        let ls = ls.start();
        ls.event(&[("event", "online")]);
        let pace = Pace::start();
        for process in [&ls, &bob] {
            let open = session(process);
            assert!(!is_near(&open) && open["path"] == "bridge", "{callee:?}: {open}");
        }
        let took = pace.elapsed();
        assert!(took < CONNECT_LIMIT, "{callee:?}: took {took:?}");
        let ls = ls.wait().code(0);
        assert!(!ls.out.iter().any(|line| line.contains("192.168.")), "{ls}");
        // Without the caller's bridge there is no way.
        let ls = ["ls", "bob", "--relay", &straight, "--timeout", "3"];
        let hint =
            "a NAT or firewall is in the way; to get past those, go through the relay's bridge";
        let ls = lab.xcher(A, &ls).args(options[0]).run();
        ls.code(3).one_error(&["bob did not connect back", hint]);
    }
}

#[test]
fn host_behind_a_nat_that_lets_others_in_is_reached_directly() {
    let Some(lab) = lab(&[(Nat::FullCone, 1), (Nat::PortRestricted, 1)]) else { return };
    let (_relay, relays) = lab.relay();
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("file", "1")]);
    for relay in relays {
        let bob = online(share(&lab, C, &relay, &[]).args([folder.path()]));
        let ls = lab.xcher(A, &["ls", "bob", "--json", "--relay", &relay]).start();
        for process in [&ls, &bob] {
            let open = session(process);
            assert!(!is_near(&open) && open["path"] == "direct", "{relay}: {open}");
        }
        ls.wait().code(0);
    }
}

#[test]
fn no_near_on_either_side_leaves_the_bridge() {
    let Some(lab) = lab(&[(Nat::PortRestricted, 2)]) else { return };
    let (_relay, [_, bridge]) = lab.relay();
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("file", "1")]);
    for (caller, callee) in [(true, false), (false, true)] {
        let options = |off: bool| if off { &["--no-near"][..] } else { &[] };
        let bob = online(share(&lab, B, &bridge, options(callee)).args([folder.path()]));
        let ls = lab.xcher(A, &["ls", "bob", "--json", "--relay", &bridge]).args(options(caller));
        let ls = ls.start();
        for open in [session(&ls), session(&bob)] {
            assert!(!is_near(&open) && open["path"] == "bridge", "{open}");
        }
        let ls = ls.wait().code(0);
        assert!(!ls.out.iter().any(|line| line.contains("192.168.")), "{ls}");
    }
}

#[test]
fn base_protocol_peers_behind_the_same_nat_notice_nothing() {
    let Some(lab) = lab(&[(Nat::PortRestricted, 2)]) else { return };
    let (_relay, [relay, _]) = lab.relay();
    let at = relay.parse().unwrap();
    let nat = lab.nat_address(0);
    let register = |host, nick: &str| {
        let mut conn = lab.on(host, || Conn::to(at));
        conn.say(format!("X_NICK {nick}\n"));
        conn.hears(&format!("X_NICK {nick} YES"));
        conn
    };
    // As the callee.
    let mut bob = register(B, "bob");
    lab.xcher(A, &["ls", "bob", "--relay", &relay, "--timeout", "3"]).run().code(3);
    let init = bob.line().unwrap();
    assert!(init.starts_with(&format!("X_INIT bob {nat} ")), "{init}");
    // The relay answers in order.
    bob.say("X_PING end\n");
    bob.hears("X_PONG end");
    // As the caller.
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("file", "1")]);
    let share = lab.xcher(A, &["share", "--nick", "carol", "--json", "--relay", &relay]);
    let carol = online(share.args([folder.path()]));
    bob.say(format!("X_INIT carol {nat} 40000\nX_PING end\n"));
    bob.hears("X_PONG end");
    let carol = carol.stop(rustix::process::Signal::INT);
    assert!(!carol.out.iter().any(|line| line.contains("192.168.")), "{carol}");
}

#[test]
fn the_relay_is_not_asked_for_hole_punching_where_the_callee_connects_at_once() {
    let Some(lab) = lab(&[(Nat::Open, 1), (Nat::PortRestricted, 1)]) else { return };
    let (_relay, relays) = lab.relay();
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("file", "1")]);
    for relay in relays {
        let _bob = online(share(&lab, C, &relay, &[]).args([folder.path()]));
        patience::until("the callee connects at once", || {
            let start = Instant::now();
            let ls = lab.xcher(A, &["ls", "bob", "-v", "--relay", &relay]).run().code(0);
            // A busy machine may be too slow to tell.
            let is_at_once = start.elapsed() < PUNCH_AFTER;
            let asks = ls.err.iter().any(|line| line.contains(ASKS_TO_MEET));
            assert!(!is_at_once || !asks, "{ls}");
            is_at_once
        });
    }
}

#[test]
fn packets_of_a_lab_take_time() {
    let delays = [10, 40].map(Duration::from_millis);
    let lab = Lab::with_delays(&[(Nat::PortRestricted, 1), (Nat::Open, 1)], &delays);
    let Some(lab) = lab.map_err(not_tested).ok() else { return };
    let (_relay, [relay, _]) = lab.relay();
    for (host, delay) in [A, C].into_iter().zip(delays) {
        let connect = || TcpStream::connect(&relay).map(drop).unwrap();
        let start = Instant::now();
        lab.on(host, connect);
        let took = start.elapsed();
        assert!(took > 2 * delay, "{host:?}: {took:?}");
    }
}

/// The whole table is what `tests/nat/matrix` prints.
#[test]
fn hosts_find_the_best_path_that_their_nats_leave() {
    use Nat::{AddressRestricted, Open, PortRestricted, Refusing, Symmetric};
    let pairs = vec![
        ([Open, Symmetric], false),
        ([PortRestricted, PortRestricted], false),
        ([PortRestricted, PortRestricted], true),
        ([AddressRestricted, Symmetric], false),
        ([AddressRestricted, Symmetric], true),
        ([Refusing, Refusing], true),
        ([PortRestricted, Symmetric], true),
    ];
    let rows = matrix::run(pairs, &[Relays::Bridge], 2, 2, |_| {});
    let Ok(rows) = rows.map_err(not_tested) else { return };
    rows.expect_no_faults();
}

/// What `tests/nat/matrix` runs.
#[test]
#[ignore = "takes many minutes: tests/nat/matrix"]
fn every_pair_of_nats_finds_the_best_path() {
    let number =
        |name: &str, default| std::env::var(name).map_or(default, |number| number.parse().unwrap());
    let (tries, labs) = (number("XCHER_NAT_TRIES", 20), number("XCHER_NAT_LABS", 3));
    let only = std::env::var("XCHER_NAT_PAIR").unwrap_or_default();
    let kinds = || Nat::ALL.into_iter().enumerate();
    let pairs = kinds().flat_map(|(number, a)| kinds().skip(number).map(move |(_, b)| [a, b]));
    let pairs = pairs.filter(|[a, b]| only.is_empty() || only == format!("{a}/{b}"));
    let pairs: Vec<_> = pairs.flat_map(|pair| [(pair, false), (pair, true)]).collect();
    let number_of_pairs = pairs.len();
    let mut number = 0;
    let rows = matrix::run(pairs, &Relays::ALL, tries, labs, |rows| {
        number += 1;
        writeln!(std::io::stderr(), "{number} of {number_of_pairs}\n{rows}").unwrap();
    });
    let Ok(rows) = rows.map_err(not_tested) else { return };
    if let Ok(file) = std::env::var("XCHER_NAT_TABLE") {
        std::fs::write(file, format!("{rows}\n")).unwrap();
    }
    rows.expect_no_faults();
}
