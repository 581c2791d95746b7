//! Who this host is and whom it knows, as its user sees it: the files, and `xcher peers`.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod system;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use serde_json::json;
use system::not_tested;
use system::process::{Done, Xcher, xcher};
use system::tree;
use tempfile::tempdir;

const ONE: &str = "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const TWO: &str = "AgECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// `xcher peers` with its keys in this folder.
fn peers(folder: &Path, args: &[&str]) -> Xcher {
    xcher(["peers"]).args(args).env("XCHER_DATA_DIR", folder)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Today in UTC, as the system's own tool has it.
fn today() -> String {
    let done = Xcher::other("date").args(["-u", "+%Y-%m-%d"]).run().code(0);
    done.out.concat()
}

/// The lines of a result without the day in them, which may change while a test runs.
fn without_days(done: Done) -> Vec<String> {
    let fields = |line: &String| -> Vec<String> { line.split('\t').map(str::to_owned).collect() };
    let line = |line| match fields(line).as_slice() {
        [nick, key, _, relay] => format!("{nick} {key} {relay}"),
        other => panic!("expected four fields, got {other:?}"),
    };
    done.out.iter().map(line).collect()
}

#[test]
fn a_host_has_one_key_that_nobody_else_can_read() {
    let folder = tempdir().unwrap();
    let keys = folder.path().join("new/keys");
    let first = peers(&keys, &["me"]).run().code(0).quiet();
    assert_eq!((first.out.len(), first.out[0].len()), (1, 44), "{first}");
    assert_eq!((mode(&keys), mode(&keys.join("identity"))), (0o700, 0o600));
    let text = fs::read_to_string(keys.join("identity")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("# The secret key"), "{text}");
    assert_eq!(lines[1].len(), 44);
    assert_eq!(tree::read(&keys).len(), 1);
    peers(&keys, &["me"]).run().code(0).quiet().out(&[&first.out[0]]);
    let json = peers(&keys, &["me", "--json"]).run().code(0).quiet();
    assert_eq!(json.events(), [json!({"event": "me", "key": first.out[0]})]);
    let other = xcher(["peers", "me"]).run().code(0);
    assert_ne!(other.out, first.out);
}

#[test]
fn a_key_that_was_brought_along_is_used() {
    // Section 6.1 of RFC 7748: Alice's.
    let folder = tempdir().unwrap();
    let file = folder.path().join("identity");
    fs::write(&file, "\n# mine\r\ndwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\r\n").unwrap();
    for allowed in [0o600, 0o400] {
        chmod(&file, allowed);
        let me = peers(folder.path(), &["me"]).run().code(0).quiet();
        me.out(&["hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="]);
    }
}

#[test]
fn the_keys_lie_where_the_platform_keeps_data() {
    let home = tempdir().unwrap();
    let me = || xcher(["peers", "me"]).without("XCHER_DATA_DIR").without("XDG_DATA_HOME");
    let usual = me().env("HOME", home.path()).run().code(0).quiet();
    let identity = home.path().join(".local/share/xcher/identity");
    assert!(identity.exists(), "{usual}");
    let data = me().env("HOME", home.path()).env("XDG_DATA_HOME", home.path().join("data"));
    let data = data.run().code(0).quiet();
    assert!(home.path().join("data/xcher/identity").exists(), "{data}");
    assert_ne!(usual.out, data.out);
    let named = me().args(["--data-dir"]).args([identity.parent().unwrap()]).run().code(0);
    assert_eq!(named.out, usual.out);
    let config = home.path().join("config.toml");
    fs::write(&config, format!("data-dir = {:?}", identity.parent().unwrap())).unwrap();
    let configured = me().args(["--config"]).args([config]).run().code(0);
    assert_eq!(configured.out, usual.out);
}

#[test]
fn a_key_that_others_can_reach_is_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("identity");
    peers(folder.path(), &["me"]).run().code(0);
    let text = fs::read(&file).unwrap();
    let refused = |parts: &[&str]| {
        let me = peers(folder.path(), &["me"]).run().code(4).out(&[]);
        me.one_error(parts).error(&["identity", "--data-dir"]);
        assert_eq!(fs::read(&file).unwrap(), text);
    };
    for loose in [0o640, 0o604, 0o620, 0o601, 0o700, 0o4600, 0o777] {
        chmod(&file, loose);
        refused(&["at most 0600", &format!("got {loose:04o}"), "chmod 600"]);
        assert_eq!(mode(&file), loose);
    }
    chmod(&file, 0o600);
    let moved = folder.path().join("moved");
    fs::rename(&file, &moved).unwrap();
    symlink("moved", &file).unwrap();
    refused(&["expected a regular file", "got a symbolic link"]);
    assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
    fs::remove_file(&file).unwrap();
    fs::rename(&moved, &file).unwrap();
    match chown(&file, Some(12345), None) {
        Ok(()) => refused(&["to belong to user 0", "got user 12345"]),
        Err(_) => not_tested("a key of another user: only root can make one"),
    }
}

