//! `xcher doctor`: what it says of relays, bridges, NATs and local networks.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "nat/lab.rs"]
mod lab;
#[path = "nat/router.rs"]
mod router;
mod system;

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Command;

use lab::{Lab, Nat};
use rcgen::{CertificateParams, KeyPair};
use router::Router;
use rustix::process::Signal;
use serde_json::Value;
use system::local_network::LocalNetwork;
use system::networks::{Host, Networks};
use system::not_tested;
use system::process::{Xcher, xcher};
use system::relay::Relay;
use tempfile::tempdir;

/// Every check, in the order of the lines.
const CHECKS: [&str; 9] =
    ["relay", "bridge", "lan", "address", "nat", "mapping", "ipv6", "direct", "verdict"];

/// The findings of a run with `--json`.
struct Findings(Vec<Value>, String);

impl Findings {
    /// Runs the command, and expects a finding for each check and an error exactly if it fails.
    #[track_caller]
    fn of(command: Xcher, code: i32) -> Self {
        let done = command.args(["--json"]).run().code(code);
        let mut events = done.events();
        if code != 0 {
            let error = events.pop().unwrap();
            assert_eq!(
                (&error["event"], &error["code"]),
                (&"error".into(), &code.into()),
                "\n{done}"
            );
        }
        let checks: Vec<_> = events.iter().map(|event| event["check"].as_str().unwrap()).collect();
        assert_eq!(checks, CHECKS, "\n{done}");
        assert!(events.iter().all(|event| event["event"] == "finding"), "\n{done}");
        Self(events, done.to_string())
    }

    fn get(&self, check: &str) -> &Value {
        self.0.iter().find(|event| event["check"] == check).unwrap()
    }

    /// Expects the state of a check, and these parts in its text.
    #[track_caller]
    fn is(&self, check: &str, state: &str, parts: &[&str]) -> &Self {
        let finding = self.get(check);
        let text = finding["text"].as_str().unwrap();
        assert_eq!(finding["state"], state, "{check}: {text}\n{}", self.1);
        for part in parts {
            assert!(text.contains(part), "expected {part:?} of {check}\n{}", self.1);
        }
        self
    }

    /// Expects a field of a check.
    #[track_caller]
    fn has(&self, check: &str, field: &str, value: &str) -> &Self {
        assert_eq!(self.get(check)[field], value, "{field} of {check}\n{}", self.1);
        self
    }
}

/// Builds a command that leaves the local network of this machine alone.
fn doctor(relay: &str) -> Xcher {
    xcher(["doctor", "--no-lan", "--relay", relay])
}

#[test]
fn relay_without_a_bridge_is_enough_without_a_nat() {
    let relay = Relay::start_with(&["--http", "off"]);
    let at = relay.address.to_string();
    let found = Findings::of(doctor(&at), 0);
    found
        .is("relay", "ok", &[&format!("{at} answers in "), "its key is new to this host"])
        .is("bridge", "warning", &["none found"])
        .is("lan", "skipped", &["--no-lan"])
        .is("address", "ok", &["127.0.0.1, its own address"])
        .has("address", "seen", "127.0.0.1")
        .has("nat", "kind", "none")
        .is("mapping", "skipped", &["not needed"])
        .has("direct", "kind", "near")
        .is("verdict", "ok", &["files can be exchanged"]);
    assert!(found.get("relay")["round_trip_ms"].is_number());
    assert_eq!(found.get("relay")["key"].as_str().unwrap().len(), 44);
}

#[test]
fn lines_are_for_people() {
    let relay = Relay::start_with(&["--http", "off"]);
    let done = doctor(&relay.address.to_string()).run().code(0).quiet();
    assert_eq!(done.out.len(), CHECKS.len(), "\n{done}");
    assert!(done.out[0].starts_with("relay         ok  127.0.0.1:"), "\n{done}");
    assert_eq!(done.out[8], "verdict       ok  files can be exchanged", "\n{done}");
}

