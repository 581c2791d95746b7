//! What the operator of a relay or bridge sees and does, at the listener of its own.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use system::patience::until;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree;
use system::wire::Conn;
use system::{PATIENCE, not_tested};
use tempfile::{TempDir, tempdir};

/// A relay with a Unix socket for its operator.
struct Operated {
    relay: Relay,
    socket: PathBuf,
    folder: TempDir,
}

impl Operated {
    fn start(options: &[&str]) -> Self {
        let folder = tempdir().unwrap();
        let socket = folder.path().join("admin.sock");
        let admin = format!("unix:{}", socket.display());
        let options = [&["--admin", &admin, "--http", "127.0.0.1:0"], options].concat();
        tree::write(&folder.path().join("s"), [("file", tree::bytes(1, 300_000))]);
        let operated = Self { relay: Relay::start_with(&options), socket, folder };
        // The relay prints its addresses before it accepts connections.
        while operated.get("/readyz").body.starts_with("starting:") {
            std::thread::sleep(Duration::from_millis(5));
        }
        operated
    }

    /// Builds a command of the operator.
    fn operator(&self, args: &[&str]) -> Xcher {
        let admin = format!("unix:{}", self.socket.display());
        xcher(["relay"]).args(args).args(["--admin", &admin])
    }

    fn ask(&self, request: &str) -> Answer {
        ask(UnixStream::connect(&self.socket).unwrap(), request)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    }

    /// Returns the metrics by name and labels, as `name{label="value"}`.
    fn metrics(&self) -> BTreeMap<String, f64> {
        metrics(&self.get("/metrics").body)
    }

    /// Joins as a client whose every byte the test writes.
    fn join(&self, nick: &str) -> Conn {
        let mut client = Conn::to(self.relay.address);
        client.say(format!("X_NICK {nick}\n"));
        assert_eq!(client.line().unwrap(), format!("X_NICK {nick} YES"));
        client
    }
}

fn metrics(body: &str) -> BTreeMap<String, f64> {
    let lines = body.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    lines.map(sample).collect()
}

/// An answer to an HTTP request.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn ask(mut socket: impl Read + Write, request: &str) -> Answer {
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A server that refuses a body may reset the connection after its answer.
    let _ = socket.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

fn ask_tcp(at: SocketAddr, request: &str) -> Answer {
    let socket = TcpStream::connect_timeout(&at, PATIENCE).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    ask(socket, request)
}

/// A request with these lines in its head.
fn request(first: &str, head: &[&str], body: &str) -> String {
    let lines: String = head.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    format!(
        "{first} HTTP/1.1\r\n{lines}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn health_readiness_metrics_and_status() {
    let relay = Operated::start(&["--max-connections", "2"]);
    let health = relay.get("/healthz");
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    let ready = relay.get("/readyz");
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
    let _amy = relay.join("amy");
    let bob = relay.join("bob");
    // A full relay sends new clients elsewhere.
    let full = relay.get("/readyz");
    assert_eq!(
        (full.status, full.body.as_str()),
        (503, "full: the relay has 2 connections, its limit\n")
    );
    let head = ["Host: localhost", "Accept: application/json"];
    let full = relay.ask(&request("GET /readyz", &head, ""));
    let body: Value = serde_json::from_str(&full.body).unwrap();
    assert_eq!((full.status, &body["ready"]), (503, &json!(false)));
    assert_eq!(body["reasons"][0]["name"], "full");
    let status = relay.operator(&["status"]).run().code(0).quiet();
    assert!(status.out.iter().any(|line| line.starts_with("ready        no: ")), "{status}");
    drop(bob);
    let status = relay.operator(&["status", "--json"]).run().code(0);
    let status = &status.events()[0];
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["relay"]["max_connections"], 2);
    assert_eq!(status["bridge"]["tunnels"], 0);
    // Prometheus asks for OpenMetrics; others get its older format.
    let head =
        ["Host: localhost", "Accept: application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"];
    let open = relay.ask(&request("GET /metrics", &head, ""));
    assert!(open.head.contains("application/openmetrics-text") && open.body.ends_with("# EOF\n"));
    let plain = relay.get("/metrics");
    assert!(plain.head.contains("text/plain; version=0.0.4") && !plain.body.contains("# EOF"));
    assert_eq!(metrics(&plain.body)["xcher_connections_max"], 2.0);
    relay.operator(&["--listen", "127.0.0.1:0", "status"]).run().code(2).one_error(&["no effect"]);
}

