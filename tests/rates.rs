//! `--limit-send` and `--limit-receive`: how fast files go, all together.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::time::Duration;

use system::pace::Pace;
use system::process::{Process, xcher};
use system::relay::Relay;
use system::tree;
use tempfile::tempdir;

/// Bytes a second.
const RATE: usize = 2 << 20;

/// A share with these options.
fn share(relay: &Relay, folder: &std::path::Path, options: &[&str]) -> Process {
    let share = relay.xcher(["share", "--nick", "bob"]).args(options).args([folder]).start();
    share.out("online bob");
    share
}

/// That so many bytes took as long as they must, and not for ever.
#[track_caller]
fn assert_slow(took: Duration, pace: &Pace, bytes: usize) {
    // What goes at once is a quarter of a second's.
    let least = Duration::from_secs_f64(bytes as f64 / RATE as f64 - 0.35);
    assert!(took > least && pace.elapsed() < least * 8, "{bytes} bytes in {took:?}");
}

#[test]
fn either_side_sets_the_rate_of_all_files_together() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    // Some come in batches, some alone; of some the copy is made by the system.
    let sizes = (0..30).map(|_| 10_000).chain([300_000; 8]).chain([1_500_000]);
    let files = sizes.enumerate().map(|(n, size)| (format!("{n:03}"), tree::bytes(n as u64, size)));
    tree::write(&folder.path().join("s"), files);
    let all = tree::read(folder.path());
    let total = all.values().map(Vec::len).sum();
    let limits: [(&[&str], &[&str]); 2] =
        [(&["--limit-send", "2mb"], &[]), (&[], &["--limit-receive", "2mb"])];
    for (theirs, ours) in limits {
        for plain in [&[][..], &["--plain"]] {
            let share = share(&relay, &folder.path().join("s"), &[theirs, plain].concat());
            let out = tempdir().unwrap();
            let get = relay.xcher(["get", "bob", "--all", "-o"]).args([out.path()]);
            let pace = Pace::start();
            let get = get.args(ours).args(plain).run().code(0);
            assert_slow(get.took, &pace, total);
            assert!(tree::read(out.path()) == all, "{theirs:?} {ours:?} {plain:?}");
            share.stop(rustix::process::Signal::TERM);
        }
    }
}

/// Of a batch a file takes longer than either side waits for something that stands still.
#[test]
fn what_is_slow_does_not_stand_still() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let whole = tree::bytes(7, 200_000);
    tree::write(folder.path(), [("s/a", &whole[..]), ("s/b", &whole)]);
    for (theirs, ours) in [("--limit-send", "-q"), ("-q", "--limit-receive")] {
        let with = |option: &'static str| match option {
            "-q" => vec![option],
            option => vec![option, "32kb"],
        };
        let options = [vec!["--timeout", "2"], with(theirs)].concat();
        let share = share(&relay, &folder.path().join("s"), &options);
        let out = tempdir().unwrap();
        let get = relay.xcher(["get", "bob", "--all", "--timeout", "2", "-o"]).args([out.path()]);
        let get = get.args(with(ours)).run().code(0);
        assert!(get.took > Duration::from_secs(10), "{:?}", get.took);
        assert!(tree::read(out.path()) == tree::read(folder.path()));
        share.stop(rustix::process::Signal::TERM);
    }
}

#[test]
fn a_slow_transfer_stops_at_once() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/file", tree::bytes(8, 4 << 20))]);
    let share = share(&relay, &folder.path().join("s"), &["--limit-send", "16kb"]);
    let out = tempdir().unwrap();
    let get = relay.xcher(["get", "bob", "--all", "--json", "--limit-receive", "16kb", "-o"]);
    let get = get.args([out.path()]).start();
    get.event(&[("event", "transfer"), ("state", "progress")]);
    // Each within two seconds.
    get.stop(rustix::process::Signal::INT).code(1);
    share.stop(rustix::process::Signal::TERM);
}

#[test]
fn what_is_no_rate_is_a_usage_error() {
    for bad in ["0", "1kb", "16383", "-1", "2", "fast", "1.5mb"] {
        let done = xcher(["who", &format!("--limit-send={bad}")]).run().code(2);
        done.error(&["--limit-send", bad]).error(&["not a rate of 16kb or more a second"]);
    }
    xcher(["who"]).env("XCHER_LIMIT_RECEIVE", "1kb").run().code(2);
}
