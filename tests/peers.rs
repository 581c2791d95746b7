//! Known peers: `xcher peers`, and the file that users can edit.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod system;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown, symlink};

use serde_json::json;
use system::keys::{ONE, TWO, chmod, mode, peers};
use system::not_tested;
use system::process::{Done, Xcher, xcher};
use system::tree;
use tempfile::tempdir;

/// Returns today's date in UTC, from the system's own tool.
fn today() -> String {
    let done = Xcher::other("date").args(["-u", "+%Y-%m-%d"]).run().code(0);
    done.out.concat()
}

/// Returns the lines of a result without the date, which can change during a test.
fn without_days(done: Done) -> Vec<String> {
    let fields = |line: &String| -> Vec<String> { line.split('\t').map(str::to_owned).collect() };
    let line = |line| match fields(line).as_slice() {
        [nick, key, _, relay] => format!("{nick} {key} {relay}"),
        other => panic!("expected four fields, got {other:?}"),
    };
    done.out.iter().map(line).collect()
}

#[test]
fn concurrent_pins_are_all_kept() {
    let folder = tempdir().unwrap();
    let nicks: Vec<_> = (0..12).map(|at| format!("nick{at:02}")).collect();
    let pin = |nick: &String| peers(folder.path(), &["pin", nick, ONE]).start();
    let started: Vec<_> = nicks.iter().map(pin).collect();
    started.into_iter().for_each(|pin| drop(pin.wait().code(0).quiet()));
    let list = peers(folder.path(), &["list"]).run().code(0).quiet();
    let mut listed = without_days(list);
    listed.sort();
    let expected: Vec<_> =
        nicks.iter().map(|nick| format!("{nick} {ONE} 127.0.0.1:9247")).collect();
    assert_eq!(listed, expected);
}

#[test]
fn killed_writer_leaves_a_complete_file() {
    const LINES: usize = 2_000;
    let folder = tempdir().unwrap();
    let (file, new) = (folder.path().join("known_peers"), folder.path().join("known_peers.new"));
    let lines = (0..LINES).map(|at| format!("127.0.0.1:9247 n{at} {ONE} 2026-11-22\n"));
    fs::write(&file, lines.collect::<String>()).unwrap();
    let stamp = || fs::metadata(&new).ok().map(|new| (new.ino(), new.ctime(), new.ctime_nsec()));
    let (mut known, mut cut) = (LINES, 0);
    for at in 0..20 {
        let before = stamp();
        let mut pin = peers(folder.path(), &["pin", &format!("new{at}"), ONE]).spawn();
        // Waits until it is writing, or has written already.
        while stamp().is_none_or(|stamp| Some(stamp) == before) {
            if pin.0.try_wait().unwrap().is_some() {
                break;
            }
        }
        pin.0.kill().unwrap();
        pin.0.wait().unwrap();
        let now = peers(folder.path(), &["list"]).run().code(0).quiet().out.len();
        assert!(now == known || now == known + 1, "{now} after {known}");
        cut += usize::from(now == known);
        known = now;
    }
    assert!(cut > 0, "expected some of them to be killed in time, got none");
    peers(folder.path(), &["pin", "last", ONE]).run().code(0);
    // The files that killed processes left are removed, too.
    let left: Vec<_> = tree::read(folder.path()).into_keys().collect();
    assert_eq!(left, [".known_peers.lock", "known_peers"]);
}

