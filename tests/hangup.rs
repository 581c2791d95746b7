//! SIGHUP: a relay, a bridge and `up` read their files again and apply what can change while they run.

#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use system::process::{Done, Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree;
use system::wire::Conn;
use tempfile::{TempDir, tempdir};

/// A folder with files that a test writes and rewrites.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.at(name), text).unwrap();
        self.at(name)
    }

    /// Writes the configuration file with these lines.
    fn config(&self, lines: &str) -> PathBuf {
        self.write("config.toml", lines)
    }

    /// Writes a token file; returns the configuration line that names it.
    fn token_line(&self, name: &str, token: &str) -> String {
        format!("token-file = {:?}\n", self.write(name, token))
    }

    fn relay(&self, options: &[&str]) -> Relay {
        let config = self.at("config.toml");
        Relay::start_with(&[&["--config", config.to_str().unwrap()], options].concat())
    }
}

/// Sends SIGHUP and waits until one more line contains `expected`.
fn hangup(process: &Process, expected: &str) {
    let count = |lines: &[String]| lines.iter().filter(|line| line.contains(expected)).count();
    let before = process.until("lines", |lines| Some(count(&lines.err)));
    process.signal(Signal::HUP);
    process.until(&format!("{expected:?} after SIGHUP"), |lines| {
        (count(&lines.err) > before).then_some(())
    });
}

/// A command of a host that connects through the relay's bridge, with a token if one is given.
fn through(relay: &Relay, token: Option<&Path>, command: &[&str]) -> Xcher {
    let host = xcher(by(&relay.tunnel())).args(command);
    token.into_iter().fold(host, |host, token| host.args(["--token-file"]).args([token]))
}

fn who(relay: &Relay, token: Option<&Path>) -> Done {
    through(relay, token, &["who"]).run()
}

