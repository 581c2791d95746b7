//! Transfers resume after an interruption, whatever happened to hosts, relay and paths meanwhile.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use system::not_tested;
use system::patience::until;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::terminal::Terminal;
use system::tree;
use tempfile::TempDir;

const SIZE: usize = 24 << 20;

/// Hosts that keep their keys, and a file that one of them shares.
struct Setup(TempDir);

impl Setup {
    fn new() -> Self {
        let folder = tree::room_for(4 * SIZE as u64);
        tree::write(&folder.path().join("s"), [("film", tree::bytes(7, SIZE))]);
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn host(&self, name: &str, relay: &str, command: &[&str]) -> Xcher {
        let keys = self.path(&format!("keys of {name}"));
        xcher(by(relay)).args(command).env("XCHER_DATA_DIR", keys)
    }

    fn share(&self, relay: &str) -> Process {
        let share = self.host("bob", relay, &["share", "--nick", "bob"]).args([self.path("s")]);
        let share = share.start();
        share.out("online ");
        share
    }

    fn get(&self, relay: &str, from: &str) -> Xcher {
        let all: &[&str] =
            if from == "bob" { &["get", "bob", "--all"] } else { &["get", from, "-y"] };
        self.host("amy", relay, all).args(["--json", "-o"]).args([self.path("out")])
    }

    /// Starts a slow `get` and waits until it has some bytes.
    fn begin(&self, relay: &str) -> Process {
        begun(self.get(relay, "bob"))
    }

    fn interrupt(&self, relay: &str) {
        // Dropping the process kills it.
        drop(self.begin(relay));
        assert_eq!(tree::partials(&self.path("out")).len(), 1);
    }

    /// Fetches the file and expects that the transfer resumes.
    #[track_caller]
    fn resume(&self, relay: &str, from: &str) {
        let left = tree::partials(&self.path("out"));
        let (_, left) = left.first_key_value().expect("a partial file");
        let get = self.get(relay, from).run().code(0);
        let started = get.events().into_iter().find(|event| event["state"] == "started");
        let from = started.unwrap()["bytes"].as_u64();
        assert!(from.is_some_and(|from| from > 0 && from == left.len() as u64), "{from:?}\n{get}");
        assert!(tree::partials(&self.path("out")).is_empty());
        self.assert_complete();
    }

    #[track_caller]
    fn assert_complete(&self) {
        assert!(fs::read(self.path("out/s/film")).unwrap() == tree::bytes(7, SIZE), "bytes differ");
    }
}

/// Starts `get` with a limited rate, and waits until it has some bytes.
fn begun(get: Xcher) -> Process {
    let get = get.args(["--limit-receive", "8mb"]).start();
    get.until("some bytes", |lines| {
        let mut moves = lines.out.iter().filter(|line| line.contains("\"progress\""));
        moves.find(|line| !line.contains("\"bytes\":0")).map(|_| ())
    });
    get
}

#[test]
fn resumes_over_another_path() {
    let relay = Relay::start();
    let relays = [relay.address.to_string(), relay.tunnel()];
    for (first, then) in [(0, 1), (1, 0), (1, 1)] {
        let setup = Setup::new();
        let _bob = setup.share(&relays[0]);
        setup.interrupt(&relays[first]);
        setup.resume(&relays[then], "bob");
    }
}

#[test]
fn resumes_after_a_restart_of_the_relay() {
    for tunnel in [false, true] {
        let mut relay = Relay::start_with(&["--http", "127.0.0.1:0"]);
        let setup = Setup::new();
        let bob = setup.share(&relay.address.to_string());
        let address_of =
            |relay: &Relay| if tunnel { relay.tunnel() } else { relay.address.to_string() };
        let get = setup.begin(&address_of(&relay));
        let address = relay.address.to_string();
        relay.process.signal(Signal::KILL);
        if tunnel {
            // The transfer went through the relay's bridge.
            get.wait().code(1);
        } else {
            // The transfer did not need the relay any more.
            get.signal(Signal::KILL);
            drop(get);
        }
        let process = xcher(["relay", "--listen", &address, "--http", "127.0.0.1:0"]).start();
        process.out("relay ");
        relay.process = process;
        bob.until("bob is back", |lines| {
            (lines.out.iter().filter(|line| line.starts_with("online ")).count() == 2).then_some(())
        });
        setup.resume(&address_of(&relay), "bob");
    }
}

#[test]
fn transfer_outlives_the_relay() {
    let relay = Relay::start();
    let setup = Setup::new();
    let _bob = setup.share(&relay.address.to_string());
    let get = setup.begin(&relay.address.to_string());
    relay.process.signal(Signal::KILL);
    get.wait().code(0);
    setup.assert_complete();
}

#[test]
fn resumes_at_other_addresses() {
    let setup = Setup::new();
    let relay = Relay::start();
    let bob = setup.share(&relay.address.to_string());
    setup.interrupt(&relay.address.to_string());
    bob.stop(Signal::TERM);
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return not_tested("other addresses: this host has no IPv6");
    }
    let other = xcher(["relay", "--listen", "[::1]:0", "--http", "off"]).start();
    let other_address = other.out("relay ");
    let _bob = setup.share(&other_address);
    setup.resume(&other_address, "bob");
}

