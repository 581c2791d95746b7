//! With `--json`, every file that is not fetched, or not removed, has an event with the reason.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use system::process::{Done, Process, xcher};
use system::relay::Relay;
use system::tree;
use tempfile::tempdir;

/// Returns the sorted `NAME REASON` of each event; expects a text and these fields in every one.
#[track_caller]
fn skipped(done: &Done, fields: &[&str]) -> Vec<String> {
    let events = done.events();
    let skipped = events.iter().filter(|event| event["event"] == "skipped");
    let mut said: Vec<_> = skipped
        .map(|event| {
            assert!(event["text"].is_string(), "{event}");
            assert!(fields.iter().all(|field| !event[field].is_null()), "{event}");
            format!("{} {}", event["name"], event["reason"]).replace('"', "")
        })
        .collect();
    said.sort();
    said
}

fn code_of(sender: &Process) -> String {
    sender.until("a code", |lines| lines.out.first().cloned())
}

#[test]
fn reports_skipped_existing_names_as_events() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(folder.path(), [("s/a", "theirs"), ("s/b", "theirs")]);
    tree::write(out.path(), [("s/a", "ours")]);
    let share = folder.path().join("s");
    let _bob = relay.share("bob", &share);
    let get = |what: &str| {
        let get = relay.xcher(["get", "bob", "--all", "--json", "--on-conflict", what, "-o"]);
        get.args([out.path()]).run()
    };
    assert_eq!(skipped(&get("fail").code(1), &["session", "path"]), ["s/a conflict"]);
    assert_eq!(skipped(&get("skip").code(0), &["session", "path"]), ["s/a exists", "s/b exists"]);
    // The same for an offer.
    let kim = relay.xcher(["receive", "--yes", "--once", "--json", "--nick", "kim", "-o"]);
    let kim = kim.args([out.path()]).args(["--on-conflict", "skip"]).start();
    kim.event(&[("event", "online")]);
    relay.xcher(["send", "kim"]).args([&share]).run().code(1);
    let kim = kim.wait().code(0);
    assert_eq!(skipped(&kim, &["session", "path"]), ["s/a exists", "s/b exists"]);
}

#[test]
fn reports_skipped_hidden_names_as_events() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    // More names than are printed without `--json`.
    let names: Vec<_> = (10..40).map(|number| format!(".{number}")).collect();
    tree::write(folder.path(), names.iter().map(|name| (name, "x")));
    let paths: Vec<_> = names.iter().map(|name| folder.path().join(name)).collect();
    let expected: Vec<_> = names.iter().map(|name| format!("{name} hidden")).collect();
    let amy = relay.xcher(["share", "--nick", "amy", "--hidden"]).args(&paths).start();
    amy.out("online ");
    let to = |done: &[&str]| relay.xcher(done).args(["--json", "-o"]).args([out.path()]);
    let got = to(&["get", "amy", "--all"]).run().code(4);
    assert_eq!(skipped(&got, &["session"]), expected);
    let sender = relay.xcher(["send", "--no-qr"]).args(&paths).start();
    let got = to(&["get", &code_of(&sender), "--yes"]).run().code(4);
    assert_eq!(skipped(&got, &["session"]), expected);
    let kim = to(&["receive", "--yes", "--once", "--nick", "kim"]).start();
    kim.event(&[("event", "online")]);
    relay.xcher(["send", "--to", "kim"]).args(&paths).run().code(1);
    assert_eq!(skipped(&kim.wait().code(4), &["session"]), expected);
}

#[test]
fn reports_names_that_are_not_shared_as_events() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(folder.path(), [("s/a", "1")]);
    let _bob = relay.share("bob", &folder.path().join("s"));
    let get = relay.xcher(["get", "bob", "nosuch", "s/a", "s/no", "--json", "-o"]);
    let got = get.args([out.path()]).run().code(1);
    assert_eq!(skipped(&got, &["session"]), ["nosuch not-shared", "s/no not-shared"]);
    assert!(out.path().join("s/a").exists());
}

#[test]
fn reports_offers_declined_for_lack_of_a_terminal_as_events() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/a", "1"), ("s/b", "2")]);
    let share = folder.path().join("s");
    let bob = relay.xcher(["share", "--once", "--json", "--nick", "bob"]).args([&share]).start();
    bob.event(&[("event", "online")]);
    relay.xcher(["send", "bob"]).args([&share]).run().code(1);
    assert_eq!(skipped(&bob.wait().code(0), &["session"]), ["s/a unasked", "s/b unasked"]);
}

#[test]
fn reports_partial_files_that_stay_as_events() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    let path = folder.path().join("long");
    fs::write(&path, tree::bytes(1, 8 << 20)).unwrap();
    let bob = relay.xcher(["share", "--nick", "bob", "--limit-send", "1mb"]).args([&path]).start();
    bob.out("online ");
    let get = relay.xcher(["get", "bob", "long", "--json", "-o"]).args([out.path()]).start();
    get.event(&[("event", "transfer"), ("state", "progress")]);
    let clear = |names: &[&str], out: &Path| {
        xcher(["partial", "clear", "--json", "-o"]).args([out]).args(names).run()
    };
    let done = clear(&["nosuch", "long"], out.path()).code(1);
    assert_eq!(skipped(&done, &["name"]), ["long in-use", "nosuch unknown"]);
    get.stop(Signal::TERM);
}