#[test]
fn what_is_no_key_is_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("identity");
    let secret = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
    for bad in [
        String::new(),
        "# only a comment\n".into(),
        secret[..20].into(),
        format!("{secret}\n{secret}\n"),
        "\0".repeat(64),
    ] {
        fs::write(&file, &bad).unwrap();
        chmod(&file, 0o600);
        let me = peers(folder.path(), &["me"]).run().code(1).out(&[]);
        let me = me.one_error(&["expected one line with a key of 44 characters", "identity"]);
        // The error must not show what may be most of a secret.
        me.no_error(&secret[..10]);
        assert_eq!(fs::read_to_string(&file).unwrap(), bad);
    }
    fs::write(&file, "#".repeat(5000)).unwrap();
    peers(folder.path(), &["me"]).run().code(1).one_error(&["expected at most 4096 bytes"]);
    fs::remove_file(&file).unwrap();
    // No one writes to the pipe: it must not be waited for.
    let pipe = Xcher::other("mkfifo").args(["-m", "600"]).args([&file]).run();
    pipe.code(0);
    let me = peers(folder.path(), &["me"]).run().code(4);
    me.one_error(&["expected a regular file", "got something else"]);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let me = peers(folder.path(), &["me"]).run().code(4);
    me.one_error(&["expected a regular file", "got something else"]);
}