#[test]
fn key_of_the_relay_is_compared_with_the_known_one() {
    let (relay, keys) = (Relay::start_with(&["--http", "off"]), tempdir().unwrap());
    let at = relay.address.to_string();
    let with_keys = |command: Xcher| command.env("XCHER_DATA_DIR", keys.path());
    let inbox = keys.path().to_str().unwrap();
    let host = ["receive", "--yes", "--nick", "kim", "-o", inbox, "--relay", &at];
    let host = with_keys(xcher(host)).start();
    host.out("online ");
    host.stop(Signal::TERM);
    let known = fs::read(keys.path().join("known_peers")).unwrap();
    let found = Findings::of(with_keys(doctor(&at)), 0);
    found.is("relay", "ok", &["its key is known since 20"]);
    assert!(found.get("relay")["since"].is_string());
    drop(relay);
    // Another relay at the same address.
    let other = xcher(["relay", "--listen", &at, "--http", "off"]).start();
    other.out("relay ");
    let found = Findings::of(with_keys(doctor(&at)), 0);
    found.is(
        "relay",
        "warning",
        &["its key is not the one known since 20", "somebody is in between"],
    );
    assert_eq!(fs::read(keys.path().join("known_peers")).unwrap(), known, "it changes nothing");
}

#[test]
fn absent_relay_is_reported_with_what_to_do() {
    // Nothing listens at a port that was just given back.
    let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    Findings::of(doctor(&at), 3)
        .is("relay", "failed", &[&format!("{at} does not answer"), "refused"])
        .is("address", "skipped", &["unknown"])
        .is("mapping", "skipped", &["not checked"])
        .has("direct", "kind", "no")
        .is("verdict", "failed", &["no files can be exchanged", &at, "check that address"]);
}

#[test]
fn server_that_says_nothing_is_no_relay() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap().to_string();
    Findings::of(doctor(&at).args(["--timeout", "1"]), 3).is(
        "relay",
        "failed",
        &["no answer within 1 s"],
    );
}

#[test]
fn text_of_a_relay_is_escaped() {
    let hostile = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = hostile.local_addr().unwrap().to_string();
    let serve = std::thread::spawn(move || {
        let (mut socket, _) = hostile.accept().unwrap();
        socket.write_all(b"X_ERR - \x1b[31mred\xe2\x80\xae\n").unwrap();
        std::io::copy(&mut socket, &mut std::io::sink()).unwrap();
    });
    let done = doctor(&at).run().code(3);
    assert!(!done.out.concat().contains(['\u{1b}', '\u{202e}']), "\n{done}");
    assert!(done.out[0].contains("red"), "\n{done}");
    serve.join().unwrap();
}

#[test]
fn wrong_kind_of_port_is_no_relay_and_no_bridge() {
    let relay = Relay::start_with(&["--http", "127.0.0.1:0"]);
    let tunnel = relay.tunnel();
    let http = tunnel.trim_start_matches("ws://").trim_end_matches("/xcher");
    Findings::of(doctor(http), 3).is("relay", "failed", &["it is no relay"]);
    Findings::of(doctor(&format!("http://{}/", relay.address)), 3)
        .is("bridge", "failed", &["no bridge answers at this port"])
        .is("verdict", "failed", &["no files can be exchanged"]);
}

#[test]
fn bridge_alone_is_enough() {
    let relay = Relay::start_with(&["--http", "127.0.0.1:0"]);
    Findings::of(doctor(&relay.tunnel()), 0)
        .is("relay", "ok", &["through the bridge it answers"])
        .is("bridge", "ok", &["the WebSocket works"])
        .has("bridge", "server", &relay.tunnel())
        .has("nat", "kind", "none")
        .is("verdict", "ok", &["files can be exchanged"]);
}

#[test]
fn bridge_without_a_relay_is_not_enough() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let bridge = xcher(["bridge", "--relay", &nobody, "--http", "127.0.0.1:0"]).start();
    let url = bridge.out("http ");
    Findings::of(doctor(&url), 3).is("bridge", "ok", &["the WebSocket works"]).is(
        "relay",
        "failed",
        &["the bridge has no working relay"],
    );
}

