//! The line that ends `get`, and the lines about each sent file.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use rustix::process::Signal;
use system::relay::{Relay, by};
use system::terminal::Terminal;
use system::tree;
use tempfile::tempdir;

#[test]
fn get_ends_with_a_summary_for_people() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), [("a", &b"12345"[..]), ("b", &tree::bytes(1, 200_000))]);
    let _bob = relay.share("bob", &folder.path().join("s"));
    let get = |options: &[&str]| relay.xcher(["get", "bob", "--all"]).args(options).dir(out.path());
    let summary = |screen: &str| -> Vec<String> {
        let lines =
            screen.lines().filter(|line| line.contains("new files") || line.contains(" in "));
        lines.map(|line| line.trim_end().rsplit("xcher: ").next().unwrap().to_owned()).collect()
    };
    let done = Terminal::start(get(&[])).wait().code(0);
    let [line] = &summary(&done.screen)[..] else { panic!("{}", done.screen) };
    assert!(
        line.starts_with("2 files, 195.32 KiB in ") && line.ends_with("/s), directly"),
        "{line}"
    );
    let done = Terminal::start(get(&[])).wait().code(0);
    assert_eq!(summary(&done.screen), ["no new files; 2 already here"], "{}", done.screen);
    assert!(!done.screen.contains("existed already"), "{}", done.screen);
    let done = Terminal::start(get(&["-q", "--on-conflict", "overwrite"])).wait().code(0);
    assert!(summary(&done.screen).is_empty(), "{}", done.screen);
    // Nobody watches a pipe, unless -v says so.
    get(&["--on-conflict", "overwrite"]).run().code(0).quiet();
    std::fs::write(out.path().join("s/a"), "mine").unwrap();
    let get = get(&["-v", "--on-conflict", "skip"]).run().code(0);
    get.error(&["no new files; 2 skipped"]);
}

#[test]
fn json_sums_up_what_was_fetched() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), [("a", "12345"), ("b", "123")]);
    let tunnel = relay.tunnel();
    let share = system::process::xcher(by(&tunnel)).args(["share", "--nick", "bob"]);
    let bob = share.args([folder.path().join("s")]).start();
    bob.out("online ");
    tree::write(out.path(), [("s/b", "other")]);
    let get = ["get", "bob", "--all", "--json", "--on-conflict", "fail", "-o"];
    let get = system::process::xcher(by(&tunnel)).args(get).args([out.path()]).run().code(1);
    let events = get.events();
    let summary = events.iter().find(|event| event["event"] == "summary").expect("a summary");
    for (field, value) in [("files", 1), ("bytes", 5), ("here", 0), ("skipped", 0), ("failed", 1)] {
        assert_eq!(summary[field], value, "{summary}");
    }
    assert_eq!(summary["path"], "bridge");
    assert!(summary["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{summary}");
}

#[test]
fn senders_name_each_confirmed_file_at_a_terminal() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), [("a", "12345"), ("b", "123")]);
    let share = relay.xcher(["share", "--nick", "bob"]).args([folder.path().join("s")]);
    let share = Terminal::start(share);
    share.says("online ");
    let get = relay.xcher(["get", "bob", "--all", "--nick", "amy", "-o"]).args([out.path()]);
    get.run().code(0);
    share.shows("sent s/a (5 B) to amy\r\n");
    share.shows("sent s/b (3 B) to amy\r\n");
    // A base-protocol peer confirms nothing.
    let get = relay.xcher(["get", "bob", "s/a", "--plain", "--nick", "cid", "-o"]);
    get.args([out.path().join("again")]).run().code(0);
    share.shows("sent s/a (5 B) to cid, which does not confirm it\r\n");
    share.signal(Signal::TERM);
    share.wait().code(0);
}

#[test]
fn a_file_that_was_not_stored_is_not_named_as_sent() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), [("a", "12345"), ("b", "123")]);
    tree::write(out.path(), [("s/a", "other")]);
    let send = Terminal::start(relay.xcher(["send"]).args([folder.path().join("s")]));
    let code = send.says("\n");
    let get = ["get", code.trim(), "--yes", "--nick", "amy", "--on-conflict", "fail", "-o"];
    relay.xcher(get).args([out.path()]).run().code(1);
    send.shows("sent s/b (3 B) to amy\r\n");
    let screen = send.shows("the code is still valid");
    assert!(!screen.contains("sent s/a"), "{screen}");
    std::fs::remove_file(out.path().join("s/a")).unwrap();
    let get = ["get", code.trim(), "--yes", "--nick", "amy", "--on-conflict", "fail", "-o"];
    relay.xcher(get).args([out.path()]).run();
    send.shows("sent s/a (5 B) to amy\r\n");
}
