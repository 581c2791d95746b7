//! Output that cannot be written is an error; a standard output without a reader is not.

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

/// Runs the binary from a shell script.
fn by(script: &str, args: &[&str]) -> Xcher {
    Xcher::other("sh").args(["-c", script, "sh", env!("CARGO_BIN_EXE_xcher")]).args(args)
}

/// Runs the command with a standard output that is full from the start.
const FULL: &str = "exec \"$@\" >/dev/full";

/// Asserts that a command failed with one error about its standard output.
#[track_caller]
fn assert_output_error(done: Done) {
    let done = done.code(1);
    let about_output = |line: &&String| line.contains("cannot write to standard output");
    assert_eq!(done.err.iter().filter(about_output).count(), 1, "{done}");
}

fn code_of(sender: &Process) -> String {
    sender.until("a code", |lines| lines.out.first().cloned())
}

#[test]
fn every_command_that_prints_reports_a_full_standard_output() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let file = folder.path().join("s/file");
    tree::write(folder.path(), [("s/file", "12345")]);
    let _bob = relay.share("bob", &folder.path().join("s"));
    let address = relay.address.to_string();
    let (file, data) = (file.to_str().unwrap(), folder.path().join("data"));
    let key = &xcher(["peers", "me"]).run().code(0).out[0];
    let own = |args: &[&str], json: bool| {
        let json: &[&str] = if json { &["--json"] } else { &[] };
        let all = [args, json].concat();
        by(FULL, &all).env("XCHER_RELAY", &address).env("XCHER_DATA_DIR", &data).run()
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
            assert_output_error(own(args, json));
        }
    }
    for args in [&["completions", "bash"][..], &["man"], &["--help"], &["--version"]] {
        assert_output_error(own(args, false));
    }
    assert_output_error(own(&["send", "bob", file], true));
}

#[test]
fn received_files_are_stored_and_reported_when_standard_output_is_full() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/a", "12345"), ("s/b", "67890")]);
    let share = folder.path().join("s");
    let address = relay.address.to_string();
    let _bob = relay.share("bob", &share);
    let get = |from: &str, more: &[&str], out: &Path| {
        let args = [&["--relay", &address, "get", from, "-o", out.to_str().unwrap()], more];
        by(FULL, &args.concat()).run()
    };
    let received = |out: &Path| tree::read(out).into_keys().collect::<Vec<_>>();
    // The second run finds every file here already.
    let out = folder.path().join("by nick");
    for _ in 0..2 {
        assert_output_error(get("bob", &["--all"], &out));
        assert_eq!(received(&out), ["s/a", "s/b"]);
    }
    assert_output_error(get("bob", &["--all", "--json"], &out));
    let out = folder.path().join("by code");
    let sender = relay.xcher(["send", "--no-qr"]).args([&share]).start();
    assert_output_error(get(&code_of(&sender), &["--yes"], &out));
    assert_eq!(received(&out), ["s/a", "s/b"]);
    sender.wait().code(0).error(&["sent 2 files", "has stored everything"]);
    let sender = relay.xcher(["send", "--no-qr"]).args([&share]).start();
    assert_output_error(get(&code_of(&sender), &["--yes", "--json"], &out));
}

/// Standard output has room for the `online` line only.
#[test]
fn offered_files_are_stored_and_reported_when_standard_output_fills_up() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/a", "12345")]);
    let (out, stdout) = (folder.path().join("out"), folder.path().join("stdout"));
    let script = "stdout=$1; shift; trap '' XFSZ; ulimit -f 16
        head -c 100000 /dev/zero >\"$stdout\" 2>/dev/null; truncate -s -12 \"$stdout\"
        exec \"$@\" >>\"$stdout\"";
    for more in [&["--once"][..], &[]] {
        let kim = Xcher::other("sh").args(["-c", script, "sh"]).args([&stdout]);
        let kim = kim.args([env!("CARGO_BIN_EXE_xcher"), "--relay", &relay.address.to_string()]);
        let kim = kim.args(["receive", "--yes", "--nick", "kim", "-v", "-o"]).args([&out]);
        let kim = kim.args(more).start();
        let online = || relay.xcher(["who"]).run().out == ["kim"];
        assert!((0..100).any(|_| online()), "kim is not online");
        let sent = relay.xcher(["send", "kim"]).args([folder.path().join("s/a")]).run().code(0);
        sent.error(&["sent 1 file", "has stored everything"]);
        assert_output_error(kim.wait());
        assert_eq!(tree::read(&out).into_keys().collect::<Vec<_>>(), ["a"]);
        fs::remove_file(out.join("a")).unwrap();
    }
}

#[test]
fn partial_clear_removes_files_and_reports_a_full_standard_output() {
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
        assert_output_error(partial(&["list"]));
        assert_output_error(partial(&["clear"]));
        assert_eq!(tree::read(out.path()).len(), 0);
    }
}

#[test]
fn a_standard_output_without_a_reader_is_not_an_error() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(folder.path(), [("s/file", "12345")]);
    let _bob = relay.share("bob", &folder.path().join("s"));
    let address = relay.address.to_string();
    let without_reader = "(sleep 0.3; \"$@\") | true";
    let run = |args: &[&str]| by(without_reader, &[&["--relay", &address], args].concat()).run();
    run(&["ls", "bob"]).quiet();
    run(&["get", "bob", "--all", "-o", out.path().to_str().unwrap()]).quiet();
    assert_eq!(tree::read(out.path()).into_keys().collect::<Vec<_>>(), ["s/file"]);
}