#[test]
fn a_folder_that_cannot_be_used_is_told() {
    let folder = tempdir().unwrap();
    let (file, open) = (folder.path().join("file"), folder.path().join("open"));
    fs::write(&file, "").unwrap();
    fs::create_dir(&open).unwrap();
    let pin = ["pin", "amy", ONE];
    for args in [&["me"][..], &pin] {
        let done = peers(&file, args).run().code(4).out(&[]);
        done.one_error(&["expected a folder", "got something else"]);
        let done = peers(&file.join("below"), args).run().code(1).out(&[]);
        done.one_error(&["cannot open the folder", "Not a directory"]);
    }
    for loose in [0o777, 0o1777, 0o770, 0o702] {
        chmod(&open, loose);
        for args in [&["me"][..], &pin, &["list"], &["forget", "--all"]] {
            let done = peers(&open, args).run().code(4).out(&[]);
            done.one_error(&["permissions of at most 0700", &format!("got {loose:04o}")]);
        }
    }
    assert!(tree::read(&open).is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_to_is_told_and_still_read() {
    let folder = tempdir().unwrap();
    let keys = folder.path().join("keys");
    fs::create_dir(&keys).unwrap();
    // Root writes wherever it likes, so it must be someone else for this.
    let is_root = rustix::process::geteuid().is_root();
    let run = |args: &[&str]| {
        if !is_root {
            return peers(&keys, args).run();
        }
        let done = Xcher::other("setpriv")
            .args(["--reuid=12345", "--clear-groups", "--"])
            .args([folder.path().join("xcher")])
            .args(["peers", "--data-dir"])
            .args([&keys])
            .args(args);
        done.run()
    };
    if is_root {
        chmod(folder.path(), 0o711);
        // Where the tests were built, another user may not get at the binary.
        fs::copy(env!("CARGO_BIN_EXE_xcher"), folder.path().join("xcher")).unwrap();
        chown(&keys, Some(12345), None).unwrap();
    }
    chmod(&keys, 0o500);
    run(&["me"]).code(1).out(&[]).one_error(&["cannot write", "identity", "denied"]);
    run(&["pin", "amy", ONE]).code(1).out(&[]).one_error(&["cannot open the lock", "denied"]);
    chmod(&keys, 0o700);
    let me = run(&["me"]).code(0);
    run(&["pin", "amy", ONE]).code(0);
    chmod(&keys, 0o500);
    run(&["me"]).code(0).quiet().out(&[&me.out[0]]);
    assert_eq!(run(&["list"]).code(0).quiet().out.len(), 1);
    run(&["pin", "amy", ONE]).code(0);
    run(&["pin", "bob", ONE]).code(1).one_error(&["cannot write", "known_peers", "denied"]);
    run(&["forget", "amy"]).code(1).one_error(&["cannot write", "known_peers", "denied"]);
    assert_eq!(run(&["list"]).code(0).quiet().out.len(), 1);
    // So that it can be removed.
    chmod(&keys, 0o700);
}

#[test]
fn processes_that_start_at_once_have_the_same_key() {
    for _ in 0..5 {
        let folder = tempdir().unwrap();
        let keys = folder.path().join("keys");
        let started: Vec<_> = (0..6).map(|_| peers(&keys, &["me"]).start()).collect();
        let done: Vec<_> = started.into_iter().map(|me| me.wait().code(0).out.concat()).collect();
        assert!(done.iter().all(|key| *key == done[0] && key.len() == 44), "{done:?}");
        assert_eq!(tree::read(&keys).len(), 1);
    }
}

#[test]
fn processes_that_pin_at_once_lose_nothing() {
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
fn a_process_that_is_killed_while_it_writes_leaves_a_whole_file() {
    const LINES: usize = 5_000;
    let folder = tempdir().unwrap();
    let (file, new) = (folder.path().join("known_peers"), folder.path().join("known_peers.new"));
    let lines = (0..LINES).map(|at| format!("127.0.0.1:9247 n{at} {ONE} 2026-11-22\n"));
    fs::write(&file, lines.collect::<String>()).unwrap();
    let stamp = || fs::metadata(&new).ok().map(|new| (new.ino(), new.ctime(), new.ctime_nsec()));
    let (mut known, mut cut) = (LINES, 0);
    for at in 0..20 {
        let before = stamp();
        let mut pin = peers(folder.path(), &["pin", &format!("new{at}"), ONE]).spawn();
        // Until it writes, or has written already.
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
    // What the killed ones left is gone, too.
    let left: Vec<_> = tree::read(folder.path()).into_keys().collect();
    assert_eq!(left, [".known_peers.lock", "known_peers"]);
}

#[test]
fn the_list_tells_what_was_pinned_and_forgets_it() {
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
    let nobody = run(&["list", "--relay", "r:1"]).code(0).out(&[]);
    nobody.one_error(&["nobody is known at r:1; --every-relay shows the 4 known elsewhere"]);

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
    none.one_error(&["no key of carol is known at any relay"]);
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
fn a_key_in_place_of_another_is_told() {
    let folder = tempdir().unwrap();
    let run = |args: &[&str]| peers(folder.path(), args).run();
    run(&["pin", "amy", ONE]).code(0).quiet();
    run(&["pin", "amy", ONE]).code(0).quiet();
    let pin = run(&["pin", "amy", TWO]).code(0);
    let pin = pin.one_error(&["amy had another key until now: ", ONE]);
    assert_eq!(without_days(pin), [format!("amy {TWO} 127.0.0.1:9247")]);
    assert_eq!(without_days(run(&[]).code(0)), [format!("amy {TWO} 127.0.0.1:9247")]);
}

#[test]
fn the_list_can_be_edited_by_hand() {
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
fn a_line_that_says_nothing_stops_every_command() {
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
    list.one_error(&["expected at most 100,000 lines and 16 MiB"]);
    fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
    let list = peers(folder.path(), &[]).run().code(1);
    list.one_error(&["expected at most 100,000 lines and 16 MiB"]);
}

#[test]
fn a_list_that_others_can_change_is_refused() {
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
        refused(&["at most 0644", &format!("got {loose:04o}"), "known_peers"]);
    }
    chmod(&file, 0o600);
    let moved = folder.path().join("moved");
    fs::rename(&file, &moved).unwrap();
    symlink("moved", &file).unwrap();
    refused(&["expected a regular file", "got a symbolic link"]);
    fs::remove_file(&file).unwrap();
    fs::rename(&moved, &file).unwrap();
    match chown(&file, Some(12345), None) {
        Ok(()) => refused(&["to belong to user 0", "got user 12345"]),
        Err(_) => not_tested("a list of another user: only root can make one"),
    }
}

#[test]
fn a_full_list_comes_through_and_takes_no_more() {
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
    pin.one_error(&["expected at most 100,000 lines and 16 MiB", "known_peers"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let forgotten = peers(folder.path(), &["forget", "n99999", "--every-relay"]).run().code(0);
    assert_eq!(forgotten.out.len(), 1);
    let (kept, _) = text.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{kept}\n"));
    peers(folder.path(), &["pin", "new", ONE]).run().code(0);
}

#[test]
fn a_writer_that_was_stopped_holds_up_nobody_for_good() {
    let folder = tempdir().unwrap();
    let lock = fs::File::create(folder.path().join(".known_peers.lock")).unwrap();
    lock.lock().unwrap();
    // Reading needs no lock.
    peers(folder.path(), &["list"]).run().code(0).quiet();
    let pin = peers(folder.path(), &["pin", "amy", ONE]).run().code(1).out(&[]);
    pin.one_error(&["within 10 s", ".known_peers.lock"]);
    let waiting = peers(folder.path(), &["pin", "amy", ONE]).start();
    drop(lock);
    waiting.wait().code(0).quiet();
}

#[test]
fn what_makes_no_sense_is_usage() {
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
    usage(&["list", "--relay", "x"], &["expected HOST:PORT"]);
}

#[test]
fn a_default_of_all_does_not_forget_everyone() {
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
