//! The log of a relay and bridge: a line for each connection, call, tunnel and refusal, and no secret.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::net::SocketAddr;

use rustix::process::Signal;
use serde_json::Value;
use system::process::{Done, Process, xcher};
use system::recorder::Recorder;
use system::relay::by;
use system::tree;
use system::wire::Conn;
use tempfile::tempdir;

/// Starts a relay that logs in JSON; returns it with its addresses.
fn relay(options: &[&str]) -> (Process, SocketAddr, SocketAddr) {
    let relay = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    let relay = relay.args(["--log-format", "json"]).args(options).start();
    let at = relay.out("relay ").parse().unwrap();
    let http = relay.out("http http://").trim_end_matches('/').parse().unwrap();
    (relay, at, http)
}

/// Returns the lines of a relay's log.
fn lines(done: &Done) -> Vec<Value> {
    let parse = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    // The program's own notes to people have no format.
    done.err.iter().filter(|line| !line.starts_with("xcher: ")).map(parse).collect()
}

/// Returns the lines with this message.
fn of<'a>(lines: &'a [Value], message: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["message"] == message).collect()
}

#[test]
fn connections_calls_tunnels_and_refusals_have_a_line_each() {
    let (relay, at, http) = relay(&["--max-per-address", "3"]);
    let [mut amy, mut bob] = ["amy", "bob"].map(|nick| {
        let mut client = Conn::to(at);
        client.say(format!("X_NICK {nick}\n"));
        assert_eq!(client.line().unwrap(), format!("X_NICK {nick} YES"));
        client
    });
    amy.say("X_INIT bob 127.0.0.1 5000\nX_INIT carol\u{1b}[2J 127.0.0.1 5000\n");
    assert_eq!(bob.line().unwrap(), "X_INIT bob 127.0.0.1 5000");
    assert!(amy.line().unwrap().starts_with("X_ERR X_INIT no such nick"));
    amy.say("X_END\n");
    let page = format!("ws://{http}/xcher");
    xcher(by(&page)).args(["who"]).run().code(0);
    let mut foreign = Conn::to(http);
    foreign.say(format!(
        "GET /xcher HTTP/1.1\r\nHost: {http}\r\nOrigin: http://evil.example/\u{e9}\u{202e}\r\n\r\n"
    ));
    relay.until("the refusal and the end of the tunnel", |lines| {
        let has = |part| lines.err.iter().any(|line| line.contains(part));
        (has("\"refusal\"") && has("\"tunnel\"") && has("\"connection\"")).then_some(())
    });
    let done = relay.stop(Signal::TERM).code(0);
    let lines = lines(&done);
    let calls = of(&lines, "call");
    let outcomes: Vec<_> = calls.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["delivered", "no_such_nick"], "{done}");
    let call = calls[0];
    assert_eq!((&call["nick"], &call["callee"]), (&"amy".into(), &"bob".into()));
    assert_eq!((&call["id"], &call["address"]), (&1.into(), &"127.0.0.1".into()));
    let connections = of(&lines, "connection");
    let amy = connections.iter().find(|line| line["nick"] == "amy").unwrap();
    assert_eq!((&amy["id"], &amy["outcome"]), (&1.into(), &"end".into()));
    assert!(amy["received"].as_u64().unwrap() > 40 && amy["sent"].as_u64().unwrap() > 20);
    assert!(amy["seconds"].is_f64() && amy["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    let bob = connections.iter().find(|line| line["nick"] == "bob").unwrap();
    assert_eq!(bob["outcome"], "stopped");
    let tunnel = of(&lines, "tunnel")[0];
    assert_eq!((&tunnel["id"], &tunnel["outcome"]), (&1.into(), &"closed_by_client".into()));
    assert!(tunnel["received"].as_u64().unwrap() > 0);
    let refusal = of(&lines, "refusal")[0];
    assert_eq!((&refusal["outcome"], &refusal["address"]), (&"origin".into(), &"127.0.0.1".into()));
    // Nothing that a client wrote reaches a terminal as it was.
    assert!(!done.err.iter().any(|line| line.contains(['\u{1b}', '\u{202e}'])), "{done}");
}

#[test]
fn no_token_ticket_invitation_or_code_is_logged_at_any_level() {
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("s/secret-name", "12345"), ("token", "open-sesame\n")]);
    let (token, path) = (folder.path().join("token"), folder.path().join("s"));
    let token = token.to_str().unwrap();
    for format in ["json", "text"] {
        let relay = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        let relay = relay.args(["--token-file", token, "--admin", "127.0.0.1:0"]);
        let relay = relay.args(["--admin-token-file", token, "--log-format", format]);
        let relay = relay.env("XCHER_LOG", "trace").start();
        let at: SocketAddr = relay.out("relay ").parse().unwrap();
        let http = relay.out("http http://");
        let recorder = Recorder::before(at);
        let paths = [recorder.address.to_string(), format!("ws://{http}xcher")];
        let mut codes = Vec::new();
        for (round, relay) in paths.iter().enumerate() {
            let at = |args: &[&str]| xcher(by(relay)).args(args).args(["--token-file", token]);
            let sender = at(&["send", path.to_str().unwrap()]).start();
            let code = sender.until("a code", |lines| lines.out.first().cloned());
            let out = folder.path().join(format!("{format}{round}"));
            at(&["get", &code, "--yes"]).args(["-o"]).args([&out]).run().code(0);
            sender.wait().code(0);
            codes.push(code);
        }
        // A code that was typed where a nick belongs, and a wrong token.
        let mut typed = Conn::to(at);
        typed.say("X_NICK 77-typed-by-mistake\n");
        typed.line().unwrap();
        typed.say("X_INIT 4821-crossover-clockwork-glad 127.0.0.1 5000\n");
        typed.line().unwrap();
        let wrong = folder.path().join("wrong");
        fs::write(&wrong, "open-barley\n").unwrap();
        let who = xcher(by(&paths[1])).args(["who", "--token-file"]).args([&wrong]).run();
        who.code(3);
        let admin = relay.out("admin ");
        let status = xcher(["relay", "status", "--admin", &admin, "--admin-token-file", token]);
        status.run().code(0);
        drop(typed);
        let recorded = String::from_utf8_lossy(&recorder.heard()).into_owned();
        let fields = |verb: &'static str| {
            let lines = recorded.lines().filter(move |line| line.starts_with(verb));
            lines.flat_map(|line| line.split(' ').skip(1)).filter(|it| it.len() == 24)
        };
        let tickets: Vec<_> = fields("X_TICKET ").chain(fields("X_MEET ")).collect();
        assert!(!tickets.is_empty(), "no ticket was recorded\n{recorded}");
        let done = relay.stop(Signal::TERM).code(0);
        assert!(done.err.len() > 20, "{done}");
        let words: Vec<_> = codes.iter().flat_map(|code| code.split('-').skip(1)).collect();
        let numbers: Vec<_> =
            codes.iter().map(|code| format!("\"{}\"", code.split('-').next().unwrap())).collect();
        let secrets = ["open-sesame", "b3Blbi1zZXNhbWU", "open-barley", "mistake", "clockwork"];
        let secrets = secrets.into_iter().chain(tickets).chain(words);
        for secret in secrets.chain(numbers.iter().map(String::as_str)).chain(["secret-name"]) {
            let line = done.err.iter().find(|line| line.contains(secret));
            assert!(line.is_none(), "{secret} is in the log: {line:?}");
        }
        assert!(done.err.iter().any(|line| line.contains("code")), "{done}");
    }
}