#[test]
fn calls_are_counted_by_outcome_without_names() {
    let relay = Operated::start(&[]);
    let (mut amy, mut bob) = (relay.join("amy"), relay.join("bob"));
    let _code = relay.join("4821");
    for (line, answer) in [
        ("X_INIT carol 127.0.0.1 5000", "X_ERR X_INIT no such nick: carol"),
        ("X_INIT bob 9.9.9.9 5000", "X_ERR X_INIT refused: 9.9.9.9 is not your address"),
        ("X_WHAT", "X_ERR X_WHAT unknown verb"),
    ] {
        amy.say(format!("{line}\n"));
        let got = amy.line().unwrap();
        assert!(got.starts_with(answer), "{got}");
    }
    for _ in 0..3 {
        amy.say("X_INIT bob 127.0.0.1 5000\n");
        assert_eq!(bob.line().unwrap(), "X_INIT bob 127.0.0.1 5000");
    }
    // It has no answer.
    amy.say("X_PATH bridge\nX_PING 1\n");
    assert_eq!(amy.line().unwrap(), "X_PONG 1");
    let scrape = relay.get("/metrics").body;
    let metrics = metrics(&scrape);
    for (name, value) in [
        ("xcher_connections", 3.0),
        ("xcher_nicks", 3.0),
        ("xcher_connections_opened_total", 3.0),
        ("xcher_calls_total{outcome=\"delivered\"}", 3.0),
        ("xcher_calls_total{outcome=\"no_such_nick\"}", 1.0),
        ("xcher_calls_total{outcome=\"address\"}", 1.0),
        ("xcher_calls_total{outcome=\"guess_rate\"}", 0.0),
        ("xcher_call_paths_total{path=\"bridge\"}", 1.0),
        ("xcher_call_paths_total{path=\"none\"}", 0.0),
        ("xcher_nick_requests_total{outcome=\"registered\"}", 3.0),
        ("xcher_refusals_total{rule=\"unknown_verb\"}", 1.0),
        ("xcher_rate_refusals_total{limit=\"ask_rate\"}", 0.0),
        ("xcher_ready", 1.0),
    ] {
        assert_eq!(metrics.get(name), Some(&value), "{name}\n{scrape}");
    }
    for secret in ["amy", "bob", "carol", "4821", "9.9.9.9", "WHAT"] {
        assert!(!scrape.contains(secret), "{secret}\n{scrape}");
    }
}

#[test]
fn tunnels_streams_and_bytes_are_counted() {
    let relay = Operated::start(&[]);
    let tunnel = relay.relay.tunnel();
    let share = xcher(by(&tunnel)).args(["share", "--nick", "bob"]);
    let share = share.args([relay.folder.path().join("s")]).start();
    share.out("online ");
    let metrics = relay.metrics();
    assert_eq!((metrics["xcher_tunnels"], metrics["xcher_streams"]), (1.0, 1.0));
    let out = tempdir().unwrap();
    let get = xcher(by(&tunnel)).args(["get", "bob", "--all", "-o"]).args([out.path()]).run();
    get.code(0);
    let metrics = relay.metrics();
    for direction in ["from_client", "to_client"] {
        let bytes = metrics[&format!("xcher_tunnel_bytes_total{{direction=\"{direction}\"}}")];
        assert!(bytes > 300_000.0, "{direction}: {bytes}");
    }
    for outcome in ["listening", "dialled", "visited"] {
        let name = format!("xcher_stream_requests_total{{outcome=\"{outcome}\"}}");
        assert!(metrics[&name] >= 1.0, "{name}");
    }
    assert_eq!(metrics["xcher_stream_requests_total{outcome=\"relay\"}"], 2.0);
    assert_eq!(metrics["xcher_tunnel_requests_total{outcome=\"opened\"}"], 2.0);
    // A tunnel is closed by its id in the log, and what it carries is told.
    let kick = relay.operator(&["kick", "tunnel/1"]).run().code(0);
    kick.out(&["disconnected 1 connection and 1 tunnel"]);
    relay.operator(&["kick", "tunnel/99"]).run().code(1);
}