#[test]
fn lists_and_forgets_pins() {
    let folder = tempdir().unwrap();
    let run = |args: &[&str]| peers(folder.path(), args).run();
    run(&[]).code(0).quiet().out(&[]);
    run(&["list", "--json"]).code(0).quiet().out(&[]);
    assert!(tree::read(folder.path()).is_empty());

    let before = today();
    let pin = run(&["pin", "amy", ONE]).code(0).quiet();
    let line = |day: &str| format!("amy\t{ONE}\t{day}\t127.0.0.1:9247");
    assert!(pin.out == [line(&before)] || pin.out == [line(&today())], "{pin}");
    assert_eq!(mode(&folder.path().join("known_peers")), 0o600);
    run(&["pin", "日本", TWO]).code(0).quiet();
    run(&["pin", "amy", TWO, "--relay", "Relay.example:09247"]).code(0).quiet();
    run(&["pin", "bob", TWO, "--relay", "https://relay.example/#amy"]).code(0).quiet();

    let here = [format!("amy {ONE} 127.0.0.1:9247"), format!("日本 {TWO} 127.0.0.1:9247")];
    assert_eq!(without_days(run(&[]).code(0).quiet()), here);
    assert_eq!(without_days(run(&["list"]).code(0).quiet()), here);
    let tcp = format!("amy {TWO} relay.example:9247");
    let ws = format!("bob {TWO} wss://relay.example/xcher");
    let all = [&here[..], &[tcp.clone(), ws.clone()]].concat();
    for args in [&["--every-relay"][..], &["list", "--every-relay"], &["--every-relay", "list"]] {
        assert_eq!(without_days(run(args).code(0).quiet()), all);
    }
    let other = ["list", "--relay", "wss://relay.example"];
    assert_eq!(without_days(run(&other).code(0).quiet()), [ws.as_str()]);
    let none = run(&["list", "--relay", "r:1"]).code(0).out(&[]);
    none.one_error(&["no known peers at r:1; --every-relay lists the 4 known at other relays"]);

    let json = run(&["list", "--json", "--relay", "relay.example:9247"]).code(0).quiet();
    let day = json.events()[0]["since"].as_str().unwrap().to_owned();
    assert!(day == before || day == today(), "{json}");
    let relay = "relay.example:9247";
    assert_eq!(
        json.events(),
        [json!({"event": "pin", "state": "known", "nick": "amy", "key": TWO,
        "since": day, "relay": relay})]
    );

    let none = run(&["forget", "carol"]).code(1).out(&[]);
    none.one_error(&["no key of carol is known at 127.0.0.1:9247"]);
    let none = run(&["forget", "carol", "--every-relay"]).code(1);
    none.one_error(&["no key of carol is known"]);
    assert_eq!(without_days(run(&["forget", "amy"]).code(0).quiet()), here[..1]);
    let left = [&here[1..], &[tcp.clone(), ws.clone()]].concat();
    assert_eq!(without_days(run(&["--every-relay"]).code(0)), left);
    assert_eq!(without_days(run(&["forget", "--all"]).code(0).quiet()), here[1..]);
    run(&["forget", "--all"]).code(0).quiet().out(&[]);
    let json = run(&["forget", "amy", "--every-relay", "--json"]).code(0).quiet();
    assert_eq!(json.events()[0]["state"], "forgotten");
    assert_eq!(without_days(run(&["forget", "--all", "--every-relay"]).code(0).quiet()), [ws]);
    run(&["--every-relay"]).code(0).quiet().out(&[]);
}

#[test]
fn reports_a_pin_that_replaces_another_key() {
    let folder = tempdir().unwrap();
    let run = |args: &[&str]| peers(folder.path(), args).run();
    run(&["pin", "amy", ONE]).code(0).quiet();
    run(&["pin", "amy", ONE]).code(0).quiet();
    let pin = run(&["pin", "amy", TWO]).code(0);
    let pin = pin.one_error(&["replaced the previous key of amy: ", ONE]);
    assert_eq!(without_days(pin), [format!("amy {TWO} 127.0.0.1:9247")]);
    assert_eq!(without_days(run(&[]).code(0)), [format!("amy {TWO} 127.0.0.1:9247")]);
}

#[test]
fn keeps_edits_by_hand() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("known_peers");
    let text = format!("# met in person\n\n127.0.0.1:9247  amy\t{ONE} 2020-02-29\n# the end");
    fs::write(&file, &text).unwrap();
    chmod(&file, 0o644);
    let list = peers(folder.path(), &[]).run().code(0).quiet();
    list.out(&[&format!("amy\t{ONE}\t2020-02-29\t127.0.0.1:9247")]);
    peers(folder.path(), &["pin", "bob", TWO]).run().code(0);
    let after = fs::read_to_string(&file).unwrap();
    assert!(after.starts_with(&format!("{text}\n127.0.0.1:9247 bob {TWO} 20")), "{after}");
    peers(folder.path(), &["forget", "bob"]).run().code(0);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{text}\n"));
}

