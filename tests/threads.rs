//! The threads of servers and of other commands.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::thread::available_parallelism;

use system::patience::until;
use system::process::{Process, xcher};
use system::relay::Relay;
use system::tree;
use tempfile::tempdir;

/// Waits until a process has so many threads: one that read a file at the start lasts for 10 s more.
fn has_threads(process: &Process, count: usize) {
    let tasks = format!("/proc/{}/task", process.id());
    until(&format!("there are {count} threads"), || fs::read_dir(&tasks).unwrap().count() == count);
}

#[test]
fn servers_have_as_many_threads_as_they_are_told() {
    // The main thread accepts connections, if others serve them.
    for (count, in_all) in [("1", 1), ("3", 4)] {
        let relay = Relay::start_with(&["--threads", count]);
        has_threads(&relay.process, in_all);
        let bridge = relay.xcher(["bridge", "--http", "127.0.0.1:0", "--threads", count]).start();
        bridge.out("http ");
        has_threads(&bridge, in_all);
    }
    let relay = Relay::start();
    let processors = available_parallelism().unwrap().get();
    has_threads(&relay.process, processors + usize::from(processors > 1));
}

#[test]
fn numbers_of_threads_are_checked() {
    for wrong in ["0", "1025", "many", ""] {
        let refused = xcher(["relay", "--listen", "127.0.0.1:0"]).args(["--threads", wrong]);
        refused.run().code(2).error(&["--threads", "from 1 to 1024"]);
    }
}

#[test]
fn hosts_exchange_files_through_any_number_of_threads() {
    let folder = tempdir().unwrap();
    let files = [("small", tree::bytes(1, 5)), ("large", tree::bytes(2, 5_000_000))];
    tree::write(&folder.path().join("s"), files);
    for count in ["1", "4"] {
        let relay = Relay::start_with(&["--threads", count]);
        // Through two tunnels, which are joined in the bridge.
        let share = xcher(["--relay", &relay.tunnel(), "share", "--nick", "bob"]);
        let share = share.args([folder.path().join("s")]).start();
        share.out("online ");
        let out = tempdir().unwrap();
        let get = xcher(["--relay", &relay.tunnel(), "get", "bob", "--all", "-o"]);
        get.args([out.path()]).run().code(0).quiet();
        assert_eq!(tree::read(out.path()), tree::read(folder.path()));
    }
}