#[test]
fn kicks_tell_the_client_and_let_it_come_back() {
    let relay = Operated::start(&[]);
    let kicked = "X_ERR - disconnected by the relay's operator";
    let mut amy = relay.join("amy");
    let kick = relay.operator(&["kick", "Amy"]).run().code(0).quiet();
    kick.out(&["disconnected 1 connection and 0 tunnels"]);
    assert_eq!(amy.line().unwrap(), kicked);
    relay.operator(&["kick", "amy"]).run().code(1).one_error(&["amy is not connected"]);
    let mut amy = relay.join("amy");
    // By its id in the log, which is the number of the connection.
    relay.operator(&["kick", "2"]).run().code(0);
    assert_eq!(amy.line().unwrap(), kicked);
    let (mut bob, mut eve) = (relay.join("bob"), relay.join("eve"));
    let kick = relay.operator(&["kick", "127.0.0.0/8", "--json"]).run().code(0);
    let expected = json!({"event": "disconnected", "connections": 2, "tunnels": 0});
    assert_eq!(kick.events(), [expected]);
    assert_eq!((bob.line().unwrap().as_str(), eve.line().unwrap().as_str()), (kicked, kicked));
    relay.operator(&["kick", "a b"]).run().code(4).one_error(&["is not a nick"]);
}

#[test]
fn kick_closes_the_tunnel_of_a_nick() {
    let relay = Operated::start(&[]);
    let share = xcher(by(&relay.relay.tunnel())).args(["share", "--nick", "bob", "--json"]);
    let share = share.args([relay.folder.path().join("s")]).start();
    share.event(&[("event", "online")]);
    let kick = relay.operator(&["kick", "bob"]).run().code(0);
    kick.out(&["disconnected 1 connection and 1 tunnel"]);
    share.until("the reason", |lines| {
        let is_reason = |line: &&String| line.contains("disconnected by the relay's operator");
        lines.out.iter().find(is_reason).map(|_| ())
    });
    share.event(&[("event", "offline")]);
    let line = relay.relay.process.err(" tunnel id=1 ");
    assert!(line.contains("outcome=\"kicked\""), "{line}");
}

#[test]
fn bans_keep_addresses_and_nicks_away() {
    let relay = Operated::start(&[]);
    let (mut amy, mut bob) = (relay.join("amy"), relay.join("bob"));
    let ban = relay.operator(&["ban", "amy", "--for", "90m"]).run().code(0);
    ban.one_error(&["banned amy for 1h 30m"]).out(&["disconnected 1 connection and 0 tunnels"]);
    assert_eq!(amy.line().unwrap(), "X_ERR - refused: the operator banned your nick");
    let mut again = Conn::to(relay.relay.address);
    again.say("X_NICK Аmy\n");
    assert!(
        again.line().unwrap().contains("refused: the operator banned this nick, or one like it")
    );
    let tunnel = relay.relay.tunnel();
    xcher(by(&tunnel)).args(["who"]).run().code(0);
    relay.operator(&["ban", "127.0.0.0/8"]).run().code(0);
    assert_eq!(bob.line().unwrap(), "X_ERR - refused: the operator banned your address");
    assert_eq!(
        Conn::to(relay.relay.address).line().unwrap(),
        "X_ERR - refused: the operator banned your address"
    );
    xcher(by(&tunnel)).args(["who"]).run().code(3).one_error(&["403"]);
    let bans = relay.operator(&["bans"]).run().code(0);
    let [network, nick] = &bans.out[..] else { panic!("{bans}") };
    assert_eq!(network, "127.0.0.0/8\tno end");
    assert!(nick.starts_with("amy\t1h "), "{nick}");
    assert_eq!(relay.metrics()["xcher_bans"], 2.0);
    // Exactly what was banned is lifted.
    relay.operator(&["unban", "127.0.0.1"]).run().code(1).one_error(&["127.0.0.1 is not banned"]);
    relay.operator(&["unban", "127.0.0.0/8"]).run().code(0);
    relay.operator(&["unban", "amy"]).run().code(0);
    let _amy = relay.join("amy");
    xcher(by(&tunnel)).args(["who"]).run().code(0);
    relay.operator(&["ban", "4821"]).run().code(4).one_error(&["nick of a code"]);
}