#[test]
fn invalid_line_stops_every_command() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("known_peers");
    let good = format!("127.0.0.1:9247 amy {ONE} 2020-02-29");
    for (bad, expected) in [
        (
            "127.0.0.1:9247 amy".to_owned(),
            "expected RELAY NICK KEY SINCE, got \"127.0.0.1:9247 amy",
        ),
        (good[..60].to_owned(), "expected RELAY NICK KEY SINCE"),
        (good[..good.len() - 1].to_owned(), "expected a date such as 2026-11-22"),
        (good.replace("amy", "a\u{1b}y"), "got \"a\\u{1b}y\""),
        (
            good.replace("127.0.0.1:9247", "http://h/"),
            "expected \"ws://h/xcher\", got \"http://h/\"",
        ),
        (good.clone(), "expected one key of amy at 127.0.0.1:9247, got another in line 2 already"),
    ] {
        let text = format!("# first\n{good}\n{bad}");
        fs::write(&file, &text).unwrap();
        chmod(&file, 0o600);
        for args in [&["list"][..], &["forget", "--all"], &["forget", "amy"], &["pin", "bob", ONE]]
        {
            let done = peers(folder.path(), args).run().code(1).out(&[]);
            done.one_error(&["known_peers\", line 3: ", expected]);
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    fs::write(&file, b"#\n\xff").unwrap();
    let list = peers(folder.path(), &[]).run().code(1);
    list.one_error(&["line 2: expected UTF-8, got the byte 0xff"]);
    fs::write(&file, "#\n".repeat(100_001)).unwrap();
    let list = peers(folder.path(), &[]).run().code(1);
    list.one_error(&["it may have at most 100,000 lines and 16 MiB"]);
    fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
    let list = peers(folder.path(), &[]).run().code(1);
    list.one_error(&["it may have at most 100,000 lines and 16 MiB"]);
}

#[test]
fn rejects_a_file_that_other_users_can_change() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("known_peers");
    peers(folder.path(), &["pin", "amy", ONE]).run().code(0);
    let text = fs::read(&file).unwrap();
    let refused = |parts: &[&str]| {
        for args in [&["list"][..], &["forget", "amy"], &["pin", "amy", TWO]] {
            peers(folder.path(), args).run().code(4).out(&[]).one_error(parts);
        }
        assert_eq!(fs::read(&file).unwrap(), text);
    };
    for loose in [0o620, 0o602, 0o666, 0o664] {
        chmod(&file, loose);
        refused(&["more than 0644", &format!("permissions {loose:04o}"), "known_peers"]);
    }
    chmod(&file, 0o600);
    let moved = folder.path().join("moved");
    fs::rename(&file, &moved).unwrap();
    symlink("moved", &file).unwrap();
    refused(&["is a symbolic link"]);
    fs::remove_file(&file).unwrap();
    fs::rename(&moved, &file).unwrap();
    match chown(&file, Some(12345), None) {
        Ok(()) => refused(&["belongs to user 12345, not to user 0"]),
        Err(_) => not_tested("a list of another user: only root can create one"),
    }
}