#[test]
fn resumes_with_another_command_of_the_same_provider() {
    let setup = Setup::new();
    let relay = Relay::start();
    let address = relay.address.to_string();
    let bob = setup.share(&address);
    setup.interrupt(&address);
    bob.stop(Signal::TERM);
    // The same host sends by a code.
    let send = setup.host("bob", &address, &["send"]).args([setup.path("s")]).start();
    let code = send.until("a code", |lines| lines.out.first().cloned());
    setup.resume(&address, &code);
    send.wait().code(0);
}

/// A relay with its bridge, which keeps its key and its ports when it is restarted.
struct LastingRelay {
    relay: Relay,
    http: String,
    keys: PathBuf,
}

impl LastingRelay {
    fn start(setup: &Setup) -> Self {
        let keys = setup.path("keys of the relay");
        let options = ["--http", "127.0.0.1:0", "--data-dir", keys.to_str().unwrap()];
        let relay = Relay::start_with(&options);
        let http = relay.tunnel().split('/').nth(2).unwrap().to_owned();
        Self { relay, http, keys }
    }

    fn address(&self) -> String {
        self.relay.address.to_string()
    }

    fn tunnel(&self) -> String {
        self.relay.tunnel()
    }

    fn kill(&self) {
        self.relay.process.signal(Signal::KILL);
    }

    fn restart(&mut self) {
        let relay = xcher(["relay", "--listen", &self.address(), "--http", &self.http]);
        self.relay.process = relay.args(["--data-dir"]).args([&self.keys]).start();
    }
}

/// Starts a slow `get` that resumes by itself, and waits until it has some bytes.
fn begin_lasting(setup: &Setup, relay: &str, from: &str) -> Process {
    begun(setup.get(relay, from).env("XCHER_RETRY", "10m"))
}

/// Expects that `get` fetched the file in one more session, without a second command and with one line about it.
#[track_caller]
fn assert_resumed(setup: &Setup, get: Process) {
    let get = get.wait().code(0);
    let lost: Vec<_> = get.err.iter().filter(|line| line.contains("lost the connection")).collect();
    assert!(lost.len() == 1 && get.err.len() == 1, "{get}");
    assert_eq!(get.session_lines.len(), 1, "{get}");
    let events = get.events();
    let count = |name, value| events.iter().filter(|event| event[name] == value).count();
    assert_eq!((count("event", "resuming"), count("state", "finished")), (1, 1), "{get}");
    let started: Vec<_> = events
        .iter()
        .filter(|event| event["state"] == "started")
        .map(|event| &event["bytes"])
        .collect();
    assert!(
        started.len() == 2 && started[1].as_u64() > Some(0),
        "it began again: {started:?}\n{get}"
    );
    assert!(tree::partials(&setup.path("out")).is_empty());
    setup.assert_complete();
}

#[test]
fn get_resumes_by_itself_when_the_provider_comes_back() {
    for signal in [Signal::KILL, Signal::TERM] {
        let (relay, setup) = (Relay::start(), Setup::new());
        let address = relay.address.to_string();
        let bob = setup.share(&address);
        let get = begin_lasting(&setup, &address, "bob");
        bob.signal(signal);
        get.err("lost the connection to bob");
        drop(bob);
        let _bob = setup.share(&address);
        assert_resumed(&setup, get);
    }
}

/// The transfer went through the relay's bridge, and the relay is gone for a while.
#[test]
fn get_resumes_by_itself_after_a_restart_of_the_bridge() {
    let setup = Setup::new();
    let mut relay = LastingRelay::start(&setup);
    let (address, tunnel) = (relay.address(), relay.tunnel());
    let _bob = setup.share(&address);
    let get = begin_lasting(&setup, &tunnel, "bob");
    relay.kill();
    get.err("lost the connection to bob");
    relay.restart();
    assert_resumed(&setup, get);
}

/// The bridge restarts while the user reads the list: the question is asked again.
#[test]
fn get_asks_again_after_a_cut_at_the_question() {
    let setup = Setup::new();
    let mut relay = LastingRelay::start(&setup);
    let (address, tunnel) = (relay.address(), relay.tunnel());
    let bob = setup.host("bob", &address, &["send"]).args([setup.path("s")]).start();
    let code = bob.until("a code", |lines| lines.out.first().cloned());
    let get = setup.host("amy", &tunnel, &["get", &code, "-o"]).args([setup.path("out")]);
    let mut get = Terminal::start(get.env("XCHER_RETRY", "10m"));
    get.shows("Fetch?");
    relay.kill();
    get.shows("lost the connection to");
    relay.restart();
    get.shows_times("Fetch?", 2);
    get.types("y");
    get.wait().code(0);
    bob.wait().code(0);
    setup.assert_complete();
}

