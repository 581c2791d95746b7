//! A relay or bridge that drains: nobody new is accepted, hosts move to the next process, transfers end in order.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::net::SocketAddr;
use std::path::Path;

use rustix::process::Signal;
use system::nats_server::NatsServer;
use system::not_tested;
use system::patience::until;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree;
use system::wire::Conn;
use tempfile::{TempDir, tempdir};

/// A relay with its key, and the ports that the next process takes over.
struct Site {
    relay: Relay,
    http: SocketAddr,
    keys: TempDir,
}

impl Site {
    fn start(options: &[&str]) -> Self {
        let keys = tempdir().unwrap();
        let folder = keys.path().to_str().unwrap().to_owned();
        let relay = Relay::start_with(&[&["--data-dir", &folder], options].concat());
        let http = relay.process.out("http http://").trim_end_matches('/').parse().unwrap();
        Self { relay, http, keys }
    }

    /// Starts the next process on the same ports.
    fn next(&self, options: &[&str]) -> Process {
        let [listen, http] = [self.relay.address, self.http].map(|at| at.to_string());
        let next = xcher(["relay", "--listen", &listen, "--http", &http, "--data-dir"]);
        let next = next.args([self.keys.path()]).args(options).start();
        next.out("http ");
        next
    }
}

fn through(tunnel: &str, args: &[&str]) -> Xcher {
    xcher(by(tunnel)).args(args)
}

/// Starts a provider of a folder.
fn share(tunnel: &str, nick: &str, folder: &Path) -> Process {
    let share = through(tunnel, &["share", "--nick", nick, "-v"]).args([folder]).start();
    share.out("online ");
    share
}

/// Starts to fetch files.
fn fetch(tunnel: &str, nick: &str, what: &str, into: &Path) -> Process {
    through(tunnel, &["get", nick, "--json", "-o"]).args([into]).args([what]).start()
}