#[test]
fn accepts_a_full_list_and_rejects_one_more_pin() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("known_peers");
    let lines = (0..100_000).map(|at| {
        let relay = ["127.0.0.1:9247", "wss://relay.example/xcher"][at / 50_000];
        format!("{relay} n{at} {ONE} 2026-11-22\n")
    });
    let text = lines.collect::<String>();
    fs::write(&file, &text).unwrap();
    let list = peers(folder.path(), &["--every-relay"]).run().code(0).quiet();
    assert_eq!(list.out.len(), 100_000);
    assert_eq!(list.out[99_999], format!("n99999\t{ONE}\t2026-11-22\twss://relay.example/xcher"));
    let pin = peers(folder.path(), &["pin", "new", ONE]).run().code(1).out(&[]);
    pin.one_error(&["it may have at most 100,000 lines and 16 MiB", "known_peers"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let forgotten = peers(folder.path(), &["forget", "n99999", "--every-relay"]).run().code(0);
    assert_eq!(forgotten.out.len(), 1);
    let (kept, _) = text.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{kept}\n"));
    peers(folder.path(), &["pin", "new", ONE]).run().code(0);
}

#[test]
fn waits_a_limited_time_for_a_stopped_writer() {
    let folder = tempdir().unwrap();
    let lock = fs::File::create(folder.path().join(".known_peers.lock")).unwrap();
    lock.lock().unwrap();
    // Reading takes no lock.
    peers(folder.path(), &["list"]).run().code(0).quiet();
    let pin = peers(folder.path(), &["pin", "amy", ONE]).run().code(1).out(&[]);
    pin.one_error(&["for more than 10 s", ".known_peers.lock"]);
    let waiting = peers(folder.path(), &["pin", "amy", ONE]).start();
    drop(lock);
    waiting.wait().code(0).quiet();
}

#[test]
fn help_manual_and_completions_cover_peers() {
    let folder = tempdir().unwrap();
    xcher(["man", "-o"]).args([folder.path()]).run().code(0);
    let pages = tree::read(folder.path());
    for (command, option) in [("", "--every-relay"), (" list", "--every-relay"), (" pin", "<KEY>")]
    {
        let help = xcher(["peers"]).args(command.split_whitespace()).args(["--help"]).run().code(0);
        let text = help.out.join("\n");
        assert!(text.contains(option) && text.contains("[env: XCHER_DATA_DIR]"), "{text}");
        let page = format!("xcher-peers{}.1", command.replace(' ', "-"));
        assert!(pages.contains_key(&page), "{page}");
    }
    let completed = xcher(["__complete", "fish", "xcher", "peers", "f"]).run().code(0);
    assert!(completed.out.iter().any(|line| line.starts_with("forget\t")), "{completed}");
}

#[test]
fn rejects_invalid_arguments() {
    let usage = |args: &[&str], parts: &[&str]| {
        let folder = tempdir().unwrap();
        peers(folder.path(), args).run().code(2).out(&[]).error(parts);
        assert!(tree::read(folder.path()).is_empty());
    };
    usage(&["fly"], &["fly"]);
    usage(&["forget"], &["required"]);
    usage(&["forget", "amy", "--all"], &["--all"]);
    usage(&["forget", "a/y"], &["expected a nick"]);
    usage(&["pin", "amy"], &["required"]);
    usage(&["pin", "a y", ONE], &["expected a nick"]);
    for key in ["", "x", &ONE[1..], &ONE[..43]] {
        usage(&["pin", "amy", key], &["expected a key of 44 characters in base64"]);
    }
    usage(&["pin", "amy", ONE, "--every-relay"], &["--every-relay"]);
    usage(&["--every-relay", "pin", "amy", ONE], &["--every-relay"]);
    usage(&["me", "--every-relay"], &["--every-relay"]);
    usage(&["--every-relay", "me"], &["--every-relay"]);
    usage(&["list", "--relay", "x:y"], &["expected HOST:PORT"]);
    usage(&["me", "--data-dir="], &["--data-dir"]);
}

#[test]
fn all_cannot_be_set_by_configuration_or_environment() {
    let folder = tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let keys = folder.path().join("keys");
    fs::write(&config, "all = true\n").unwrap();
    let run = |args: &[&str]| peers(&keys, args).env("XCHER_CONFIG", &config).env("XCHER_ALL", "1");
    run(&["pin", "amy", ONE]).run().code(0);
    run(&["pin", "bob", ONE]).run().code(0);
    run(&["forget"]).run().code(2).error(&["required"]);
    assert_eq!(run(&["forget", "amy"]).run().code(0).out.len(), 1);
    assert_eq!(run(&["list"]).run().code(0).out.len(), 1);
}