/// The provider does not come back in time.
#[test]
fn get_does_not_wait_longer_than_it_may() {
    let (relay, setup) = (Relay::start(), Setup::new());
    let address = relay.address.to_string();
    let bob = setup.share(&address);
    let get = setup.get(&address, "bob").args(["--limit-receive", "8mb", "--retry", "2"]).start();
    get.event(&[("event", "transfer"), ("state", "progress")]);
    bob.signal(Signal::KILL);
    let get = get.wait().code(3);
    get.error(&["cannot reach bob", "run the same command again to resume"]);
    assert_eq!(tree::partials(&setup.path("out")).len(), 1);
    let _bob = setup.share(&address);
    setup.resume(&address, "bob");
}

/// A slow offer of `film` to kim, who resumes by itself, as the sender does.
fn offer(setup: &Setup, relay: &str) -> Xcher {
    let send = setup.host("bob", relay, &["send", "kim"]).args([setup.path("s")]);
    send.args(["--limit-send", "8mb"]).env("XCHER_RETRY", "10m")
}

fn receiver(setup: &Setup, relay: &str, args: &[&str]) -> Xcher {
    let receive = setup.host("kim", relay, &["receive", "--nick", "kim", "-o"]);
    receive.args([setup.path("out")]).args(args).env("XCHER_RETRY", "10m")
}

fn wait_for_some_bytes(setup: &Setup) {
    let is_some = || tree::partials(&setup.path("out")).values().any(|bytes| !bytes.is_empty());
    until("some bytes arrive", is_some);
}

#[test]
fn an_offer_resumes_by_itself_when_the_receiver_comes_back() {
    let (relay, setup) = (Relay::start(), Setup::new());
    let address = relay.address.to_string();
    let kim = receiver(&setup, &address, &["--yes"]).start();
    kim.out("online kim");
    let bob = offer(&setup, &address).start();
    wait_for_some_bytes(&setup);
    drop(kim);
    bob.err("lost the connection to kim");
    let kim = receiver(&setup, &address, &["--yes"]).start();
    kim.out("online kim");
    let bob = bob.wait().code(0).error(&["sent 1 file", "the peer has stored everything"]);
    bob.no_error("not sent");
    setup.assert_complete();
}

/// The receiver is asked once, although the bridge through which the file goes restarts.
#[test]
fn an_offer_resumes_without_another_question() {
    let setup = Setup::new();
    let mut relay = LastingRelay::start(&setup);
    let tunnel = relay.tunnel();
    let mut kim = Terminal::start(receiver(&setup, &tunnel, &["--once"]));
    kim.says("online kim\n");
    let bob = offer(&setup, &tunnel).start();
    kim.shows("Fetch?");
    kim.types("y");
    wait_for_some_bytes(&setup);
    relay.kill();
    bob.err("lost the connection to kim");
    kim.shows("the transfer of 1 file resumes if it comes back within 10m");
    relay.restart();
    bob.wait().code(0).error(&["the peer has stored everything"]);
    let kim = kim.wait().code(0);
    assert_eq!(kim.screen.matches("Fetch?").count(), 1, "{}", kim.screen);
    setup.assert_complete();
}

/// A receiver that was told to stop after one session waits for the sender, and not longer than it may.
#[test]
fn a_receiver_waits_no_longer_than_it_may() {
    let (relay, setup) = (Relay::start(), Setup::new());
    let address = relay.address.to_string();
    let kim = receiver(&setup, &address, &["--yes", "--once", "--retry", "2"]).start();
    kim.out("online kim");
    let bob = offer(&setup, &address).start();
    wait_for_some_bytes(&setup);
    drop(bob);
    kim.wait().code(1).error(&["does not resume; let it send 1 file again"]);
    assert_eq!(tree::partials(&setup.path("out")).len(), 1);
}

/// The second receiver neither waits for the partial file of the first nor takes it.
#[test]
fn concurrent_receivers_do_not_share_a_partial_file() {
    let setup = Setup::new();
    let relay = Relay::start();
    let address = relay.address.to_string();
    let _bob = setup.share(&address);
    let slow = setup.begin(&address);
    setup.get(&address, "bob").run().code(0);
    setup.assert_complete();
    slow.wait().code(0);
    let out = tree::finished(&setup.path("out"));
    assert_eq!(out.keys().collect::<Vec<_>>(), ["s/film", "s/film (1)"]);
    assert!(out.values().all(|bytes| *bytes == tree::bytes(7, SIZE)), "bytes differ");
}