#[test]
fn a_bridge_alone_is_operated_likewise() {
    let folder = tempdir().unwrap();
    let admin = format!("unix:{}", folder.path().join("admin.sock").display());
    let relay = Relay::start_with(&["--http", "off"]);
    let bridge = relay.xcher(["bridge", "--http", "127.0.0.1:0", "--admin", &admin]).start();
    let tunnel = format!("ws://{}xcher", bridge.out("http http://"));
    let operator = |args: &[&str]| xcher(["relay"]).args(args).args(["--admin", &admin]);
    tree::write(&folder.path().join("s"), [("file", "12345")]);
    let share = xcher(by(&tunnel)).args(["share", "--nick", "bob"]);
    let share = share.args([folder.path().join("s")]).start();
    share.out("online ");
    let status = operator(&["status", "--json"]).run().code(0);
    assert_eq!(status.events()[0]["bridge"]["tunnels"], 1);
    assert_eq!(status.events()[0].get("relay"), None);
    operator(&["ban", "bob"]).run().code(4).one_error(&["the relay is elsewhere"]);
    let ban = operator(&["ban", "127.0.0.1"]).run().code(0);
    ban.out(&["disconnected 0 connections and 1 tunnel"]);
    xcher(by(&tunnel)).args(["who"]).run().code(3).one_error(&["403"]);
    operator(&["bans"]).run().code(0).out(&["127.0.0.1\tno end"]);
}

#[test]
fn reload_does_what_sighup_does_and_says_it() {
    let folder = tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let text = "total-rate = \"10mb\"\n";
    fs::write(&config, text).unwrap();
    let relay = Operated::start(&["--config", config.to_str().unwrap()]);
    let reload = || relay.operator(&["reload"]);
    reload().run().code(0).quiet().out(&["nothing has changed"]);
    fs::write(&config, format!("{text}max-connections = 2\nlisten = \"127.0.0.1:1\"\n")).unwrap();
    reload().run().code(0).out(&["now in force: --max-connections"]);
    relay.relay.process.err("now in force: --max-connections");
    let (_amy, _bob) = (relay.join("amy"), relay.join("bob"));
    assert!(Conn::to(relay.relay.address).line().unwrap().contains("too many connections"));
    // A bad file changes nothing, and the operator learns why.
    fs::write(&config, "max-connections = \"many\"\n").unwrap();
    let bad = reload().run().code(1).error(&["--max-connections"]).out(&[]);
    assert!(bad.err.iter().any(|line| line.ends_with("nothing was changed")), "{bad}");
    let json = relay.operator(&["reload", "--json"]).run().code(1);
    let reloaded = &json.events()[0];
    assert_eq!((&reloaded["event"], &reloaded["notes"]), (&json!("reloaded"), &json!([])));
    assert!(reloaded["errors"][0].as_str().unwrap().contains("max-connections"), "{json}");
    // One after the other, whoever asks.
    fs::write(&config, text).unwrap();
    let all: Vec<_> = (0..16).map(|_| reload().start()).collect();
    relay.relay.process.signal(rustix::process::Signal::HUP);
    let done = all.into_iter().map(|it| it.wait().code(0).out);
    let changed = done.filter(|out| out[0].starts_with("now in force")).count();
    assert!(changed <= 1, "only one finds the change: {changed}");
    let _carol = relay.join("carol");
}

