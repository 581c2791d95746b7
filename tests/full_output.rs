//! What standard output does not take is told; one that nobody reads any more is not.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use system::process::{Done, Process, Xcher, xcher};
use system::relay::Relay;
use system::tree;
use tempfile::tempdir;

/// Runs the binary as a shell script says.
fn by(script: &str, args: &[&str]) -> Xcher {
    Xcher::other("sh").args(["-c", script, "sh", env!("CARGO_BIN_EXE_xcher")]).args(args)
}

/// Standard output is full from the start.
const FULL: &str = "exec \"$@\" >/dev/full";

/// The usual words, once.
#[track_caller]
fn told_of_it(done: Done) {
    let done = done.code(1);
    let told = |line: &&String| line.contains("cannot write to standard output");
    assert_eq!(done.err.iter().filter(told).count(), 1, "{done}");
}

fn code_of(sender: &Process) -> String {
    sender.until("a code", |lines| lines.out.first().cloned())
}

#[test]
fn every_command_that_prints_tells_of_a_full_standard_output() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let file = folder.path().join("s/file");
    tree::write(folder.path(), [("s/file", "12345")]);
    let _bob = relay.share("bob", &folder.path().join("s"));
    let address = relay.address.to_string();
    let (file, data) = (file.to_str().unwrap(), folder.path().join("data"));
    let key = &xcher(["peers", "me"]).run().code(0).out[0];
    let own = |args: &[&str], json: bool| {
        let json: &[&str] = if json { &["--json"] } else { &[] };
        let all = [&["--relay", &address], args, json].concat();
        by(FULL, &all).env("XCHER_DATA_DIR", &data).run()
    };
    for json in [false, true] {
        for args in [
            &["ls", "bob"][..],
            &["check", "bob", "s/file"],
            &["who"],
            &["send", file, "--no-qr"],
            &["receive", "--yes", "-o", folder.path().to_str().unwrap()],
            &["share", file],
            &["relay", "--listen", "127.0.0.1:0"],
            &["bridge", "--http", "127.0.0.1:0"],
            &["up", "--listen", "127.0.0.1:0", file],
            &["peers", "me"],
            &["peers", "pin", "bob", key],
            &["peers"],
            &["peers", "forget", "bob"],
        ] {
            told_of_it(own(args, json));
        }
    }
    for args in [&["completions", "bash"][..], &["man"], &["--help"], &["--version"]] {
        told_of_it(own(args, false));
    }
    told_of_it(own(&["send", "bob", file], true));
}

#[test]
fn files_that_came_are_stored_and_reported_where_standard_output_is_full() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/a", "12345"), ("s/b", "67890")]);
    let share = folder.path().join("s");
    let address = relay.address.to_string();
    let _bob = relay.share("bob", &share);
    let get = |whom: &str, more: &[&str], out: &Path| {
        let args = [&["--relay", &address, "get", whom, "-o", out.to_str().unwrap()], more];
        by(FULL, &args.concat()).run()
    };
    let came = |out: &Path| tree::read(out).into_keys().collect::<Vec<_>>();
    // The second time all of it is here already.
    let out = folder.path().join("by nick");
    for _ in 0..2 {
        told_of_it(get("bob", &["--all"], &out));
        assert_eq!(came(&out), ["s/a", "s/b"]);
    }
    told_of_it(get("bob", &["--all", "--json"], &out));
    let out = folder.path().join("by code");
    let sender = relay.xcher(["send", "--no-qr"]).args([&share]).start();
    told_of_it(get(&code_of(&sender), &["--yes"], &out));
    assert_eq!(came(&out), ["s/a", "s/b"]);
    sender.wait().code(0).error(&["sent 2 files", "has stored everything"]);
    let sender = relay.xcher(["send", "--no-qr"]).args([&share]).start();
    told_of_it(get(&code_of(&sender), &["--yes", "--json"], &out));
}

/// Standard output takes the line of who is online, and no more.
#[test]
fn what_is_received_is_stored_and_reported_where_standard_output_gets_full() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/a", "12345")]);
    let (out, said) = (folder.path().join("out"), folder.path().join("said"));
    let script = "said=$1; shift; trap '' XFSZ; ulimit -f 16
        head -c 100000 /dev/zero >\"$said\" 2>/dev/null; truncate -s -12 \"$said\"
        exec \"$@\" >>\"$said\"";
    for more in [&["--once"][..], &[]] {
        let kim = Xcher::other("sh").args(["-c", script, "sh"]).args([&said]);
        let kim = kim.args([env!("CARGO_BIN_EXE_xcher"), "--relay", &relay.address.to_string()]);
        let kim = kim.args(["receive", "--yes", "--nick", "kim", "-v", "-o"]).args([&out]);
        let kim = kim.args(more).start();
        let online = || relay.xcher(["who"]).run().out == ["kim"];
        assert!((0..100).any(|_| online()), "kim is not online");
        let sent = relay.xcher(["send", "kim"]).args([folder.path().join("s/a")]).run().code(0);
        sent.error(&["sent 1 file", "has stored everything"]);
        told_of_it(kim.wait());
        assert_eq!(tree::read(&out).into_keys().collect::<Vec<_>>(), ["a"]);
        fs::remove_file(out.join("a")).unwrap();
    }
}

#[test]
fn unfinished_files_are_removed_and_told_of_where_standard_output_is_full() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    let path = folder.path().join("long");
    fs::write(&path, tree::bytes(1, 4 << 20)).unwrap();
    let bob = relay.xcher(["share", "--nick", "bob", "--limit-send", "1mb"]).args([&path]).start();
    bob.out("online ");
    for json in [&[][..], &["--json"]] {
        let get = relay.xcher(["get", "bob", "long", "--json", "-o"]).args([out.path()]).start();
        get.event(&[("event", "transfer"), ("state", "progress")]);
        get.stop(Signal::TERM);
        let partial = |command: &[&str]| {
            let args = [&["partial", "-o", out.path().to_str().unwrap()], command, json].concat();
            by(FULL, &args).run()
        };
        told_of_it(partial(&["list"]));
        told_of_it(partial(&["clear"]));
        assert_eq!(tree::read(out.path()).len(), 0);
    }
}

#[test]
fn a_standard_output_that_nobody_reads_is_no_error() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(folder.path(), [("s/file", "12345")]);
    let _bob = relay.share("bob", &folder.path().join("s"));
    let address = relay.address.to_string();
    let closed = "(sleep 0.3; \"$@\") | true";
    let run = |args: &[&str]| by(closed, &[&["--relay", &address], args].concat()).run();
    run(&["ls", "bob"]).quiet();
    run(&["get", "bob", "--all", "-o", out.path().to_str().unwrap()]).quiet();
    assert_eq!(tree::read(out.path()).into_keys().collect::<Vec<_>>(), ["s/file"]);
}