/// Waits until bytes of a file come, and not all have.
fn is_under_way(get: &Process) {
    let moved = |lines: &[String]| lines.iter().any(|line| line.contains(r#""state":"progress""#));
    get.until("bytes of a file", |lines| moved(&lines.out).then_some(()));
}

/// Twenty transfers over a bridge go on while another process takes over its ports, and calls find everybody there.
#[test]
fn upgrade_loses_no_transfer() {
    let folder = tempdir().unwrap();
    let config = folder.path().join("config.toml");
    // Slow enough that everything is under way at the change, on a busy machine too.
    std::fs::write(&config, "tunnel-rate = \"200kb\"\n").unwrap();
    let sockets = tempdir().unwrap();
    let admin = format!("unix:{}", sockets.path().join("admin.sock").display());
    let config_path = config.to_str().unwrap();
    let options = ["--drain", "300", "--config", config_path, "--admin", &admin];
    let site = Site::start(&options);
    let tunnel = site.relay.tunnel();
    let one = tree::bytes(1, 8_000_000);
    tree::write(&folder.path().join("s"), [("one", &one)]);
    // More files than are under way at a time, so that some begin after the change.
    let many = (0..18).map(|n| (format!("{n:02}"), tree::bytes(n, 1_000_000)));
    tree::write(&folder.path().join("m"), many);
    let nicks = ["bob0", "bob1", "bob2", "bob3"];
    let bobs = nicks.map(|nick| share(&tunnel, nick, &folder.path().join("s")));
    let carol = share(&tunnel, "carol", &folder.path().join("m"));
    let outs: Vec<_> = (0..20).map(|_| tempdir().unwrap()).collect();
    let start = |(n, out): (usize, &TempDir)| match n {
        0 => fetch(&tunnel, "carol", "--all", out.path()),
        n => fetch(&tunnel, nicks[n % 4], "s/one", out.path()),
    };
    let gets: Vec<_> = outs.iter().enumerate().map(start).collect();
    gets.iter().for_each(is_under_way);

    site.relay.process.signal(Signal::TERM);
    site.relay.process.err("draining for at most 300 s");
    // The same configuration: the old process gives up what the next one asks for.
    let _next = site.next(&options);
    until("the next process is ready", || {
        let status = xcher(["relay", "status", "--admin", &admin]).run().code(0);
        status.out.contains(&"ready        yes".to_owned())
    });
    for bob in bobs.iter().chain([&carol]) {
        bob.err("the relay stops soon");
    }
    let who = || xcher(["who", "--relay", &site.relay.address.to_string()]).run().out;
    until("everybody is at the next relay", || {
        let online = who();
        nicks.iter().chain(&["carol"]).all(|nick| online.iter().any(|one| one == nick))
    });
    // Calls over the new process, while the transfers go on in the old.
    for nick in nicks {
        through(&tunnel, &["ls", nick]).run().code(0).out(&["8000000\ts/one"]);
    }
    for get in &gets {
        get.until("a running process", |lines| (!lines.has_ended()).then_some(()));
    }
    assert!(!site.relay.process.seen_err("drained"), "it waits for the transfers");

    std::fs::write(&config, "").unwrap();
    site.relay.process.signal(Signal::HUP);
    for get in gets {
        get.wait().code(0);
    }
    let all = tree::read(folder.path());
    for (n, out) in outs.iter().enumerate() {
        let what = if n == 0 { "m/" } else { "s/" };
        let expected = all.iter().filter(|(name, _)| name.starts_with(what));
        assert!(tree::read(out.path()).iter().eq(expected), "transfer {n}");
    }
    // The old process has ended by itself.
    let old = site.relay.process.wait().code(0);
    assert!(old.err.iter().any(|line| line.contains("drained")), "{old}");
}

#[test]
fn second_signal_stops_at_once() {
    let site = Site::start(&["--drain", "300", "--tunnel-rate", "100kb"]);
    let folder = tempdir().unwrap();
    tree::write(&folder.path().join("s"), [("one", tree::bytes(1, 2_000_000))]);
    let tunnel = site.relay.tunnel();
    let _bob = share(&tunnel, "bob", &folder.path().join("s"));
    let out = tempdir().unwrap();
    let get = fetch(&tunnel, "bob", "s/one", out.path());
    is_under_way(&get);
    site.relay.process.signal(Signal::INT);
    site.relay.process.err("draining for at most 300 s");
    site.relay.process.stop(Signal::TERM).code(0).error(&["stopping with", "through the bridge"]);
    get.wait().code(1);
    // What came is kept, and the next attempt resumes it.
    assert_eq!(tree::partials(out.path()).len(), 1);
}

/// A host of the base protocol is told nothing but the end, and holds nothing up.
#[test]
fn base_protocol_hosts_see_only_the_end() {
    let site = Site::start(&["--drain", "300"]);
    let mut amy = Conn::to(site.relay.address);
    amy.say("X_NICK amy\n");
    amy.hears("X_NICK amy YES");
    let done = site.relay.process.stop(Signal::TERM).code(0);
    assert!(done.err.iter().any(|line| line.contains("stopping with 1 connections")), "{done}");
    amy.hears("X_END");
}

/// One that knows X_MOVE and stays, and a visitor of the page that says nothing, hold it up for a moment only.
#[test]
fn hosts_that_do_not_react_do_not_hold_it_up() {
    let site = Site::start(&["--drain", "300"]);
    let mut amy = Conn::to(site.relay.address);
    amy.say("X_NICK amy\nX_CAPS from move\n");
    amy.hears("X_NICK amy YES");
    assert!(amy.line().unwrap().contains(" move"));
    let _silent = Conn::to(site.http);
    site.relay.process.signal(Signal::TERM);
    let said = amy.line().unwrap();
    assert_eq!(said, "X_MOVE 300");
    site.relay.process.wait().code(0);
    amy.hears("X_END");
}

#[test]
fn next_process_can_start_first_where_both_share_the_ports() {
    let site = Site::start(&["--drain", "60", "--reuse-port"]);
    let next = site.next(&["--reuse-port"]);
    site.relay.process.stop(Signal::TERM).code(0);
    xcher(["who", "--relay", &site.relay.address.to_string()]).run().code(0);
    // Without the option the ports are taken.
    let listen = site.relay.address.to_string();
    let taken = xcher(["relay", "--listen", &listen, "--http", "off"]).run();
    taken.code(3).one_error(&["--listen"]);
    drop(next);
}

/// A host at another relay of the cluster, which looks again and again if a nick is online.
struct Watcher<'a> {
    relay: &'a Relay,
    conn: Conn,
    looks: u32,
    /// True if the last list had the nick. Its parts are of different moments.
    was_listed: bool,
}

impl<'a> Watcher<'a> {
    fn new(relay: &'a Relay) -> Self {
        let mut conn = Conn::to(relay.address);
        conn.say("X_NICK watcher\n");
        conn.hears("X_NICK watcher YES");
        Self { relay, conn, looks: 0, was_listed: true }
    }

    /// Lists a nick and calls it.
    #[track_caller]
    fn sees(&mut self, nick: &str) {
        self.looks += 1;
        if self.looks.is_multiple_of(200) {
            // Another connection has another budget.
            self.conn.say("X_END\n");
            assert_eq!(self.conn.line(), None);
            self.conn = Self::new(self.relay).conn;
        }
        // Nothing listens there: the answer of the relay counts.
        self.conn.say(format!("X_WHO 1000\nX_INIT {nick} 127.0.0.1 9\nX_PING 1\n"));
        let answers = std::iter::from_fn(|| self.conn.line().filter(|line| line != "X_PONG 1"));
        let answers: Vec<_> = answers.collect();
        let is_listed = answers.contains(&format!("X_WHO {nick}"));
        assert!(is_listed || self.was_listed, "{} looks: {answers:?}", self.looks);
        self.was_listed = is_listed;
        let refused = answers.iter().find(|line| line.starts_with("X_ERR"));
        assert_eq!(refused, None, "{} looks", self.looks);
    }
}

/// In a cluster the next process is another relay, and the first still has the nick when the host comes there.
#[test]
fn host_is_online_all_the_time_that_its_relay_of_a_cluster_is_replaced() {
    let Ok(nats) = NatsServer::start("").map_err(not_tested) else { return };
    let url = nats.url();
    let cluster = ["--cluster", &url, "--site", "here", "--reuse-port"];
    let site = Site::start(&[&cluster[..], &["--drain", "300", "--tunnel-rate", "300kb"]].concat());
    let keys = site.keys.path().to_str().unwrap();
    let third = Relay::start_with(&[&cluster[..4], &["--data-dir", keys]].concat());
    third.process.err(": connected, 2 relays");
    let folder = tempdir().unwrap();
    let one = tree::bytes(1, 1_500_000);
    tree::write(&folder.path().join("s"), [("one", &one)]);
    let bob = share(&site.relay.tunnel(), "bob", &folder.path().join("s"));
    let out = tempdir().unwrap();
    let get = fetch(&third.tunnel(), "bob", "s/one", out.path());
    is_under_way(&get);
    let next = site.next(&cluster);
    next.err(": connected, 3 relays");
    let mut watcher = Watcher::new(&third);
    watcher.sees("bob");
    site.relay.process.signal(Signal::TERM);
    until("bob at the next relay", || {
        watcher.sees("bob");
        bob.count_out("online bob") == 2
    });
    for _ in 0..100 {
        watcher.sees("bob");
    }
    through(&third.tunnel(), &["ls", "bob"]).run().code(0).out(&["1500000\ts/one"]);
    // The transfer goes on in the old tunnel, and then the relay stops.
    assert!(!site.relay.process.seen_err("drained"), "it waits for the transfer");
    get.wait().code(0);
    assert!(tree::read(out.path())["s/one"] == one);
    site.relay.process.wait().code(0);
    watcher.sees("bob");
    assert!(!bob.seen_err("offline"));
}

/// A bridge whose relay is elsewhere tells its clients itself.
#[test]
fn bridge_to_a_relay_elsewhere_is_replaced_under_a_transfer() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let one = tree::bytes(1, 1_500_000);
    tree::write(&folder.path().join("s"), [("one", &one)]);
    let old = relay.xcher(["bridge", "--http", "127.0.0.1:0", "--drain", "120"]);
    let old = old.args(["--tunnel-rate", "300kb"]).start();
    let at = old.out("http http://");
    let tunnel = format!("ws://{at}xcher");
    let bob = share(&tunnel, "bob", &folder.path().join("s"));
    let out = tempdir().unwrap();
    let get = fetch(&tunnel, "bob", "s/one", out.path());
    is_under_way(&get);
    old.signal(Signal::TERM);
    old.err("draining for at most 120 s");
    let next = relay.xcher(["bridge", "--http", at.trim_end_matches('/')]).start();
    next.out("http ");
    bob.err("the relay stops soon");
    get.wait().code(0);
    assert!(tree::read(out.path())["s/one"] == one);
    old.wait().code(0);
    until("bob at the next bridge", || {
        through(&tunnel, &["ls", "bob"]).run().out == ["1500000\ts/one"]
    });
}

