//! A relay is known by its key at each of its addresses, and knows its hosts by theirs.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod system;

use std::path::Path;

use rustix::process::Signal;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree;
use tempfile::{TempDir, tempdir};

/// What a host shares, and the folders of keys.
fn place() -> TempDir {
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("s/file", "1")]);
    folder
}

/// A command of the host whose keys are in the folder of this name.
fn host(folder: &TempDir, name: &str, relay: &str, args: &[&str]) -> Xcher {
    xcher(args).args(by(relay)).env("XCHER_DATA_DIR", folder.path().join(name))
}

fn share(folder: &TempDir, keys: &str, relay: &str) -> Process {
    let shared = folder.path().join("s");
    let process = host(folder, keys, relay, &["share", "--nick", "bob"]).args([shared]).start();
    process.out("online ");
    process
}

#[test]
fn whoever_is_known_at_one_address_of_a_relay_is_known_at_all() {
    let (relay, folder) = (Relay::start(), place());
    let tcp = relay.address.to_string();
    let (named, bridge) = (format!("localhost:{}", relay.address.port()), relay.tunnel());
    let amy = |at: &str, nick: &str| host(&folder, "amy", at, &["check", nick, "s/file"]).run();
    let bob = share(&folder, "bob", &tcp);
    amy(&tcp, "bob").code(0).session_line(&["seen for the first time"]);
    for (at, nick) in [(&named, "bob"), (&bridge, "bob"), (&named, "BOB")] {
        amy(at, nick).code(0).session_line(&["the same as before"]);
    }
    let listed = |at: &str| host(&folder, "amy", at, &["peers"]).run().code(0).out;
    assert_eq!(listed(&tcp).len(), 1);
    assert_eq!(listed(&named)[0].replace(&named, &tcp), listed(&tcp)[0]);
    bob.stop(Signal::TERM).code(0);

    let bob = share(&folder, "someone-else", &tcp);
    for at in [&tcp, &named, &bridge] {
        amy(at, "bob").code(5).error(&["STOP: bob has another key than before"]);
    }
    assert!(!bob.seen_err("is connected"), "it was spoken with");
    host(&folder, "amy", &named, &["peers", "forget", "Bob"]).run().code(0);
    amy(&bridge, "bob").code(0).session_line(&["seen for the first time"]);
}

/// Another relay at the address of the first, with a key of its own.
#[test]
fn another_relay_at_an_address_is_told_and_makes_nobody_unknown() {
    let folder = place();
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

    // The same one, started again.
    let (relay, _) = start("relay", &at);
    let bob = share(&folder, "bob", &at);
    let done = amy().code(0).session_line(&["the same as before"]);
    assert!(!done.err.iter().any(|line| line.contains("another key")), "{done}");
    bob.stop(Signal::TERM).code(0);
    relay.stop(Signal::TERM).code(0);

    let (_relay, _) = start("another-relay", &at);
    let bob = share(&folder, "someone-else", &at);
    let done = amy().code(5).error(&["STOP: bob has another key than before"]);
    assert!(
        done.err.iter().any(|line| line.contains("the relay has another key than before")),
        "{done}"
    );
    let forgotten = host(&folder, "amy", &at, &["peers", "forget", "--all"]).run().code(0);
    assert!(forgotten.out.len() == 1 && forgotten.out[0].ends_with(&at), "{forgotten}");
    let done = amy().code(0).session_line(&["seen for the first time"]);
    assert!(!done.err.iter().any(|line| line.contains("another key")), "{done}");
    drop(bob);
}

#[test]
fn a_host_has_its_nick_back_from_a_process_of_its_own_that_is_dead() {
    let (relay, folder) = (Relay::start(), place());
    let at = relay.address.to_string();
    let asleep = share(&folder, "bob", &at);
    let who = |name: &str| {
        host(&folder, name, &at, &["who", "--nick", "bob"]).run().code(1).error(&["is taken"])
    };
    who("eve");
    who("bob");
    asleep.signal(Signal::STOP);
    who("eve");
    let again = share(&folder, "bob", &at);
    again.stop(Signal::TERM).code(0);
    asleep.signal(Signal::CONT);
    asleep.err("the relay");
}

#[test]
fn a_relay_that_can_keep_no_key_says_so_and_serves() {
    let folder = place();
    tree::write(folder.path(), [("file", "")]);
    let nowhere = folder.path().join("file/nowhere");
    let relay = xcher(["relay", "--listen", "127.0.0.1:0", "--http", "off"]);
    let relay = without_keys(relay, &nowhere).start();
    let at = relay.out("relay ");
    relay.err("the relay has no key");
    host(&folder, "amy", &at, &["who"]).run().code(0);
}

/// A process whose home is no folder.
fn without_keys(command: Xcher, home: &Path) -> Xcher {
    command.without("XCHER_DATA_DIR").env("HOME", home).env("XDG_DATA_HOME", home)
}