/// Requests a path from the bridge with a Host and one more header; returns the response, head and body.
fn get(relay: &Relay, path: &str, host: &str, header: &str) -> String {
    let url = relay.process.out("http http://");
    let mut socket = Conn::to(url.trim_end_matches('/').parse().unwrap());
    socket.say(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{header}\r\n"));
    socket.lines().join("\n")
}

fn requires_token(relay: &Relay) -> bool {
    get(relay, "/config.json", "localhost", "").contains("\"token\":true")
}

#[test]
fn a_new_token_is_required_and_an_open_tunnel_stays_open() {
    let files = Files::new();
    let (old, new) = (files.write("old", "open-sesame\n"), files.write("new", "open-barley\n"));
    let token = files.write("token", "open-sesame\n");
    let relay = Relay::start_with(&["--token-file", token.to_str().unwrap()]);
    tree::write(&files.at("shared"), [("file", tree::bytes(1, 100_000))]);
    let bob = through(&relay, Some(&old), &["share", "--nick", "bob"]);
    let bob = bob.args([files.at("shared")]).start();
    bob.out("online ");
    who(&relay, Some(&old)).code(0);

    files.write("token", "open-barley\n");
    hangup(&relay.process, "new tunnels need the new token now");
    who(&relay, Some(&old)).code(3).one_error(&["401"]);
    who(&relay, Some(&new)).code(0).out(&["bob"]);
    let fetch = through(&relay, Some(&new), &["get", "bob", "--all"]);
    fetch.args(["-o"]).args([files.at("out")]).run().code(0);
    assert_eq!(tree::read(&files.at("out/shared")), tree::read(&files.at("shared")));
    assert!(!bob.seen_err("disconnected from the relay"));
    hangup(&relay.process, "nothing has changed");
}

#[test]
fn the_configuration_file_adds_and_removes_a_token() {
    let files = Files::new();
    files.config("");
    let relay = files.relay(&[]);
    who(&relay, None).code(0);
    assert!(!requires_token(&relay));

    let line = files.token_line("token", "open-sesame\n");
    files.config(&line);
    hangup(&relay.process, "now in force: --token-file");
    relay.process.err("new tunnels need the token now");
    who(&relay, None).code(3).one_error(&["401"]);
    who(&relay, Some(&files.at("token"))).code(0);
    assert!(requires_token(&relay));

    files.config("");
    hangup(&relay.process, "new tunnels need no token now");
    who(&relay, None).code(0);
    assert!(!requires_token(&relay));
}

#[test]
fn a_separate_bridge_applies_a_new_token() {
    let (files, relay) = (Files::new(), Relay::start());
    let token = files.write("token", "open-sesame\n");
    let bridge = relay.xcher(["bridge", "--http", "127.0.0.1:0", "--token-file"]).args([&token]);
    let bridge = bridge.start();
    let at = bridge.out("http ");
    let who = || xcher(by(&at)).args(["who", "--token-file"]).args([&files.at("shown")]).run();
    files.write("shown", "open-barley\n");
    who().code(3);
    files.write("token", "open-barley\n");
    hangup(&bridge, "new tunnels need the new token now");
    who().code(0);
}

#[test]
fn a_bad_token_file_leaves_the_token_in_force() {
    let files = Files::new();
    let (token, old) = (files.write("token", "open-sesame\n"), files.write("old", "open-sesame\n"));
    files.config("");
    let relay = files.relay(&["--token-file", token.to_str().unwrap()]);
    relay.process.out("http ");
    for (text, expected) in [(Some("\n"), "no token on the first line"), (None, "cannot read")] {
        match text {
            Some(text) => drop(files.write("token", text)),
            None => fs::remove_file(&token).unwrap(),
        }
        // Every other change is applied.
        files.config(&format!("host-name = \"relay{}.example\"\n", expected.len()));
        hangup(&relay.process, expected);
        let line = relay.process.err(expected);
        assert!(line.ends_with("; the old token stays in force"), "{line}");
        relay.process.err("now in force: --host-name");
        who(&relay, None).code(3).one_error(&["401"]);
        who(&relay, Some(&old)).code(0);
    }
}

#[test]
fn limits_of_the_configuration_file_take_effect() {
    let files = Files::new();
    files.config("");
    let relay = files.relay(&[]);
    tree::write(&files.at("shared"), [("file", "12345")]);
    let bob = relay.share("bob", &files.at("shared"));
    let who = || relay.xcher(["who"]).run();
    for (limit, expected) in
        [("max-connections", "connections"), ("max-per-address", "your address")]
    {
        files.config(&format!("{limit} = 1\n"));
        hangup(&relay.process, &format!("now in force: --{limit}"));
        who().code(3).one_error(&["the limit is 1", expected]);
        files.config("");
        hangup(&relay.process, &format!("now in force: --{limit}"));
        who().code(0).out(&["bob"]);
    }
    // A connected client stays connected.
    assert!(!bob.seen_err("disconnected from the relay"));
}

#[test]
fn the_relay_forwards_any_address_once_it_is_allowed() {
    let files = Files::new();
    files.config("");
    let relay = files.relay(&[]);
    let [mut amy, mut bob] = ["amy", "bob"].map(|nick| {
        let mut conn = Conn::to(relay.address);
        conn.say(format!("X_NICK {nick}\n"));
        conn.hears(&format!("X_NICK {nick} YES"));
        conn
    });
    amy.say("X_INIT bob 8.8.8.8 4000\n");
    assert!(amy.line().unwrap().starts_with("X_ERR X_INIT "));
    files.config("any-address = true\n");
    hangup(&relay.process, "now in force: --any-address");
    amy.say("X_INIT bob 8.8.8.8 4000\n");
    bob.hears("X_INIT bob 8.8.8.8 4000");
}

/// The host of `up` trusts its relay to let others name no loopback address.
#[test]
fn up_forwards_any_address_only_if_it_did_from_the_start() {
    let files = Files::new();
    files.config("");
    tree::write(&files.at("s"), [("file", "1")]);
    let config = files.at("config.toml");
    let up = xcher(["up", "--listen", "127.0.0.1:0", "--nick", "bob"])
        .args([Path::new("--config"), &config]);
    let up = up.args([files.at("s")]).start();
    let address = up.out("relay ").parse().unwrap();
    up.out("online ");
    files.config("any-address = true\n");
    hangup(&up, "--any-address has changed; restart to apply it");
    let mut amy = Conn::to(address);
    amy.say("X_NICK amy\n");
    amy.hears("X_NICK amy YES");
    amy.say("X_INIT bob 8.8.8.8 4000\n");
    assert!(amy.line().unwrap().starts_with("X_ERR X_INIT "));
}

#[test]
fn the_bridge_applies_new_names_origins_and_proxies() {
    let files = Files::new();
    files.config("");
    let relay = files.relay(&[]);
    let named = || get(&relay, "/healthz", "relay.example", "");
    let origin = || get(&relay, "/xcher", "localhost", "Origin: https://friend.example\r\n");
    let proxied = || get(&relay, "/xcher", "localhost", "X-Forwarded-For: 8.8.8.8\r\n");
    assert!(named().starts_with("HTTP/1.1 421 "));
    assert!(origin().starts_with("HTTP/1.1 403 "));
    assert!(proxied().contains("is not trusted"));
    files.config(
        "host-name = \"relay.example\"\nallow-origin = \"https://friend.example\"\n\
         trusted-proxy = \"127.0.0.1\"\n",
    );
    let expected = "now in force: --allow-origin, --host-name, --trusted-proxy";
    hangup(&relay.process, expected);
    assert!(named().starts_with("HTTP/1.1 200 "));
    // Only the headers of a WebSocket are missing.
    assert!(origin().starts_with("HTTP/1.1 426 "), "{}", origin());
    assert!(proxied().starts_with("HTTP/1.1 426 "), "{}", proxied());
    files.config("");
    hangup(&relay.process, expected);
    assert!(named().starts_with("HTTP/1.1 421 "));
    assert!(origin().starts_with("HTTP/1.1 403 "));
}

#[test]
fn rates_apply_to_open_tunnels() {
    let files = Files::new();
    files.config("");
    let relay = files.relay(&[]);
    tree::write(&files.at("shared"), [("file", tree::bytes(1, 1_000_000))]);
    let bob = through(&relay, None, &["share", "--nick", "bob"]).args([files.at("shared")]).start();
    bob.out("online ");
    let fetch = |to: &str| {
        let began = Instant::now();
        let fetch = relay.xcher(["get", "bob", "--all", "-o"]).args([files.at(to)]);
        fetch.run().code(0);
        began.elapsed()
    };
    fetch("fast");
    files.config("tunnel-rate = \"500kb\"\n");
    hangup(&relay.process, "now in force: --tunnel-rate");
    let took = fetch("slow");
    assert!(took > Duration::from_millis(1500), "{took:?}");
}

#[test]
fn names_options_that_need_a_restart() {
    let files = Files::new();
    files.config("listen = \"127.0.0.1:0\"\n");
    let config = files.at("config.toml");
    let relay = xcher(["relay", "--http", "127.0.0.1:0", "--config"]).args([&config]).start();
    let address = relay.out("relay ");
    relay.out("http ");
    files.config(
        "listen = \"127.0.0.1:1\"\nhttp = \"127.0.0.1:2\"\ntunnel-ports = \"40000-40999\"\n\
         public-ip = \"8.8.8.8\"\nmax-connections = 10\ndrain = 30\n",
    );
    // Every SIGHUP reports it until the restart.
    for _ in 0..2 {
        hangup(&relay, "--listen has changed; restart to apply it");
    }
    relay.err("--drain has changed; restart to apply it");
    relay.err("now in force: --max-connections, --public-ip, --tunnel-ports");
    files.config("listen = \"127.0.0.1:0\"\nmax-connections = 10\n");
    hangup(&relay, "now in force: --public-ip, --tunnel-ports");
    hangup(&relay, "nothing has changed");
    xcher(["who", "--relay", &address]).run().code(0);
    let done = relay.stop(Signal::TERM).code(0);
    // An option of the command line stays in force, whatever the file says.
    let done = done.no_error("--http");
    let count = |what: &str| done.err.iter().filter(|line| line.contains(what)).count();
    assert_eq!(count("--max-connections"), 1, "{done}");
    assert_eq!(count("--public-ip"), 2, "{done}");
}

#[test]
fn the_command_line_overrides_a_changed_file() {
    let files = Files::new();
    files.config("");
    let relay = files.relay(&["--max-connections", "5"]);
    files.config("max-connections = 0\n");
    hangup(&relay.process, "nothing has changed");
    relay.xcher(["who"]).run().code(0);
}

#[test]
fn an_invalid_configuration_file_changes_nothing() {
    let files = Files::new();
    files.config("");
    let relay = files.relay(&[]);
    relay.process.out("http ");
    for (line, expected) in [
        ("max-connections =", "cannot read"),
        ("no-such-option = 1", "no-such-option"),
        ("max-per-address = \"many\"", "'many' for '--max-per-address"),
        ("allow-origin = \"*\"", "https://example.org"),
        ("trusted-proxy = \"proxy\"", "10.0.0.0/24"),
        ("max-per-address = [1]", "takes one value"),
    ] {
        // The valid line before it is not applied either.
        files.config(&format!("max-connections = 0\n{line}\n"));
        hangup(&relay.process, expected);
        let message = relay.process.err(expected);
        assert!(message.ends_with("; nothing was changed"), "{message}");
        relay.xcher(["who"]).run().code(0);
    }
    fs::remove_file(files.at("config.toml")).unwrap();
    hangup(&relay.process, "cannot read");
    files.config("max-connections = 0\n");
    hangup(&relay.process, "now in force: --max-connections");
    relay.xcher(["who"]).run().code(3).one_error(&["too many connections: the limit is 0"]);
}

#[test]
fn up_keeps_sharing() {
    let files = Files::new();
    tree::write(&files.at("shared"), [("file", "12345")]);
    let shared = files.at("shared");
    let line = files.token_line("shared/token", "open-sesame\n");
    files.config(&line);
    let up = ["up", shared.to_str().unwrap(), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let config = files.at("config.toml");
    let up = xcher(up).args(["--nick", "bob", "--config"]).args([config]).start();
    let at = up.out("relay ");
    up.out("online ");
    let ls = || xcher(["ls", "bob", "--relay", &at]).run().code(0);
    ls().out(&["5\tshared/file"]);

    files.write("shared/token", "open-barley\n");
    hangup(&up, "new tunnels need the new token now");
    ls().out(&["5\tshared/file"]);
    // A token file that is named later would be shared: which files are not is decided at the start.
    let line = files.token_line("shared/other", "open-rye\n");
    files.config(&format!("{line}timeout = 9\nmax-connections = 9\n"));
    hangup(&up, "--token-file has changed; restart to apply it");
    up.err("--timeout has changed; restart to apply it");
    up.err("now in force: --max-connections");
    let tunnel = format!("ws://{}xcher", up.out("http http://"));
    let who = |token: &str| {
        xcher(by(&tunnel)).args(["who", "--token-file"]).args([files.at(token)]).run()
    };
    who("shared/token").code(0).out(&["bob"]);
    who("shared/other").code(3);
    up.stop(Signal::TERM).code(0);
}
