//! Shared folders that change: listings have every change at once, and `share --watch` reports it.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;

use system::process::Process;
use system::relay::Relay;
use system::tree;
use tempfile::{TempDir, tempdir};

fn share(relay: &Relay, options: &[&str]) -> (TempDir, Process) {
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("s/old", "12345"), ("single", "1")]);
    fs::create_dir(folder.path().join("s/skip")).unwrap();
    let bob = relay.xcher(["share", "--nick", "bob"]).args(options).args(["s", "single"]);
    let bob = bob.dir(folder.path()).start();
    (folder, bob)
}

#[test]
fn every_listing_is_made_from_the_disk() {
    let relay = Relay::start();
    let (folder, bob) = share(&relay, &[]);
    bob.out("online ");
    let list = || relay.xcher(["ls", "bob"]).run().code(0).out;
    assert_eq!(list(), ["5\ts/old", "0\ts/skip/", "1\tsingle"]);
    tree::write(folder.path(), [("s/new", "123"), ("s/old", "1"), ("s/skip/x", "")]);
    assert_eq!(list(), ["3\ts/new", "1\ts/old", "0\ts/skip/x", "1\tsingle"]);
    let get = relay.xcher(["get", "bob", "s/new", "-o"]).args([folder.path().join("out")]);
    get.run().code(0);
}

#[test]
fn new_and_changed_files_are_reported_once_they_are_written() {
    let relay = Relay::start();
    let (folder, bob) = share(&relay, &["--watch", "--exclude", "skip"]);
    bob.err("watching for new and changed files");
    let s = folder.path().join("s");
    tree::write(&s, [(".hidden", "1"), ("skip/x", "1"), ("new", "123")]);
    bob.err("new: s/new (3 B)");
    OpenOptions::new().append(true).open(s.join("old")).unwrap().write_all(b"678").unwrap();
    bob.err("changed: s/old (8 B)");
    // A program that replaces a file.
    tree::write(folder.path(), [("temporary", "12")]);
    fs::rename(folder.path().join("temporary"), folder.path().join("single")).unwrap();
    bob.err("new: single (2 B)");
    // A folder that arrives with its contents.
    tree::write(folder.path(), [("aside/a/b/c", "1234")]);
    fs::rename(folder.path().join("aside"), s.join("in")).unwrap();
    bob.err("new: s/in/a/b/c (4 B)");
    // Nothing outside is looked at.
    symlink("/etc", s.join("link")).unwrap();
    tree::write(&s, [("last", "")]);
    bob.err("new: s/last (0 B)");
    for part in ["hidden", "skip/x", "temporary", "link"] {
        assert!(!bob.seen_err(&format!("s/{part}")), "{part}");
    }
}

#[test]
fn json_reports_changes() {
    let relay = Relay::start();
    let (folder, bob) = share(&relay, &["--watch", "--json"]);
    bob.event(&[("event", "notice"), ("text", "watching for new and changed files")]);
    tree::write(&folder.path().join("s"), [("two\nlines", "123")]);
    let event = bob.event(&[("event", "change")]);
    assert_eq!((&event["state"], &event["size"]), (&"new".into(), &3.into()), "{event}");
    assert_eq!(event["name"], "s/two%{0A}lines");
}