#[test]
fn certificate_of_the_bridge_is_checked() {
    let folder = tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let [cert_file, key_file] = ["cert", "key"].map(|name| folder.path().join(name));
    fs::write(&cert_file, certificate.pem()).unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    let [cert, key] = [&cert_file, &key_file].map(|file| file.to_str().unwrap());
    let options = ["--http", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key];
    let relay = Relay::start_with(&options);
    let url = format!("https://{}", relay.process.out("http https://"));
    Findings::of(doctor(&url), 3).is("bridge", "failed", &["self-signed", "--tls-ca"]);
    Findings::of(doctor(&url).args(["--tls-ca", cert]), 0)
        .is("bridge", "ok", &["its certificate is valid", "the WebSocket works"])
        .has("nat", "kind", "none");
}

#[test]
fn bridge_that_needs_a_token_says_so() {
    let folder = tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "secret\n").unwrap();
    let token = token.to_str().unwrap();
    let relay = Relay::start_with(&["--http", "127.0.0.1:0", "--token-file", token]);
    Findings::of(doctor(&relay.tunnel()), 3).is("bridge", "failed", &["401", "token"]);
    Findings::of(doctor(&relay.tunnel()).args(["--token-file", token]), 0);
}

/// Starts a relay and its bridge at their usual ports in a lab with one NAT, and asks a host behind it.
fn behind(nat: Nat) -> Option<(Lab, Findings)> {
    let lab = Lab::new(&[(nat, 1)]).map_err(not_tested).ok()?;
    let (_relay, [relay, _]) = lab.relay();
    let command = lab.xcher((0, 0), &["doctor", "--no-lan", "--relay", &relay]);
    let found = Findings::of(command, 0);
    found
        .is("relay", "ok", &["answers in"])
        .is("bridge", "ok", &["http://11.0.0.1:9248/ answers"])
        .has("address", "seen", &lab.nat_address(0))
        .has("address", "own", &lab.address((0, 0)))
        .is("verdict", "ok", &["--relay http://11.0.0.1:9248/"]);
    Some((lab, found))
}

#[test]
fn nat_that_keeps_a_port_is_told_from_one_that_changes_it() {
    for nat in [Nat::FullCone, Nat::AddressRestricted, Nat::PortRestricted, Nat::Refusing] {
        let Some((_lab, found)) = behind(nat) else { return };
        found.has("nat", "kind", "endpoint-independent").has("direct", "kind", "punching").is(
            "mapping",
            "warning",
            &["forwards no ports on request"],
        );
    }
    let Some((_lab, found)) = behind(Nat::Symmetric) else { return };
    found
        .is("nat", "warning", &["symmetric"])
        .has("nat", "kind", "endpoint-dependent")
        .has("direct", "kind", "rarely");
}

#[test]
fn kind_of_a_nat_needs_two_ports() {
    let Some(lab) = Lab::new(&[(Nat::PortRestricted, 1)]).map_err(not_tested).ok() else { return };
    let (_relay, [relay, bridge]) = lab.relay();
    let block = |port: u16| {
        let rules = format!(
            "table inet blocked {{}}
            flush table inet blocked
            table inet blocked {{
                chain out {{ type filter hook forward priority -10; tcp dport {port} reject with tcp reset
                }}
            }}"
        );
        lab.filter(0, &rules).unwrap();
    };
    block(9248);
    let doctor = |relay: &str| lab.xcher((0, 0), &["doctor", "--no-lan", "--relay", relay]);
    Findings::of(doctor(&relay), 0)
        .has("nat", "kind", "unknown")
        .is("nat", "warning", &["the bridge's HTTP port is not there to compare"])
        .is("verdict", "warning", &["the relay needs a bridge"]);
    block(9247);
    Findings::of(doctor(&bridge), 0)
        .has("nat", "kind", "unknown")
        .is("nat", "warning", &["the relay's TCP port is not there to compare"])
        .is("relay", "ok", &["through the bridge it answers"]);
    Findings::of(doctor(&relay), 3).is(
        "verdict",
        "failed",
        &["use the bridge: --relay http://11.0.0.1:9248/"],
    );
}

