//! Files that patterns exclude, from what is fetched and from what is shared or sent.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use system::process::Done;
use system::relay::Relay;
use system::tree;
use tempfile::TempDir;

const FILES: [&str; 5] = ["s/a.jpg", "s/a.tmp", "s/keep.tmp", "s/raw/b.jpg", "s/t/raw"];

fn files() -> TempDir {
    tree::of_names(FILES)
}

fn names(ls: &Done) -> Vec<&str> {
    ls.out.iter().map(|line| line.split_once('\t').unwrap().1).collect()
}

#[test]
fn get_excludes_and_includes_in_order() {
    let (relay, folder) = (Relay::start(), files());
    let _bob = relay.share("bob", &folder.path().join("s"));
    let get =
        |options: &[&str]| tree::stored(relay.xcher(["get", "bob", "--all"]).args(options), 0);
    assert_eq!(get(&["--exclude", "*.tmp"]), ["s/a.jpg", "s/raw/b.jpg", "s/t/raw"]);
    assert_eq!(get(&["--exclude", "raw", "--exclude=*.tmp"]), ["s/a.jpg"]);
    assert_eq!(get(&["--exclude", "/s/*.tmp", "--exclude", "raw/"]), ["s/a.jpg", "s/t/raw"]);
    let include = ["--include", "keep.tmp", "--exclude", "*.tmp", "--exclude", "raw"];
    assert_eq!(get(&include), ["s/a.jpg", "s/keep.tmp"]);
    let late = ["--exclude", "*.tmp", "--include", "keep.tmp", "--exclude", "raw"];
    assert_eq!(get(&late), ["s/a.jpg"]);
    // A name does not override it.
    let get = relay.xcher(["get", "bob", "s/a.tmp", "s/a.jpg", "--exclude", "*.tmp"]);
    assert_eq!(tree::stored(get, 0), ["s/a.jpg"]);
    let get = relay.xcher(["get", "bob", "--all"]).env("XCHER_EXCLUDE", "*.tmp\nraw\n");
    assert_eq!(tree::stored(get, 0), ["s/a.jpg"]);
    let get = relay.xcher(["get", "bob", "--all", "--exclude", "[z-a]"]).run();
    get.code(2).one_error(&["not a pattern: [z-a]"]);
    let get = relay.xcher(["get", "bob", "--all", "--exclude", "!a"]).run();
    get.code(2).one_error(&["does not begin with !"]);
}

#[test]
fn a_shared_folder_neither_lists_nor_serves_what_is_excluded() {
    let (relay, folder) = (Relay::start(), files());
    symlink("raw/b.jpg", folder.path().join("s/link")).unwrap();
    symlink("t", folder.path().join("s/u")).unwrap();
    let ignore = folder.path().join("rules");
    fs::write(&ignore, "# comment\n*.tmp\n!keep.tmp\n/t/raw\n").unwrap();
    let options = ["share", "--nick", "bob", "--links", "follow", "--exclude", "/s/raw"];
    let bob = relay.xcher(options).args(["s", "--ignore-file", "rules"]).dir(folder.path());
    let bob = bob.start();
    bob.out("online ");
    let ls = relay.xcher(["ls", "bob"]).run().code(0).quiet();
    assert_eq!(names(&ls), ["s/a.jpg", "s/keep.tmp", "s/t/", "s/u/"]);
    for name in ["s/a.tmp", "s/raw/b.jpg", "s/t/raw", "s/link", "s/u/raw", "s/raw"] {
        relay.xcher(["check", "bob", name]).run().code(1).out(&[&format!("{name} NO")]);
        // A peer need not list before it requests.
        let get = relay.xcher(["get", "bob", name, "--plain", "-o"]).args([folder.path()]).run();
        get.code(1).error(&["does not share"]);
    }
    relay.xcher(["check", "bob", "s/keep.tmp"]).run().code(0);
}

#[test]
fn excluded_files_are_not_reported_as_lost() {
    let (relay, folder) = (Relay::start(), files());
    let s = folder.path().join("s");
    let unreadable = s.join("a.tmp");
    fs::set_permissions(&unreadable, fs::Permissions::from_mode(0o0)).unwrap();
    std::process::Command::new("mkfifo").arg(s.join("pipe.tmp")).status().unwrap();
    tree::write(&s, [(format!("{}.tmp", "n".repeat(200)), "")]);
    let sender = relay.xcher(["send", "--exclude", "*.tmp", "--exclude", ".git"]).args([&s]);
    let sender = sender.start();
    let code = sender.until("a code", |lines| lines.out.first().cloned());
    let get = relay.xcher(["get", &code, "--yes"]);
    assert_eq!(tree::stored(get, 0), ["s/a.jpg", "s/raw/b.jpg", "s/t/raw"]);
    let sender = sender.wait().code(0);
    sender.no_error("left out").no_error("not shared").error(&["sent 3 files"]);
}

#[test]
fn exclusion_applies_to_what_is_named_too() {
    let (relay, folder) = (Relay::start(), files());
    let run = |paths: &[&str], options: &[&str]| {
        let s = folder.path().join("s");
        relay.xcher(["send", "--no-qr"]).args(options).args(paths).dir(&s)
    };
    let exclude = |pattern| ["--exclude", pattern];
    run(&["a.tmp"], &exclude("*.tmp")).run().code(2).one_error(&["nothing to send: --exclude"]);
    run(&["raw"], &exclude("raw")).run().code(2).one_error(&["nothing to send: --exclude"]);
    run(&["raw"], &["--ignore-file", "none"]).run().code(2).one_error(&["none", "--ignore-file"]);
    let sender = run(&["a.tmp", "a.jpg", "raw"], &["--exclude", "*.tmp", "--exclude", "raw"]);
    let sender = sender.start();
    let code = sender.until("a code", |lines| lines.out.first().cloned());
    assert_eq!(tree::stored(relay.xcher(["get", &code, "--yes"]), 0), ["a.jpg"]);
    sender.wait().code(0);
}