#[test]
fn bridge_alone_reloads_too() {
    let folder = tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, "").unwrap();
    let admin = format!("unix:{}", folder.path().join("admin.sock").display());
    let relay = Relay::start_with(&["--http", "off"]);
    let bridge = relay.xcher(["bridge", "--http", "127.0.0.1:0", "--admin", &admin, "--config"]);
    let bridge = bridge.args([&config]).start();
    bridge.out("http ");
    fs::write(&config, "tunnel-rate = \"1mb\"\n").unwrap();
    let reload = xcher(["relay", "reload", "--admin", &admin]).run().code(0);
    reload.out(&["now in force: --tunnel-rate"]);
}

/// The process that follows gets the address of a process that drains, but not of one that runs.
#[test]
fn next_process_gets_the_address_of_one_that_drains() {
    for unix in [true, false] {
        let folder = tempdir().unwrap();
        let socket = format!("unix:{}", folder.path().join("admin.sock").display());
        let start = |admin: &str, options: &[&str]| {
            let relay = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "off"]);
            relay.args(["--drain", "300", "--admin", admin]).args(options).start()
        };
        let old = start(if unix { &socket } else { "127.0.0.1:0" }, &[]);
        let admin = old.out("admin ");
        let mut amy = Conn::to(old.out("relay ").parse().unwrap());
        amy.say("X_NICK amy\nX_CAPS from move\n");
        amy.hears("X_NICK amy YES");
        let status = || {
            let status = xcher(["relay", "status", "--json", "--admin", &admin]).run().code(0);
            status.events()[0].clone()
        };
        let refused = start(&admin, &[]).wait().code(3);
        refused.one_error(&["cannot listen on", "a server that runs has this address"]);
        // Both must share their ports.
        start(&admin, &["--reuse-port"]).wait().code(3);
        assert_eq!(status()["relay"]["connections"], 1);
        old.signal(rustix::process::Signal::TERM);
        old.err("draining for at most 300 s");
        let next = start(&admin, &[]);
        assert_eq!(next.out("admin "), admin);
        next.out("relay ");
        assert_eq!(status()["relay"]["connections"], 0, "the next process answers");
        old.stop(rustix::process::Signal::TERM);
        assert_eq!(status()["relay"]["connections"], 0, "its end takes nothing from the next");
    }
}

/// With --reuse-port the next process starts first. If it fails, the old one is watched as before.
#[test]
fn address_comes_back_from_a_process_that_fails() {
    let folder = tempdir().unwrap();
    let admin = format!("unix:{}", folder.path().join("admin.sock").display());
    let start = || {
        let relay = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "off", "--reuse-port"]);
        let relay = relay.args(["--admin", &admin]).start();
        relay.out("relay ");
        relay
    };
    let old = start();
    let _amy = Conn::to(old.out("relay ").parse().unwrap());
    let next = start();
    let connections = || {
        let status = xcher(["relay", "status", "--json", "--admin", &admin]).run();
        status.out.first().map(|_| status.events()[0]["relay"]["connections"].clone())
    };
    assert_eq!(connections(), Some(json!(0)));
    drop(next.stop(rustix::process::Signal::KILL));
    until("the old process answers again", || connections() == Some(json!(1)));
}

