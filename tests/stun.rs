//! The STUN servers that a page names, and the relay's own.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use system::PATIENCE;
use system::patience::until;
use system::process::{Process, xcher};
use system::relay::Relay;
use system::wire::Conn;
use tempfile::tempdir;

/// A Binding request without attributes.
const REQUEST: &[u8; 20] = b"\x00\x01\x00\x00\x21\x12\xa4\x42of some test";

/// Returns the STUN servers that the page at this host gets.
fn named(bridge: &Process, host: &str) -> Value {
    let config = get(bridge, "http http://", "/config.json", host);
    serde_json::from_str::<Value>(&config).unwrap().get("stun").cloned().unwrap_or(Value::Null)
}

/// Returns the body of a response of the server whose address follows `start` on standard output.
fn get(process: &Process, start: &str, path: &str, host: &str) -> String {
    let at = process.out(start);
    let mut socket = Conn::to(at.trim_end_matches('/').parse().unwrap());
    socket.say(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
    let lines = socket.lines();
    let body = lines.iter().skip_while(|line| !line.trim().is_empty()).skip(1);
    body.cloned().collect::<Vec<_>>().join("\n")
}

/// A client of a server at this address.
fn client(server: &str) -> UdpSocket {
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.connect(server).unwrap();
    client
}

/// Sends a request, and returns the address that the answer tells.
fn ask(client: &UdpSocket) -> SocketAddr {
    client.send(REQUEST).unwrap();
    let mut answer = [0; 100];
    let len = client.recv(&mut answer).unwrap();
    assert_eq!(&answer[..20], b"\x01\x01\x00\x0c\x21\x12\xa4\x42of some test");
    let [0, 0x20, 0, 8, 0, 1, p0, p1, a, b, c, d] = answer[20..len] else { panic!("{answer:?}") };
    let ip = [a ^ 0x21, b ^ 0x12, c ^ 0xa4, d ^ 0x42];
    (ip, u16::from_be_bytes([p0 ^ 0x21, p1 ^ 0x12])).into()
}

fn metric(relay: &Process, outcome: &str) -> Option<u64> {
    let metrics = get(relay, "admin ", "/metrics", "localhost");
    let name = format!("xcher_stun_requests_total{{outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)?.trim().parse().ok())
}

#[test]
fn a_page_gets_no_stun_servers_by_default() {
    let relay = Relay::start();
    assert_eq!(named(&relay.process, "localhost"), Value::Null);
}

#[test]
fn a_page_gets_the_own_server_at_its_own_host() {
    let relay = Relay::start_with(&["--stun", "127.0.0.1:0", "--host-name", "relay.example"]);
    let at = relay.process.out("stun 127.0.0.1:");
    for host in ["127.0.0.1", "localhost", "relay.example", "[::1]"] {
        let url = format!("stun:{host}:{at}");
        assert_eq!(named(&relay.process, &format!("{host}:9248")), json!([url]));
    }
}

#[test]
fn tells_clients_their_addresses_and_counts() {
    let relay = Relay::start_with(&["--stun", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).process;
    let client = client(&relay.out("stun "));
    for _ in 0..3 {
        assert_eq!(ask(&client), client.local_addr().unwrap());
    }
    client.send(b"X_ADDR\n").unwrap();
    // It counts what it has ignored before the next answer.
    ask(&client);
    assert_eq!(metric(&relay, "not_a_request"), Some(1));
    until("the last answer is counted", || metric(&relay, "answered") == Some(4));
}

#[test]
fn a_banned_address_gets_no_answer() {
    let relay = Relay::start_with(&["--stun", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).process;
    let client = client(&relay.out("stun "));
    ask(&client);
    let admin = relay.out("admin ");
    xcher(["relay", "ban", "127.0.0.0/8", "--admin", &admin]).run().code(0);
    client.send(REQUEST).unwrap();
    until("it is counted", || metric(&relay, "not_admitted") == Some(1));
    client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    client.recv(&mut [0; 100]).unwrap_err();
}

#[test]
fn a_bridge_alone_and_up_serve_stun() {
    let relay = Relay::start();
    let at = ["--http", "127.0.0.1:0", "--stun", "127.0.0.1:0"];
    let folder = tempdir().unwrap();
    let bridge = relay.xcher(["bridge", "--json"]).args(at);
    let up = xcher(["up", "--json", "--listen", "127.0.0.1:0"]).args(at).args([folder.path()]);
    for command in [bridge, up] {
        let process = command.start();
        let event = process.event(&[("event", "stun")]);
        ask(&client(event["address"].as_str().unwrap()));
    }
}

#[test]
fn what_the_operator_names_changes_at_a_reload() {
    let folder = tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, "page-stun = [\"stun:stun.example\", \"STUN:192.0.2.1:9\"]\n").unwrap();
    let options = ["--config", config.to_str().unwrap(), "--stun", "127.0.0.1:0"];
    let relay = Relay::start_with(&options).process;
    let named = || named(&relay, "localhost");
    assert_eq!(named(), json!(["stun:stun.example", "stun:192.0.2.1:9"]));
    let reload = |lines: &str, expected: &str| {
        fs::write(&config, lines).unwrap();
        let before = relay.count_err(expected);
        relay.signal(Signal::HUP);
        until(expected, || relay.count_err(expected) > before);
    };
    reload("page-stun = \"stun:[2001:db8::1]\"\n", "now in force: --page-stun");
    assert_eq!(named(), json!(["stun:[2001:db8::1]"]));
    reload("page-stun = \"turn:turn.example\"\n", "TURN is not needed");
    assert_eq!(named(), json!(["stun:[2001:db8::1]"]), "nothing has changed");
    reload("", "now in force: --page-stun");
    assert_eq!(named(), json!([format!("stun:localhost:{}", relay.out("stun 127.0.0.1:"))]));
}

#[test]
fn another_address_needs_a_restart() {
    let folder = tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, "").unwrap();
    let relay = Relay::start_with(&["--config", config.to_str().unwrap()]).process;
    relay.out("http ");
    fs::write(&config, "stun = \"127.0.0.1:0\"\n").unwrap();
    relay.signal(Signal::HUP);
    relay.err("--stun has changed; restart to apply it");
}

#[test]
fn options_that_cannot_be_used_are_refused_before_the_start() {
    for (options, error) in [
        (&["--page-stun", "turn:turn.example"][..], "TURN is not needed"),
        (&["--page-stun", "stun.example"], "not the URL of a STUN server"),
        (&["--page-stun", "stun:a,stuns:b"], "'stuns:b'"),
        (&["--stun", "relay.example:3478"], "not IP:PORT"),
        (&["--stun", "0", "--http", "off"], "--stun is for browsers"),
    ] {
        for check in [&["--check"][..], &[]] {
            let relay = xcher(["relay", "--listen", "127.0.0.1:0"]).args(options).args(check);
            relay.run().code(2).error(&[error]);
        }
    }
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let relay = ["relay", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--stun", &at];
    xcher(relay).run().code(3).one_error(&[&format!("cannot listen on {at}"), "--stun"]);
}

#[test]
fn two_processes_share_a_port_and_one_that_drains_gives_it_up() {
    let start = |at: &str| {
        let options = ["--reuse-port", "--http", "127.0.0.1:0", "--drain", "60", "--stun", at];
        Relay::start_with(&options).process
    };
    let old = start("127.0.0.1:0");
    let at = old.out("stun ");
    let new = start(&at);
    new.out("stun ");
    // A host that does not move, though it can, keeps the old one for some seconds.
    let mut host = Conn::to(old.out("relay ").parse().unwrap());
    host.say("X_NICK amy\nX_CAPS from move\n");
    assert_eq!(host.line().unwrap(), "X_NICK amy YES");
    old.signal(Signal::TERM);
    old.err("draining");
    drop(new);
    until("the old one has given the port up", || UdpSocket::bind(&at).is_ok());
}
