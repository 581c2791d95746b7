//! Listings for people: aligned, long, as a tree, and of chosen files only.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, UNIX_EPOCH};

use system::process::{Process, Xcher};
use system::relay::Relay;
use system::terminal::Terminal;
use system::tree;
use system::wire::Chat;
use tempfile::{TempDir, tempdir};

/// Shares a folder `s` with files of every kind, all of the same age.
fn share(relay: &Relay) -> (TempDir, Process) {
    let folder = tempdir().unwrap();
    let s = folder.path().join("s");
    tree::write(&s, [("a.txt", "hello\n"), ("in/run", ""), ("in/z/deep", "")]);
    fs::write(s.join("in/big"), vec![0; 1_572_864]).unwrap();
    fs::create_dir(s.join("empty")).unwrap();
    symlink("a.txt", s.join("link")).unwrap();
    fs::set_permissions(s.join("in/run"), Permissions::from_mode(0o700)).unwrap();
    for name in ["a.txt", "in/run", "in/big", "in/z/deep", "empty"] {
        let at = UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        fs::File::open(s.join(name)).unwrap().set_modified(at).unwrap();
    }
    let bob = relay.xcher(["share", "--nick", "bob", "--links", "keep"]).args([&s]).start();
    bob.out("online ");
    (folder, bob)
}

/// Returns what a command shows at a terminal, without the lines about sessions.
fn shown(command: Xcher) -> Vec<String> {
    let done = Terminal::start_with_output(command).wait().code(0);
    let lines = done.screen.lines().map(|line| line.trim_end().to_owned());
    lines.filter(|line| !line.contains("xcher:")).collect()
}

#[test]
fn ls_is_aligned_at_a_terminal_and_exact_in_a_pipe() {
    let relay = Relay::start();
    let (_folder, _bob) = share(&relay);
    let ls = relay.xcher(["ls", "bob"]);
    let expected = [
        "        6 B  s/a.txt",
        "          -  s/empty/",
        "   1.50 MiB  s/in/big",
        "        0 B  s/in/run",
        "        0 B  s/in/z/deep",
        "        5 B  s/link",
    ];
    assert_eq!(shown(ls), expected);
    let exact = ["6\ts/a.txt", "0\ts/empty/", "1572864\ts/in/big", "0\ts/in/run", "0\ts/in/z/deep"];
    let ls = relay.xcher(["ls", "bob"]).run().code(0).quiet();
    assert_eq!(ls.out[..5], exact);
}

#[test]
fn long_lines_have_times_and_flags_where_the_peer_tells_them() {
    let relay = Relay::start();
    let (_folder, _bob) = share(&relay);
    let ls = relay.xcher(["ls", "bob", "-l", "s/in", "s/empty"]).run().code(0).quiet();
    ls.out(&[
        "0\t2026-11-18T11:06:40Z\td\ts/empty/",
        "1572864\t2026-11-18T11:06:40Z\t-\ts/in/big",
        "0\t2026-11-18T11:06:40Z\txp\ts/in/run",
        "0\t2026-11-18T11:06:40Z\t-\ts/in/z/deep",
    ]);
    assert_eq!(
        shown(relay.xcher(["ls", "bob", "--long", "s/in/*"])),
        [
            "-      1.50 MiB  2026-11-18 11:06  s/in/big",
            "xp          0 B  2026-11-18 11:06  s/in/run",
            "-           0 B  2026-11-18 11:06  s/in/z/deep",
        ]
    );
    // A base-protocol peer tells neither.
    let ls = relay.xcher(["ls", "bob", "-l", "--plain", "s/in/big"]).run().code(0);
    ls.out(&["1572864\t-\t-\ts/in/big"]);
}

#[test]
fn json_has_times_and_flags_where_they_are_known() {
    let relay = Relay::start();
    let (_folder, _bob) = share(&relay);
    let files = |options: &[&str]| -> Vec<serde_json::Value> {
        let ls = relay.xcher(["ls", "bob", "--json"]).args(options).run().code(0);
        let mut files: Vec<_> =
            ls.events().into_iter().filter(|event| event["event"] == "file").collect();
        for file in &mut files {
            file.as_object_mut().unwrap().remove("session");
        }
        files
    };
    let run = serde_json::json!({"event": "file", "name": "s/in/run", "size": 0, "private": true,
                                 "executable": true, "modified": "2026-11-18T11:06:40Z"});
    assert_eq!(files(&["s/in/r*"]), [run]);
    let big = serde_json::json!({"event": "file", "name": "s/in/big", "size": 1_572_864});
    assert_eq!(files(&["s/in/big", "--plain"]), [big]);
    // The same events, in the order of the peer.
    assert_eq!(files(&["--tree"]), files(&[]));
}

#[test]
fn tree_shows_the_sizes_of_folders() {
    let relay = Relay::start();
    let (_folder, _bob) = share(&relay);
    let expected = [
        "   1.50 MiB  s/",
        "        6 B    a.txt",
        "        0 B    empty/",
        "   1.50 MiB    in/",
        "   1.50 MiB      big",
        "        0 B      run",
        "        0 B      z/",
        "        0 B        deep",
        "        5 B    link",
    ];
    relay.xcher(["ls", "bob", "--tree"]).run().code(0).quiet().out(&expected);
    assert_eq!(shown(relay.xcher(["ls", "bob", "--tree"])), expected);
    let ls = relay.xcher(["ls", "bob", "--tree", "**/deep"]).run().code(0).quiet();
    ls.out(&[
        "        0 B  s/",
        "        0 B    in/",
        "        0 B      z/",
        "        0 B        deep",
    ]);
}

#[test]
fn tree_takes_any_order_and_names_that_are_file_and_folder() {
    let relay = Relay::start();
    let mut bob = Chat::join(relay.address, "bob");
    let ls = relay.xcher(["ls", "bob", "--tree"]).start();
    let mut control = bob.called();
    let deep = vec!["d"; 300].join("/");
    control.lists(&[
        "b/x 1",
        "a 2",
        "b/y/z 4",
        "a/q 8",
        "b/w 700mb",
        &format!("{deep} 1"),
        "b/x 1",
    ]);
    let ls = ls.wait().code(0);
    let expected = [
        "        2 B  a",
        "        8 B  a/",
        "        8 B    q",
        " 700.00 MiB  b/",
        " 700.00 MiB    w",
        "        1 B    x",
        "        1 B    x",
        "        4 B    y/",
        "        4 B      z",
    ];
    assert_eq!(ls.out[..9], expected, "{ls}");
    assert_eq!(ls.out.len(), 9 + 300);
    // A peer's depth does not make lines endless.
    assert!(ls.out.iter().all(|line| line.len() < 100), "{ls}");
}

#[test]
fn names_that_are_not_listed_are_errors() {
    let relay = Relay::start();
    let (_folder, _bob) = share(&relay);
    let ls = relay.xcher(["ls", "bob", "s/a.txt", "s/b", "s/*.jpg"]).run().code(1);
    let ls = ls.out(&["6\ts/a.txt"]).error(&["bob does not share \"s/b\""]);
    ls.error(&["bob shares nothing that matches \"s/*.jpg\""]);
    relay.xcher(["ls", "bob", "--tree", "-l"]).run().code(2);
}