#[test]
fn web_pages_have_no_access() {
    let relay = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "off"]);
    let relay = relay.args(["--admin", "127.0.0.1:0"]).start();
    let at: SocketAddr = relay.out("admin ").parse().unwrap();
    let (host, json) = (format!("Host: {at}"), "Content-Type: application/json");
    let ban = r#"{"banned":"127.0.0.1"}"#;
    for (first, head, body, status) in [
        ("GET /metrics", &["Host: evil.example"][..], "", 421),
        ("GET /status", &["Host: evil.example:9249"], "", 421),
        ("POST /ban", &["Host: evil.example", json], ban, 421),
        ("POST /ban", &[&host, json, "Origin: http://evil.example"], ban, 403),
        ("POST /ban", &[&host, json, "Origin: null"], ban, 403),
        ("GET /status", &[&host, "Sec-Fetch-Site: cross-site"], "", 403),
        ("GET /status", &[&host, "Sec-Fetch-Site: same-origin"], "", 403),
        // What a page can send without asking first: no JSON, and no other method.
        ("POST /ban", &[&host, "Content-Type: text/plain"], ban, 415),
        ("POST /ban", &[&host], ban, 415),
        ("GET /ban", &[&host], "", 405),
        ("POST /reload", &[&host, "Origin: http://evil.example"], "{}", 403),
        ("POST /handover", &[&host, "Content-Type: text/plain"], "{\"reuse_port\":true}", 415),
        ("POST /quotas/reset", &[&host], "{\"account\":\"all\"}", 415),
        ("OPTIONS /ban", &[&host, "Access-Control-Request-Method: POST"], "", 405),
        ("GET /bans", &[&host], "", 200),
        ("GET /status", &["Host: localhost"], "", 200),
    ] {
        let answer = ask_tcp(at, &request(first, head, body));
        assert_eq!(answer.status, status, "{first} {head:?}\n{answer:?}");
        assert!(!answer.head.contains("access-control"), "{answer:?}");
        assert!(!answer.body.contains("127.0.0.1\""), "nobody was banned: {answer:?}");
    }
}

#[test]
fn an_address_that_others_reach_needs_a_token() {
    let folder = tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "open-sesame\n").unwrap();
    let start =
        |args: &[&str]| xcher(["relay", "--listen", "127.0.0.1:0", "--http", "off"]).args(args);
    start(&["--admin", "0.0.0.0:0"]).run().code(2).one_error(&["--admin-token-file"]).out(&[]);
    let token = token.to_str().unwrap();
    start(&["--admin-token-file", token]).run().code(2).one_error(&["without --admin"]);
    start(&["--admin", "relay.example"]).run().code(2);
    let relay = start(&["--admin", "0.0.0.0:0", "--admin-token-file", token]).start();
    let port = relay.out("admin 0.0.0.0:").parse::<u16>().unwrap();
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let get = |path: &str, head: &[&str]| {
        ask_tcp(
            at,
            &request(&format!("GET {path}"), &[&["Host: relay.example"], head].concat(), ""),
        )
    };
    assert_eq!(get("/healthz", &[]).status, 200);
    // It answers operators before it is ready.
    until("it is ready", || get("/readyz", &[]).status == 200);
    assert_eq!(get("/metrics", &[]).status, 401);
    assert_eq!(get("/metrics", &["Authorization: Bearer open-sesame"]).status, 200);
    let admin = format!("127.0.0.1:{port}");
    let status = |args: &[&str]| xcher(["relay", "status", "--admin", &admin]).args(args).run();
    status(&["--admin-token-file", token]).code(0).quiet();
    status(&[]).code(4).one_error(&["needs its token"]);
    for number in 0..10 {
        let wrong = get("/status", &[&format!("Authorization: Bearer open-barley{number}")]);
        assert_eq!((wrong.status, wrong.body.as_str()), (401, "refused: the token is wrong\n"));
    }
    // Even the right one, or guessing could go on.
    assert_eq!(get("/status", &["Authorization: Bearer open-sesame"]).status, 429);
}

