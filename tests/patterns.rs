//! Patterns in place of names, and files that are excluded by patterns.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::path::Path;

use system::process::Process;
use system::relay::Relay;
use system::tree;
use tempfile::{TempDir, tempdir};

const FILES: [&str; 7] =
    ["s/a.jpg", "s/a.JPG", "s/b.jpg", "s/n[1].txt", "s/n1.txt", "s/raw/c.jpg", "s/raw/deep/d.tmp"];

fn files() -> TempDir {
    tree::of_names(FILES)
}

/// Starts `xcher send`, and returns it with its code.
fn send(relay: &Relay, path: &Path, options: &[&str]) -> (Process, String) {
    let process = relay.xcher(["send"]).args(options).args([path]).start();
    let code = process.until("a code", |lines| lines.out.first().cloned());
    (process, code)
}

#[test]
fn get_fetches_what_a_pattern_matches() {
    let (relay, folder) = (Relay::start(), files());
    let _bob = relay.share("bob", &folder.path().join("s"));
    let get = |names: &[&str]| tree::stored(relay.xcher(["get", "bob"]).args(names), 0);
    assert_eq!(get(&["s/*.jpg"]), ["s/a.jpg", "s/b.jpg"]);
    assert_eq!(get(&["s/**/*.jpg"]), ["s/a.jpg", "s/b.jpg", "s/raw/c.jpg"]);
    assert_eq!(get(&["s/r*"]), ["s/raw/c.jpg", "s/raw/deep/d.tmp"]);
    assert_eq!(get(&["*"]).len(), FILES.len());
    // The name exists, so it is not a pattern.
    assert_eq!(get(&["s/n[1].txt"]), ["s/n[1].txt"]);
    assert_eq!(get(&["s/n[1].tx?", "s/n[1].txt"]), ["s/n1.txt", "s/n[1].txt"]);
}

#[test]
fn a_code_takes_patterns() {
    let (relay, folder) = (Relay::start(), files());
    let (sender, code) = send(&relay, &folder.path().join("s"), &[]);
    let get = relay.xcher(["get", &code, "s/*.jpg", "s/**/*.tmp", "--yes"]);
    assert_eq!(tree::stored(get, 0), ["s/a.jpg", "s/b.jpg", "s/raw/deep/d.tmp"]);
    sender.wait().code(0).error(&["sent 3 files"]);
}

#[test]
fn a_pattern_without_a_match_is_an_error() {
    let (relay, folder) = (Relay::start(), files());
    let _bob = relay.share("bob", &folder.path().join("s"));
    let out = tempdir().unwrap();
    let get = relay.xcher(["get", "bob", "*.jpg", "s/b*", "-o"]).args([out.path()]).run().code(1);
    get.one_error(&["bob shares nothing that matches \"*.jpg\"", "xcher ls bob"]);
    assert_eq!(tree::finished(out.path()).into_keys().collect::<Vec<_>>(), ["s/b.jpg"]);
    let get = relay.xcher(["get", "bob", "s/z*", "--json", "-o"]).args([out.path()]).run().code(1);
    let skipped = get.events().into_iter().find(|event| event["event"] == "skipped").unwrap();
    assert_eq!((&skipped["name"], &skipped["reason"]), (&"s/z*".into(), &"not-shared".into()));
    // Misplaced special characters make a name.
    let get = relay.xcher(["get", "bob", "s/[a", "-o"]).args([out.path()]).run().code(1);
    get.one_error(&["bob does not share \"s/[a\""]);
}

#[test]
fn a_pattern_brings_no_hidden_file_into_the_folder_itself() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [(".profile", "evil"), ("a", "a")]);
    let share = ["share", "--hidden", "--nick", "bob", ".profile", "a"];
    let bob = relay.xcher(share).dir(folder.path()).start();
    bob.out("online ");
    let get = |names: &[&str]| tree::stored(relay.xcher(["get", "bob"]).args(names), 0);
    assert_eq!(get(&["*"]), ["a"]);
    assert_eq!(get(&[".p*"]), [".profile"]);
}