#[test]
fn check_says_what_would_be_in_force_and_opens_no_port() {
    let folder = tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let check = |command: &[&str], text: &str| {
        std::fs::write(&config, text).unwrap();
        let check = xcher(command).args(["--check", "--config"]).args([&config]);
        check.env("XCHER_DATA_DIR", folder.path()).run()
    };
    let taken = Relay::start();
    let listen = taken.address.to_string();
    let good =
        check(&["relay", "--drain", "30"], &format!("listen = \"{listen}\"\nhttp = \"off\"\n"));
    let good = good.code(0);
    for line in [format!("listen = \"{listen}\""), "drain = \"30\"".into(), "http = \"off\"".into()]
    {
        assert!(good.out.contains(&line), "{line}: {good}");
    }
    // What it prints is a configuration file that means the same.
    let again = check(&["relay"], &good.out.join("\n")).code(0);
    assert_eq!(again.out, good.out);

    let at = config.to_str().unwrap();
    check(&["relay"], "listen = \"relay.example:9247\"\n").code(2).error(&["--listen"]);
    check(&["relay"], "drain = 30\nlisten = 1\nx y\n").code(2).error(&[at, "3"]);
    check(&["bridge", "--relay", "wss://relay.example/"], "").code(2).one_error(&["HOST:PORT"]);
    let missing = folder.path().join("none.pem");
    let missing = missing.to_str().unwrap();
    let options = ["up", ".", "--tls-cert", missing, "--tls-key", missing, "--token-file", missing];
    let both = check(&options, "").code(2);
    let errors = both.err.iter().filter(|line| line.contains("none.pem")).count();
    assert_eq!(errors, 2, "each error is reported: {both}");
}