#[test]
fn idle_and_broken_requests_do_not_lock_the_operator_out() {
    let relay = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "off"]);
    let relay = relay.args(["--admin", "127.0.0.1:0"]).start();
    let admin = relay.out("admin ");
    let at: SocketAddr = admin.parse().unwrap();
    let idle: Vec<_> = (0..100).map(|_| TcpStream::connect(at).unwrap()).collect();
    let host = format!("Host: {at}");
    for (bytes, status) in [
        (request("POST /kick", &[&host, "Content-Type: application/json"], "{"), 400),
        (request("POST /kick", &[&host, "Content-Type: application/json"], "{}"), 422),
        (request("POST /kick", &[&host, "Content-Type: application/json"], &"x".repeat(9000)), 413),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000)), 431),
        ("\u{1}\u{2}\r\n\r\n".to_owned(), 400),
        (request("GET /nothing", &[&host], ""), 404),
    ] {
        let answer = ask_tcp(at, &bytes);
        assert!(answer.status == status || answer.status == 0, "{status}: {answer:?}");
    }
    let status = xcher(["relay", "status", "--admin", &admin]).run().code(0).quiet();
    assert!(status.out.contains(&"ready        yes".to_owned()), "{status}");
    drop(idle);
}

#[test]
fn no_listener_is_one_clear_error() {
    xcher(["relay", "status"]).run().code(2).one_error(&["--admin"]);
    let folder = tempdir().unwrap();
    let nobody = format!("unix:{}", folder.path().join("none").display());
    let status = xcher(["relay", "status", "--admin", &nobody]).run();
    status.code(3).one_error(&["no relay or bridge answers"]);
    // What answers is something else.
    let relay = Relay::start_with(&["--http", "127.0.0.1:0"]);
    let page = relay.process.out("http http://");
    for other in [relay.address.to_string(), page.trim_end_matches('/').to_owned()] {
        let status = xcher(["relay", "status", "--admin", &other]).run();
        status.code(3).one_error(&["no relay or bridge answers"]);
    }
}

#[test]
fn the_token_for_operators_is_never_shared() {
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("a", "1"), ("token", "open-sesame\n")]);
    let token = folder.path().join("token");
    let up = xcher(["up", "--listen", "127.0.0.1:0", "--http", "off", "--nick", "bob"]);
    let up = up.args(["--admin", "127.0.0.1:0", "--admin-token-file"]).args([&token]);
    let up: Process = up.args([folder.path()]).start();
    let relay = up.out("relay ");
    up.out("online ");
    let ls = xcher(["--relay", &relay, "ls", "bob"]).run().code(0);
    assert!(ls.out.iter().any(|line| line.ends_with("/a")), "{ls}");
    assert!(!ls.out.iter().any(|line| line.contains("token")), "{ls}");
}

/// Returns the names of metrics in a text.
fn names(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let is_name = |part: &&str| part.starts_with("xcher_") || part.starts_with("process_");
    parts.filter(is_name).map(str::to_owned).collect()
}

/// Lets Prometheus's own tool judge a file, or a text on its standard input.
fn promtool(args: &[&str], file: Option<&Path>, input: &str) {
    let mut tool = Command::new("promtool");
    tool.args(args).args(file).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = tool.spawn() else {
        return not_tested("promtool is not installed (Debian: prometheus)");
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{args:?}: {done:?}");
}

#[test]
fn dashboard_and_alerts_name_metrics_that_exist() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/monitoring");
    let relay = Operated::start(&[]);
    let metrics = relay.metrics();
    let exists = |name: &str| metrics.keys().any(|key| key.split('{').next() == Some(name));
    let dashboard = fs::read_to_string(folder.join("grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries: Vec<_> = targets.map(|it| it["expr"].as_str().unwrap().to_owned()).collect();
    let rules = fs::read_to_string(folder.join("prometheus-rules.yml")).unwrap();
    let queries = queries.into_iter().chain([rules]);
    let named: Vec<_> = queries.flat_map(|query| names(&query)).collect();
    assert!(named.len() > 30, "{named:?}");
    for name in &named {
        assert!(exists(name), "{name} is in no scrape");
    }
    promtool(&["check", "rules"], Some(&folder.join("prometheus-rules.yml")), "");
    promtool(&["check", "metrics"], None, &relay.get("/metrics").body);
    let shown = dashboard.to_string();
    for key in metrics.keys().filter(|key| key.starts_with("xcher_")) {
        let name = key.split('{').next().unwrap();
        assert!(names(&shown).iter().any(|shown| shown == name), "{name} is not on the dashboard");
    }
}
