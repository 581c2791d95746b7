//! Relays and hosts identify each other by their keys, a relay at each of its addresses.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod system;

use std::path::Path;

use rustix::process::Signal;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree;
use tempfile::{TempDir, tempdir};

/// Creates a folder for a shared file and the hosts' keys.
fn setup() -> TempDir {
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("s/file", "1")]);
    folder
}

/// Builds a command of the host whose keys are in the folder of this name.
fn host(folder: &TempDir, name: &str, relay: &str, args: &[&str]) -> Xcher {
    let by = by(relay);
    // No way is chosen where nothing is connected.
    let by = if args[0] == "peers" { &by[..2] } else { &by[..] };
    xcher(args).args(by).env("XCHER_DATA_DIR", folder.path().join(name))
}

fn share(folder: &TempDir, keys: &str, relay: &str) -> Process {
    let shared = folder.path().join("s");
    let process = host(folder, keys, relay, &["share", "--nick", "bob"]).args([shared]).start();
    process.out("online ");
    process
}

#[test]
fn peer_known_at_one_address_of_a_relay_is_known_at_all() {
    let (relay, folder) = (Relay::start(), setup());
    let tcp = relay.address.to_string();
    let (named, bridge) = (format!("localhost:{}", relay.address.port()), relay.tunnel());
    let amy = |at: &str, nick: &str| host(&folder, "amy", at, &["check", nick, "s/file"]).run();
    let bob = share(&folder, "bob", &tcp);
    amy(&tcp, "bob").code(0).session_line(&["seen for the first time"]);
    for (at, nick) in [(&named, "bob"), (&bridge, "bob"), (&named, "BOB")] {
        amy(at, nick).code(0).session_line(&["same as before"]);
    }
    let listed = |at: &str| host(&folder, "amy", at, &["peers"]).run().code(0).out;
    assert_eq!(listed(&tcp).len(), 1);
    assert_eq!(listed(&named)[0].replace(&named, &tcp), listed(&tcp)[0]);
    bob.stop(Signal::TERM).code(0);

    let bob = share(&folder, "another", &tcp);
    for at in [&tcp, &named, &bridge] {
        amy(at, "bob").code(5).error(&["STOP: the key of bob has changed"]);
    }
    assert!(!bob.seen_err("is connected"), "a session was opened");
    host(&folder, "amy", &named, &["peers", "forget", "Bob"]).run().code(0);
    amy(&bridge, "bob").code(0).session_line(&["seen for the first time"]);
}

/// The second relay has the first one's address and another key.
#[test]
fn another_relay_at_an_address_is_reported_and_keeps_pins() {
    let folder = setup();
    let start = |keys: &str, at: &str| {
        let relay = xcher(["relay", "--listen", at, "--http", "off"]);
        let process = relay.env("XCHER_DATA_DIR", folder.path().join(keys)).start();
        let address = process.out("relay ");
        (process, address)
    };
    let (relay, at) = start("relay", "127.0.0.1:0");
    let amy = || host(&folder, "amy", &at, &["check", "bob", "s/file"]).run();
    let bob = share(&folder, "bob", &at);
    amy().code(0).session_line(&["seen for the first time"]);
    bob.stop(Signal::TERM).code(0);
    relay.stop(Signal::TERM).code(0);

    // The same relay, restarted.
    let (relay, _) = start("relay", &at);
    let bob = share(&folder, "bob", &at);
    let done = amy().code(0).session_line(&["same as before"]);
    assert!(!done.err.iter().any(|line| line.contains("has changed")), "{done}");
    bob.stop(Signal::TERM).code(0);
    relay.stop(Signal::TERM).code(0);

    let (_relay, _) = start("another-relay", &at);
    let bob = share(&folder, "another", &at);
    let done = amy().code(5).error(&["STOP: the key of bob has changed"]);
    assert!(
        done.err.iter().any(|line| line.contains("the key of the relay has changed")),
        "{done}"
    );
    let forgotten = host(&folder, "amy", &at, &["peers", "forget", "--all"]).run().code(0);
    assert!(forgotten.out.len() == 1 && forgotten.out[0].ends_with(&at), "{forgotten}");
    let done = amy().code(0).session_line(&["seen for the first time"]);
    assert!(!done.err.iter().any(|line| line.contains("has changed")), "{done}");
    drop(bob);
}

#[test]
fn host_reclaims_its_nick_from_its_own_dead_process() {
    let (relay, folder) = (Relay::start(), setup());
    let at = relay.address.to_string();
    let stopped = share(&folder, "bob", &at);
    let who = |name: &str| {
        host(&folder, name, &at, &["who", "--nick", "bob"]).run().code(1).error(&["is taken"])
    };
    who("eve");
    who("bob");
    stopped.signal(Signal::STOP);
    who("eve");
    let again = share(&folder, "bob", &at);
    again.stop(Signal::TERM).code(0);
    stopped.signal(Signal::CONT);
    stopped.err("the relay");
}

#[test]
fn relay_that_cannot_store_a_key_says_so_and_serves() {
    let folder = setup();
    tree::write(folder.path(), [("file", "")]);
    let nowhere = folder.path().join("file/nowhere");
    let relay = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "off"]);
    let relay = without_keys(relay, &nowhere).start();
    let at = relay.out("relay ");
    relay.err("running without a relay key");
    host(&folder, "amy", &at, &["who"]).run().code(0);
}

/// Sets a home that cannot be created.
fn without_keys(command: Xcher, home: &Path) -> Xcher {
    command.without("XCHER_DATA_DIR").env("HOME", home).env("XDG_DATA_HOME", home)
}
