//! A file goes on where it broke off, whatever became of hosts, relay and ways in between.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use system::not_tested;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree;
use tempfile::TempDir;

const SIZE: usize = 24 << 20;

/// Hosts that stay who they are, and what one of them shares.
struct Place(TempDir);

impl Place {
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

    fn get(&self, relay: &str, whom: &str) -> Xcher {
        let all: &[&str] =
            if whom == "bob" { &["get", "bob", "--all"] } else { &["get", whom, "-y"] };
        self.host("amy", relay, all).args(["--json", "-o"]).args([self.path("out")])
    }

    /// A `get` that has some of the film, and is in no hurry.
    fn begin(&self, relay: &str) -> Process {
        let get = self.get(relay, "bob").args(["--limit-receive", "8mb"]).start();
        get.until("some of it", |lines| {
            let mut moves = lines.out.iter().filter(|line| line.contains("\"progress\""));
            moves.find(|line| !line.contains("\"bytes\":0")).map(|_| ())
        });
        get
    }

    fn break_off(&self, relay: &str) {
        // Dropped, it is killed.
        drop(self.begin(relay));
        assert_eq!(tree::partials(&self.path("out")).len(), 1);
    }

    /// Gets the film, and expects that it began with what was there.
    #[track_caller]
    fn go_on(&self, relay: &str, whom: &str) {
        let left = tree::partials(&self.path("out"));
        let (_, left) = left.first_key_value().expect("an unfinished file");
        let get = self.get(relay, whom).run().code(0);
        let started = get.events().into_iter().find(|event| event["state"] == "started");
        let from = started.unwrap()["bytes"].as_u64();
        assert!(from.is_some_and(|from| from > 0 && from == left.len() as u64), "{from:?}\n{get}");
        assert!(tree::partials(&self.path("out")).is_empty());
        self.is_whole();
    }

    #[track_caller]
    fn is_whole(&self) {
        assert!(fs::read(self.path("out/s/film")).unwrap() == tree::bytes(7, SIZE), "bytes differ");
    }
}

#[test]
fn by_another_way() {
    let relay = Relay::start();
    let ways = [relay.address.to_string(), relay.tunnel()];
    for (first, then) in [(0, 1), (1, 0), (1, 1)] {
        let place = Place::new();
        let _bob = place.share(&ways[0]);
        place.break_off(&ways[first]);
        place.go_on(&ways[then], "bob");
    }
}

#[test]
fn after_the_relay_was_there_again() {
    for tunnel in [false, true] {
        let mut relay = Relay::start_with(&["--http", "127.0.0.1:0"]);
        let place = Place::new();
        let bob = place.share(&relay.address.to_string());
        let way = |relay: &Relay| if tunnel { relay.tunnel() } else { relay.address.to_string() };
        let get = place.begin(&way(&relay));
        let address = relay.address.to_string();
        relay.process.signal(Signal::KILL);
        if tunnel {
            // All went through it.
            get.wait().code(1);
        } else {
            // It was not needed any more.
            get.signal(Signal::KILL);
            drop(get);
        }
        let process = xcher(["relay", "--listen", &address, "--http", "127.0.0.1:0"]).start();
        process.out("relay ");
        relay.process = process;
        bob.until("bob is back", |lines| {
            (lines.out.iter().filter(|line| line.starts_with("online ")).count() == 2).then_some(())
        });
        place.go_on(&way(&relay), "bob");
    }
}

#[test]
fn a_relay_that_is_gone_stops_nothing() {
    let relay = Relay::start();
    let place = Place::new();
    let _bob = place.share(&relay.address.to_string());
    let get = place.begin(&relay.address.to_string());
    relay.process.signal(Signal::KILL);
    get.wait().code(0);
    place.is_whole();
}

#[test]
fn at_other_addresses() {
    let place = Place::new();
    let relay = Relay::start();
    let bob = place.share(&relay.address.to_string());
    place.break_off(&relay.address.to_string());
    bob.stop(Signal::TERM);
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return not_tested("other addresses: this host has no IPv6");
    }
    let other = xcher(["relay", "--listen", "[::1]:0", "--http", "off"]).start();
    let other_address = other.out("relay ");
    let _bob = place.share(&other_address);
    place.go_on(&other_address, "bob");
}

#[test]
fn by_another_receiver_and_from_another_command() {
    let place = Place::new();
    let relay = Relay::start();
    let address = relay.address.to_string();
    let bob = place.share(&address);
    place.break_off(&address);
    bob.stop(Signal::TERM);
    // The same host, by a code now.
    let send = place.host("bob", &address, &["send"]).args([place.path("s")]).start();
    let code = send.until("a code", |lines| lines.out.first().cloned());
    place.go_on(&address, &code);
    send.wait().code(0);
}

/// One has it, and the other one does not wait for that, nor take it away.
#[test]
fn two_receivers_at_once() {
    let place = Place::new();
    let relay = Relay::start();
    let address = relay.address.to_string();
    let _bob = place.share(&address);
    let slow = place.begin(&address);
    place.get(&address, "bob").run().code(0);
    place.is_whole();
    slow.wait().code(0);
    let out = tree::finished(&place.path("out"));
    assert_eq!(out.keys().collect::<Vec<_>>(), ["s/film", "s/film (1)"]);
    assert!(out.values().all(|bytes| *bytes == tree::bytes(7, SIZE)), "bytes differ");
}