#[test]
fn host_without_a_nat_has_none() {
    let Some(networks) = Networks::new() else {
        return not_tested("this user may not make network namespaces");
    };
    let listen = ["relay", "--listen", "0.0.0.0:9247", "--http", "0.0.0.0:9248"];
    let relay = networks.between(&listen).start();
    relay.out("http ");
    let at = networks.relay_seen_by(Host::A);
    let command = networks.xcher(Host::A, &["doctor", "--no-lan", "--relay", &at]);
    Findings::of(command, 0)
        .has("nat", "kind", "none")
        .has("address", "seen", &networks.address(Host::A))
        .is("bridge", "ok", &["the WebSocket works"])
        .is("mapping", "skipped", &["not needed"])
        .has("direct", "kind", "near");
}

#[test]
fn router_that_forwards_ports_is_found_and_gets_them_back() {
    let Some(lab) = Lab::new(&[(Nat::PortRestricted, 1)]).map_err(not_tested).ok() else { return };
    let Some(router) = Router::start(&lab, 0, &[]).map_err(not_tested).ok() else { return };
    let (_relay, [relay, _]) = lab.relay();
    let command = lab.xcher((0, 0), &["doctor", "--no-lan", "--relay", &relay]);
    Findings::of(command, 0)
        .is("mapping", "ok", &[&lab.nat_address(0), "--map-ports"])
        .has("mapping", "seen", &lab.nat_address(0))
        .has("direct", "kind", "mapping");
    // For the port, and to give it back.
    router.is_asked(2);
    system::patience::until("no port is forwarded", || lab.forwarded(0).is_empty());
}

#[test]
fn hosts_of_the_local_network_are_counted() {
    let Some(network) = LocalNetwork::new(3) else {
        return not_tested("this user may not make network namespaces");
    };
    let doctor = || network.xcher(3, &["doctor"]);
    Findings::of(doctor(), 0)
        .is("relay", "skipped", &["none is named", "127.0.0.1:9247"])
        .is("lan", "ok", &["no other XCHER host answers"])
        .has("direct", "kind", "lan")
        .is("verdict", "ok", &["in the local network", "--relay"]);
    let hosts = [(1, "kim"), (2, "ben")].map(|(host, nick)| {
        let folder = tempdir().unwrap();
        let args = ["receive", "--yes", "--nick", nick, "-o", folder.path().to_str().unwrap()];
        let process = network.xcher(host, &args).start();
        process.out("online ");
        (process, folder)
    });
    let found = Findings::of(doctor(), 0);
    assert_eq!(found.get("lan")["hosts"], 2, "{}", found.1);
    // Lists of nicks do not have what it announces. An answer may be lost on a busy machine, where multicast is
    // not repeated.
    system::patience::until("both hosts are listed", || {
        let mut nicks = network.xcher(3, &["who"]).run().code(0).out;
        nicks.sort_unstable();
        assert!(nicks.iter().all(|nick| ["ben", "kim"].contains(&&**nick)), "{nicks:?}");
        nicks.len() == 2
    });
    drop(hosts);
}

#[test]
fn blocked_multicast_is_noticed() {
    let Some(network) = LocalNetwork::new(1) else {
        return not_tested("this user may not make network namespaces");
    };
    let block = "table inet block { chain out { type filter hook output priority 0; udp dport 5353 drop; }; }";
    let blocked =
        network.on(1, || Command::new("nft").arg(block).status().is_ok_and(|nft| nft.success()));
    if !blocked {
        return not_tested("nft is not installed");
    }
    Findings::of(network.xcher(1, &["doctor"]), 3)
        .is("lan", "failed", &["5353"])
        .has("direct", "kind", "no")
        .is("verdict", "failed", &["start a relay", "--relay"]);
}
