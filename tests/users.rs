//! `--users`: a relay and its bridge admit users by their tokens, for the TCP port as for tunnels.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree;
use system::wire::Conn;
use tempfile::{TempDir, tempdir};

/// Users, each with a token in a file of its own.
struct Users(TempDir);

impl Users {
    /// Makes a token for each name, and adds the other lines to its entry.
    fn new(users: &[(&str, &str)]) -> Self {
        let users_file = Self(tempdir().unwrap());
        users_file.write(
            &users.iter().map(|(name, more)| users_file.entry(name, more)).collect::<String>(),
        );
        users_file
    }

    /// Makes a token, and returns the entry of the user.
    fn entry(&self, name: &str, more: &str) -> String {
        let done = xcher(["relay", "token", name]).run().code(0);
        let (token, entry) = done.out.split_first().unwrap();
        fs::write(self.token(name), format!("{token}\n")).unwrap();
        format!("{}\n{more}\n", entry.join("\n"))
    }

    fn token(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("users.toml")
    }

    fn write(&self, text: &str) {
        fs::write(self.file(), text).unwrap();
    }

    fn read(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn relay(&self, options: &[&str]) -> Relay {
        let file = self.file();
        let users = ["--http", "127.0.0.1:0", "--users", file.to_str().unwrap()];
        Relay::start_with(&[&users, options].concat())
    }

    /// A command of a host with the token of a user, or without one.
    fn host(&self, relay: &str, user: Option<&str>, command: &[&str]) -> Xcher {
        let host = xcher(by(relay)).args(command);
        user.into_iter()
            .fold(host, |host, user| host.args(["--token-file"]).args([self.token(user)]))
    }

    fn share(&self, relay: &str, user: &str, nick: &str) -> Process {
        let folder = self.0.path().join("shared");
        tree::write(&folder, [("file", tree::bytes(1, 300_000))]);
        let share =
            self.host(relay, Some(user), &["share", "--nick", nick]).args([&folder]).start();
        share.out("online ");
        share
    }
}

/// Returns the two ways to a relay.
fn ways(relay: &Relay) -> [String; 2] {
    [relay.address.to_string(), relay.tunnel()]
}

#[test]
fn users_exchange_files_over_every_pair_of_ways_and_others_do_not() {
    let users =
        Users::new(&[("amy", "nicks = [\"amy\", \"amy-*\"]\nreserved = true"), ("bob", "")]);
    let wrong = users.token("wrong");
    fs::write(&wrong, "not-a-token\n").unwrap();
    let relay = users.relay(&[]);
    for (round, from) in ways(&relay).iter().enumerate() {
        let nick = format!("amy-{round}");
        let _amy = users.share(from, "amy", &nick);
        for to in &ways(&relay) {
            let out = tempdir().unwrap();
            let get = users.host(to, Some("bob"), &["get", &nick, "--all"]);
            get.args(["-o"]).args([out.path()]).run().code(0);
            let shared = tree::read(&users.0.path().join("shared"));
            assert!(tree::read(&out.path().join("shared")) == shared, "{from} {to}");
        }
    }
    let [tcp, tunnel] = ways(&relay);
    users.host(&tcp, None, &["who"]).run().code(4).one_error(&["needs a token", "--token-file"]);
    users.host(&tunnel, None, &["who"]).run().code(3).one_error(&["401"]);
    users.host(&tcp, Some("wrong"), &["who"]).run().code(4).one_error(&["no token of this relay"]);
    users.host(&tunnel, Some("wrong"), &["who"]).run().code(3).one_error(&["401"]);
    // The nicks of a user, and those alike.
    for to in ways(&relay) {
        let nick = |user, nick| users.host(&to, Some(user), &["who", "--nick", nick]).run();
        nick("bob", "аmy").code(4).one_error(&["reserved for another user"]);
        nick("amy", "carol").code(4).one_error(&["your nicks here are amy, amy-*"]);
        nick("amy", "amy").code(0);
    }
}

#[test]
fn clients_without_a_token_are_admitted_where_the_file_says_so() {
    let users = Users::new(&[("amy", "nicks = [\"amy\"]\nreserved = true")]);
    users.write(&format!("{}\n[anonymous]\nconnections = 1\ntunnels = 1\n", users.read()));
    let relay = users.relay(&[]);
    for way in ways(&relay) {
        let other =
            users.host(&way, None, &["share", "--nick", "other"]).args([users.file()]).start();
        other.out("online ");
        let refused = users.host(&way, None, &["who"]).run();
        match way.contains("://") {
            true => refused.code(3).one_error(&["429"]),
            false => refused.code(4).one_error(&["too many of connections without"]),
        };
        users.host(&way, Some("amy"), &["who", "--nick", "amy"]).run().code(0).out(&["other"]);
        other.stop(Signal::TERM);
    }
    users.host(&relay.address.to_string(), None, &["who", "--nick", "amy"]).run().code(4);
}

#[test]
fn a_bridge_to_a_relay_elsewhere_passes_the_token_on() {
    let users = Users::new(&[("amy", ""), ("bob", "")]);
    let relay = users.relay(&[]);
    let bridge =
        relay.xcher(["bridge", "--http", "127.0.0.1:0", "--users"]).args([users.file()]).start();
    let elsewhere = format!("ws://{}xcher", bridge.out("http http://"));
    let _amy = users.share(&elsewhere, "amy", "amy");
    users.host(&elsewhere, Some("bob"), &["who"]).run().code(0).out(&["amy"]);
    users.host(&elsewhere, None, &["who"]).run().code(3).one_error(&["401"]);
    // A bridge without users lets the tunnel open, and the relay decides.
    let open = relay.xcher(["bridge", "--http", "127.0.0.1:0"]).start();
    let open = format!("ws://{}xcher", open.out("http http://"));
    users.host(&open, Some("bob"), &["who"]).run().code(0).out(&["amy"]);
    users.host(&open, None, &["who"]).run().code(4).one_error(&["needs a token"]);
}

#[test]
fn the_bridges_own_token_stays_valid_beside_users() {
    let users = Users::new(&[("amy", "nicks = [\"amy\"]\nreserved = true")]);
    fs::write(users.token("own"), "open-sesame\n").unwrap();
    let own = users.token("own");
    let relay = users.relay(&["--token-file", own.to_str().unwrap()]);
    let [tcp, tunnel] = ways(&relay);
    users.host(&tunnel, Some("own"), &["who"]).run().code(0);
    users
        .host(&tunnel, Some("amy"), &["who"])
        .run()
        .code(4)
        .one_error(&["your nicks here are amy"]);
    users.host(&tunnel, Some("own"), &["who", "--nick", "amy"]).run().code(4);
    users.host(&tcp, Some("own"), &["who"]).run().code(4).one_error(&["no token of this relay"]);
}

#[test]
fn a_reload_disconnects_removed_users_and_a_bad_file_changes_nothing() {
    let users = Users::new(&[("amy", "")]);
    let with_amy = users.read();
    users.write(&format!("{with_amy}{}", users.entry("bob", "")));
    let relay = users.relay(&[]);
    let [tcp, tunnel] = ways(&relay);
    let amy = users.share(&tcp, "amy", "amy");
    let [bob, robert] = [users.share(&tcp, "bob", "bob"), users.share(&tunnel, "bob", "robert")];
    let both = users.read();
    for (bad, why) in [
        ("[[user]]\nname = \"amy\"\ncolour = 1\n", "users.toml, line 3: unknown field `colour`"),
        ("[[user]]\n", "users.toml, line 1: missing field `name`"),
    ] {
        users.write(bad);
        relay.process.signal(Signal::HUP);
        relay.process.err(why);
        relay.process.err("the old users stay in force");
        users.host(&tcp, Some("bob"), &["who"]).run().code(0);
    }
    users.write(&both);
    relay.process.signal(Signal::HUP);
    relay.process.err("nothing has changed");
    users.write(&with_amy);
    relay.process.signal(Signal::HUP);
    relay.process.err("the users have changed: 1 are in force");
    for host in [&bob, &robert] {
        host.err("disconnected from the relay");
    }
    users.host(&tcp, Some("amy"), &["who"]).run().code(0).out(&["amy"]);
    users.host(&tcp, Some("bob"), &["who"]).run().code(4);
    users.host(&tunnel, Some("bob"), &["who"]).run().code(3).one_error(&["401"]);
    assert!(!amy.seen_err("disconnected from the relay"));
}

#[test]
fn users_are_turned_on_and_off_by_a_restart_only() {
    let users = Users::new(&[("amy", "")]);
    let config = users.0.path().join("config.toml");
    let names = format!("users = {:?}\n", users.file());
    let options = ["--http", "127.0.0.1:0", "--config", config.to_str().unwrap()];
    for (before, after, code) in [(names.as_str(), "", 4), ("", names.as_str(), 0)] {
        fs::write(&config, before).unwrap();
        let relay = Relay::start_with(&options);
        fs::write(&config, after).unwrap();
        relay.process.signal(Signal::HUP);
        relay.process.err("--users has changed; restart to apply it");
        users.host(&relay.address.to_string(), None, &["who"]).run().code(code);
    }
    // Another file is read at once.
    let other = Users::new(&[("bob", "")]);
    fs::write(&config, &names).unwrap();
    let relay = Relay::start_with(&options);
    fs::write(&config, format!("users = {:?}\n", other.file())).unwrap();
    relay.process.signal(Signal::HUP);
    relay.process.err("now in force: --users");
    let tcp = relay.address.to_string();
    other.host(&tcp, Some("bob"), &["who"]).run().code(0);
    users.host(&tcp, Some("amy"), &["who"]).run().code(4);
}

#[test]
fn limits_of_a_user_hold_over_both_ways() {
    let users = Users::new(&[("amy", "connections = 2\ntunnels = 1"), ("bob", "")]);
    let relay = users.relay(&[]);
    let [tcp, tunnel] = ways(&relay);
    let one = users.share(&tunnel, "amy", "one");
    users.host(&tunnel, Some("amy"), &["who"]).run().code(3).one_error(&["429"]);
    // A page asks why by an ordinary request, since a WebSocket does not tell.
    let url = relay.process.out("http http://");
    let mut page = Conn::to(url.trim_end_matches('/').parse().unwrap());
    let token = fs::read_to_string(users.token("amy")).unwrap();
    let bearer = format!("Authorization: Bearer {}", token.trim());
    page.say(format!(
        "GET /xcher HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{bearer}\r\n\r\n"
    ));
    let answer = page.lines().join("\n");
    assert!(answer.contains(" 429 ") && answer.contains("you have as many tunnels"), "{answer}");
    let _two = users.share(&tcp, "amy", "two");
    users
        .host(&tcp, Some("amy"), &["who"])
        .run()
        .code(4)
        .one_error(&["too many of your connections"]);
    users.host(&tcp, Some("bob"), &["who"]).run().code(0);
    one.stop(Signal::TERM);
    users.host(&tcp, Some("amy"), &["who"]).run().code(0);
}

#[test]
fn an_operator_sees_users_and_disconnects_them() {
    let users = Users::new(&[("amy", ""), ("bob", "")]);
    let socket = users.0.path().join("admin.sock");
    let admin = format!("unix:{}", socket.display());
    let relay = users.relay(&["--admin", &admin, "--log-format", "json"]);
    let [tcp, tunnel] = ways(&relay);
    let (amy, ann) = (users.share(&tcp, "amy", "amy"), users.share(&tunnel, "amy", "ann"));
    let bob = users.share(&tcp, "bob", "bob");
    let operator = |args: &[&str]| xcher(["relay"]).args(args).args(["--admin", &admin]);
    let status = operator(&["status", "--json"]).run().code(0);
    let status = &status.events()[0];
    assert_eq!(
        (&status["relay"]["users"], &status["relay"]["users_online"]),
        (&2.into(), &2.into())
    );
    let kick = operator(&["kick", "user/amy"]).run().code(0);
    kick.out(&["disconnected 2 connections and 1 tunnel"]);
    for host in [&amy, &ann] {
        host.err("disconnected from the relay");
    }
    assert!(!bob.seen_err("disconnected from the relay"));
    operator(&["kick", "user/carol"]).run().code(1);
    users.host(&tcp, Some("bob"), &["who", "--nick", "b\u{e9}"]).run().code(0);
    users.host(&tunnel, Some("bob"), &["who"]).run().code(0);
    for host in [amy, ann, bob] {
        host.stop(Signal::TERM);
    }
    let done = relay.process.stop(Signal::TERM).code(0);
    let lines = done.err.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<_> = lines.collect();
    for (message, user) in
        [("connection", "amy"), ("nick", "bob"), ("tunnel", "amy"), ("tunnel", "bob")]
    {
        let is_one = |line: &&Value| line["message"] == message && line["user"] == user;
        assert!(lines.iter().any(|line| is_one(&line)), "{message} of {user}: {done}");
    }
}

#[test]
fn no_token_and_no_hash_is_logged_at_any_level() {
    let users = Users::new(&[("amy", "tunnels = 1")]);
    fs::write(users.token("wrong"), "open-barley\n").unwrap();
    let file = users.file();
    let relay = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--users"]);
    let relay = relay.args([&file]).env("XCHER_LOG", "trace").start();
    let tcp = relay.out("relay ");
    let tunnel = format!("ws://{}xcher", relay.out("http http://"));
    let mut malformed = Conn::to(tcp.parse().unwrap());
    malformed.say("X_CAPS token\nX_TOKEN open-barley with spaces\n");
    malformed.line().unwrap();
    let _amy = users.share(&tunnel, "amy", "amy");
    for (way, user) in [(&tcp, "amy"), (&tcp, "wrong"), (&tunnel, "amy"), (&tunnel, "wrong")] {
        users.host(way, Some(user), &["who"]).run();
    }
    let token = fs::read_to_string(users.token("amy")).unwrap();
    let hash = users.read().split("sha256:").nth(1).unwrap()[..64].to_owned();
    let done = relay.stop(Signal::TERM).code(0);
    assert!(done.err.iter().any(|line| line.contains("user_full")), "{done}");
    for secret in [token.trim(), "open-barley", &hash] {
        assert!(!done.err.iter().any(|line| line.contains(secret)), "{secret}: {done}");
    }
}

#[test]
fn an_address_that_guesses_tokens_must_wait() {
    let users = Users::new(&[("amy", "")]);
    let relay = users.relay(&[]);
    for _ in 0..10 {
        let mut guess = Conn::to(relay.address);
        guess.say("X_CAPS token\nX_TOKEN guess\n");
        guess.line().unwrap();
        assert!(guess.line().unwrap().contains("no token of this relay"));
        assert_eq!(guess.line(), None, "closed");
    }
    let tcp = relay.address.to_string();
    users.host(&tcp, Some("amy"), &["who"]).run().code(4).one_error(&["too many wrong tokens"]);
    let mut other = Conn::from("127.0.0.9", relay.address);
    let token = fs::read_to_string(users.token("amy")).unwrap();
    other.say(format!("X_CAPS token\nX_TOKEN {}\nX_NICK amy\n", token.trim()));
    other.line().unwrap();
    other.hears("X_NICK amy YES");
}

#[test]
fn a_token_is_random_and_its_hash_is_that_of_sha256sum() {
    let made = || xcher(["relay", "token", "amy"]).run().code(0);
    let (one, other) = (made(), made());
    assert_ne!(one.out[0], other.out[0]);
    assert!(one.out[0].len() >= 22 && !one.out[0].contains(' '), "128 bits");
    let shell = Command::new("sh")
        .args(["-c", "printf %s \"$1\" | sha256sum", "sh", &one.out[0]])
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let hash = String::from_utf8(shell.stdout).unwrap()[..64].to_owned();
    assert_eq!(
        one.out[1..],
        ["[[user]]", "name = \"amy\"", &format!("tokens = [\"sha256:{hash}\"]")]
    );
    xcher(["relay", "token", "a b"]).run().code(2);
    let json = xcher(["relay", "token", "--json"]).run().code(0);
    let event = &json.events()[0];
    assert!(event["token"].is_string() && event["hash"].as_str().unwrap().starts_with("sha256:"));
}

#[test]
fn a_relay_that_needs_tokens_is_open_to_nobody_and_warns_of_nothing() {
    let users = Users::new(&[("amy", "")]);
    let all = ["relay", "--quiet", "--listen", "0.0.0.0:0", "--http", "0.0.0.0:0", "--users"];
    for warnings in [0, 2] {
        let relay = xcher(all).args([users.file()]).start();
        relay.out("http ");
        let done = relay.stop(Signal::TERM).code(0);
        assert_eq!(done.err.len(), warnings, "{done}");
        users.write(&format!("{}[anonymous]\n", users.read()));
    }
}

#[test]
fn a_check_reads_the_users() {
    let users = Users::new(&[("amy", "")]);
    let check = |command: &[&str], file: &Path| {
        xcher(command).args(["--check", "--users"]).args([file]).run()
    };
    let relays: [&[&str]; 2] = [&["relay"], &["bridge", "--relay", "127.0.0.1:9247"]];
    for command in relays {
        let done = check(command, &users.file()).code(0);
        assert!(done.out.iter().any(|line| line.starts_with("users = ")), "{done}");
    }
    users.write("[[user]]\nname = \"amy\"\ntokens = [\"secret-token\"]\n");
    for command in relays {
        let done = check(command, &users.file()).code(2);
        let done = done.one_error(&["users.toml, line 3: expected the hash of a token"]);
        assert!(!done.err.iter().any(|line| line.contains("secret-token")));
    }
    xcher(["relay", "--listen", "127.0.0.1:0", "--users"]).args([users.file()]).run().code(2);
    xcher(["up", "--users"]).args([users.file()]).run().code(2);
}
