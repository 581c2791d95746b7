//! Files that did not arrive whole: found again, shown, removed.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![cfg(unix)]

mod system;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::{Value, json};
use system::process::{Done, Process, Xcher, xcher};
use system::{not_tested, tree};
use tempfile::{TempDir, tempdir};
use xcher::files::{Inbox, OnConflict, Partial, ResumeKey};
use xcher_core::secure::PublicKey;
use xcher_core::{FileName, PARTIAL_EXPIRY};

const SIZE: usize = 8 << 20;

fn origin() -> ResumeKey {
    ResumeKey { from: PublicKey::new([5; 32]), size: SIZE as u64 }
}

/// What the whole file is.
fn content() -> &'static [u8] {
    static CONTENT: LazyLock<Vec<u8>> = LazyLock::new(|| tree::bytes(5, SIZE));
    &CONTENT
}

fn begin(folder: &Path, name: &str, origin: Option<&ResumeKey>) -> Partial {
    let inbox = Inbox::open(folder, OnConflict::Rename).unwrap();
    inbox.create(&FileName::new(name).unwrap(), origin).unwrap()
}

/// Receives so many bytes of a file and is cut.
fn leave(folder: &Path, name: &str, origin: Option<&ResumeKey>, bytes: usize) -> PathBuf {
    let partial = begin(folder, name, origin);
    partial.file().write_all(&content()[..bytes]).unwrap();
    partial.keep().unwrap().path
}

/// What names the folder to the receiver below.
const FOLDER: &str = "XCHER_TEST_RECEIVER";

/// A process that receives `a/file` as its standard input says.
fn receiver(folder: &Path) -> Process {
    let process = Xcher::other(std::env::current_exe().unwrap().to_str().unwrap())
        .args(["--exact", "receives_as_it_is_told", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .start();
    process.out("ready");
    process
}

/// No test, but what the tests start as a process of its own.
#[test]
#[ignore = "what the tests here start as a process of its own"]
fn receives_as_it_is_told() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let content = content();
    let inbox = Inbox::open(folder.as_ref(), OnConflict::Rename).unwrap();
    println!("\nready");
    let name = FileName::new("a/file").unwrap();
    let mut partial = Some(inbox.create(&name, Some(&origin())).unwrap());
    let mut at = partial.as_ref().unwrap().bytes() as usize;
    println!("has {at}");
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let Some(mut open) = partial.take() else { break };
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("write", bytes) => {
                let to = (at + bytes.parse::<usize>().unwrap()).min(SIZE);
                // In pieces, as from a network.
                for piece in content[at..to].chunks(10_000) {
                    if let Err(error) = open.file().write_all(piece) {
                        println!("failed {error}");
                        break;
                    }
                    at += piece.len();
                    println!("at {at}");
                }
                println!("wrote {at}");
            }
            ("hash", _) => {
                let hasher = open.prefix_hash(&AtomicBool::new(false)).unwrap();
                println!("hash {}", hasher.finalize());
            }
            ("over", _) => {
                open.start_over().unwrap();
                at = 0;
            }
            ("free", _) => println!("free {}", inbox.free_space().unwrap()),
            ("store", _) => {
                println!("stored {}", open.store(None).unwrap());
                break;
            }
            _ => panic!("expected an order, got {line:?}"),
        }
        partial = Some(open);
    }
}

fn has(process: &Process) -> usize {
    process.out("has ").parse().unwrap()
}

/// Orders a receiver to say the hash of what it has, and compares it with what it should have.
fn is_right_so_far(process: &mut Process) -> bool {
    let has = has(process);
    process.say("hash\n");
    process.out("hash ") == blake3::hash(&content()[..has]).to_string()
}

fn finishes(mut process: Process, name: &str, folder: &Path) {
    process.say(&format!("write {SIZE}\nstore\n"));
    assert_eq!(process.out("stored "), name);
    process.wait().code(0);
    assert!(fs::read(folder.join(name)).unwrap() == content(), "bytes differ");
}

fn list(folder: &Path) -> Vec<Value> {
    xcher(["partial", "--json", "-o"]).args([folder]).run().code(0).quiet().events()
}

#[test]
fn what_a_killed_process_had_is_found_again() {
    let (seed, folder) = (fastrand::u64(..), tree::room_for(4 * SIZE as u64));
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut had = 0;
    for _ in 0..8 {
        let mut process = receiver(folder.path());
        let has = has(&process);
        assert!(has >= had, "{has} of {had} bytes");
        assert!(is_right_so_far(&mut process));
        process.say(&format!("write {}\n", SIZE / 10));
        // In the middle of a write, most likely.
        let moment = random.usize(has..has + SIZE / 10);
        had = process.until("so many bytes", |lines| {
            let mut at = lines.out.iter().rev().filter_map(|line| line.strip_prefix("at "));
            at.next().and_then(|at| at.parse().ok()).filter(|at| *at >= moment)
        });
        process.stop(Signal::KILL);
        let [file] = &list(folder.path())[..] else { panic!() };
        assert!(file["bytes"].as_u64().unwrap() >= had as u64);
        assert_eq!((&file["in_use"], &file["size"]), (&json!(false), &json!(SIZE)));
        assert_eq!(file["name"], "a/file");
        assert!(tree::finished(folder.path()).is_empty());
    }
    let process = receiver(folder.path());
    assert!(has(&process) >= had);
    finishes(process, "a/file", folder.path());
    assert_eq!(tree::partials(folder.path()).len(), 0);
}

#[test]
fn what_a_crash_has_spoilt_shows_in_the_hash() {
    let folder = tempdir().unwrap();
    let at = leave(folder.path(), "a/file", Some(&origin()), 1 << 20);
    // A machine that lost power has written the length, and not the last bytes.
    let file = fs::File::options().write(true).open(at).unwrap();
    file.set_len((1 << 20) - 4096).unwrap();
    file.set_len(1 << 20).unwrap();
    let mut process = receiver(folder.path());
    assert_eq!(has(&process), 1 << 20);
    assert!(!is_right_so_far(&mut process));
    process.say("over\n");
    finishes(process, "a/file", folder.path());
}

#[test]
fn two_processes_at_once_do_not_share_one() {
    let folder = tempdir().unwrap();
    leave(folder.path(), "a/file", Some(&origin()), 1 << 20);
    let first = receiver(folder.path());
    assert_eq!(has(&first), 1 << 20);
    let second = receiver(folder.path());
    assert_eq!(has(&second), 0);
    let in_use: Vec<_> = list(folder.path()).iter().map(|it| it["in_use"].clone()).collect();
    assert_eq!(in_use, [json!(true), json!(true)]);
    xcher(["partial", "clear", "-o"]).args([folder.path()]).run().code(0).error(&["is in use"]);
    finishes(second, "a/file", folder.path());
    finishes(first, "a/file (1)", folder.path());
    assert_eq!(tree::partials(folder.path()).len(), 0);
}

#[test]
fn what_is_old_goes_when_something_is_received_and_not_what_is_in_use() {
    let folder = tempdir().unwrap();
    let old = leave(folder.path(), "old", Some(&origin()), 5);
    let young = leave(folder.path(), "young", Some(&origin()), 5);
    let mut process = receiver(folder.path());
    process.say("write 10\n");
    process.out("wrote ");
    // With what says what they are.
    let parts = tree::read(&folder.path().join(tree::PARTIAL));
    assert_eq!(parts.len(), 3 * 2);
    let age = |path: &Path, age: Duration| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    };
    for name in parts.keys() {
        age(
            &folder.path().join(tree::PARTIAL).join(name),
            PARTIAL_EXPIRY + Duration::from_secs(60),
        );
    }
    age(&young, PARTIAL_EXPIRY - Duration::from_secs(60));
    // Looking removes nothing.
    assert_eq!(list(folder.path()).len(), 3);
    assert!(old.exists());
    begin(folder.path(), "another", None);
    let names: Vec<_> = list(folder.path()).iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, [json!("a/file"), json!("young")]);
    finishes(process, "a/file", folder.path());
}

#[test]
fn a_list_tells_how_much_of_how_much_from_whom_and_since_when() {
    let folder = tempdir().unwrap();
    let at = leave(folder.path(), "b/sjö och skog.jpg", Some(&origin()), 7);
    let random = leave(folder.path(), "a/random", None, 3);
    let hour_ago = SystemTime::now() - Duration::from_secs(3_700);
    fs::File::options().write(true).open(&random).unwrap().set_modified(hour_ago).unwrap();
    let key = PublicKey::new([5; 32]).to_string();
    let expected = [
        format!("7\t{SIZE}\t{}\t{{age}}\tb/sjö och skog.jpg", &key[..8]),
        "3\t-\t-\t1 h\trandom".into(),
    ];
    for command in [&["partial"][..], &["partial", "list"]] {
        let done = xcher(command).dir(folder.path()).run().code(0).quiet();
        let lines = done.out.iter().map(|line| {
            let mut fields: Vec<_> = line.split('\t').collect();
            // It is some seconds old, however long the test takes.
            if fields[0] == "7" {
                assert!(fields[3].ends_with(" s"), "{done}");
                fields[3] = "{age}";
            }
            fields.join("\t")
        });
        assert_eq!(lines.collect::<Vec<_>>(), expected, "{done}");
    }
    let [lasting, other] = &list(folder.path())[..] else { panic!() };
    assert!(lasting["age_seconds"].as_u64().unwrap() < 60);
    assert!((3_700..3_800).contains(&other["age_seconds"].as_u64().unwrap()));
    let [mut lasting, mut other] = [lasting.clone(), other.clone()];
    for event in [&mut lasting, &mut other] {
        event.as_object_mut().unwrap().remove("age_seconds");
    }
    let expected = json!({
        "event": "partial", "name": "b/sjö och skog.jpg", "bytes": 7, "size": SIZE, "from": key,
        "in_use": false, "path": at,
    });
    assert_eq!(lasting, expected);
    let expected = json!({
        "event": "partial", "name": "random", "bytes": 3, "in_use": false, "path": random,
    });
    assert_eq!(other, expected);
}

#[test]
fn clear_removes_what_is_named_or_all_and_tells_how_much() {
    let folder = tempdir().unwrap();
    let fill = || {
        for (name, bytes) in [("d/x", 1), ("d/y", 20), ("de", 300)] {
            leave(folder.path(), name, Some(&origin()), bytes);
        }
        leave(folder.path(), "other", None, 4000);
    };
    fill();
    let clear =
        |names: &[&str]| xcher(["partial", "clear", "-o"]).args([folder.path()]).args(names).run();
    clear(&["d/"])
        .code(0)
        .out(&["1\td/x", "20\td/y"])
        .one_error(&["freed 21 B: 2 incomplete downloads"]);
    let done = clear(&["other", "d", "\u{1b}[2J"]).code(1).out(&["4000\tother"]);
    let done = done.error(&["no incomplete download \"d\" in "]);
    done.error(&["no incomplete download \"\\u{1b}[2J\" in "]).error(&["freed 3.91 KiB"]);
    fill();
    // One of them was there and has gone on.
    clear(&[]).code(0).out(&["1\td/x", "20\td/y", "600\tde", "4000\tother"]);
    assert!(!folder.path().join(tree::PARTIAL).exists());
    clear(&[]).code(0).out(&[]).one_error(&["freed 0 B: 0 incomplete downloads"]);
    fill();
    let done = xcher(["partial", "clear", "--json", "-q"]).dir(folder.path()).run().code(0);
    let events = done.quiet().events();
    assert_eq!(events.len(), 5);
    assert_eq!((&events[3]["event"], &events[3]["bytes"]), (&json!("cleared"), &json!(4000)));
    assert_eq!(events[4], json!({ "event": "freed", "files": 4, "bytes": 4321 }));
}

#[test]
fn what_is_in_use_is_not_cleared_though_it_is_named() {
    let folder = tempdir().unwrap();
    let mut process = receiver(folder.path());
    process.say("write 5\n");
    process.out("wrote ");
    let clear = |names: &[&str]| {
        xcher(["partial", "clear", "-o"]).args([folder.path()]).args(names).run().out(&[])
    };
    clear(&[]).code(0).error(&["a/file is in use and stays"]);
    clear(&["a"]).code(1).error(&["a/file is in use and stays"]);
    let done = xcher(["partial", "-o"]).args([folder.path()]).run().code(0);
    assert!(done.out[0].ends_with("\tin use\ta/file"), "{done}");
    process.stop(Signal::KILL);
    let done = xcher(["partial", "clear", "-o"]).args([folder.path()]).run();
    done.code(0).out(&["5\ta/file"]);
}

#[test]
fn names_that_are_none_are_shown_escaped_and_other_things_are_left() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    tree::write(
        folder.path(),
        [
            (".xcher-partial/\u{1b}[2J.01234567.part", "12345"),
            (".xcher-partial/..01234567.part", "1"),
            (".xcher-partial/notes", "mine"),
            ("outside", "outside"),
        ],
    );
    symlink("../outside", at(".xcher-partial/link.01234567.part")).unwrap();
    let partial = |args: &[&str]| xcher(["partial"]).args(args).dir(folder.path()).run();
    let done = partial(&[]).code(0).quiet();
    let names: Vec<_> = done.out.iter().map(|line| line.rsplit('\t').next().unwrap()).collect();
    assert_eq!(names, ["\"\\u{1b}[2J\"", "\".\""].map(String::from), "{done}");
    partial(&["clear"]).code(0).error(&["freed 6 B: 2 incomplete downloads"]);
    let left = tree::read(folder.path());
    let names: Vec<_> = left.keys().map(String::as_str).collect();
    assert_eq!(names, [".xcher-partial/link.01234567.part", ".xcher-partial/notes", "outside"]);
    assert_eq!(left["outside"], b"outside");
    // A link in the place of the folder.
    fs::rename(at(".xcher-partial"), at("elsewhere")).unwrap();
    tree::write(folder.path(), [("elsewhere/x.01234567.part", "12345")]);
    symlink("elsewhere", at(".xcher-partial")).unwrap();
    for args in [&["list"][..], &["clear"]] {
        partial(args).code(1).out(&[]).one_error(&["cannot read \".\": "]);
    }
    assert!(at("elsewhere/x.01234567.part").exists());
}

#[test]
fn a_folder_that_is_not_there_is_told_and_nothing_is_made() {
    let folder = tempdir().unwrap();
    let partial = |args: &[&str]| xcher(["partial"]).args(args).dir(folder.path());
    let missing = partial(&["-o", "missing"]).run().code(1).out(&[]);
    missing.one_error(&["cannot read \"missing\": No such file"]);
    partial(&["list"]).run().code(0).quiet().out(&[]);
    assert!(tree::read(folder.path()).is_empty() && !folder.path().join("missing").exists());
    leave(&folder.path().join("in"), "x", None, 5);
    let done = partial(&[]).env("XCHER_OUTPUT", "in").run().code(0).quiet();
    assert_eq!(done.out.len(), 1, "{done}");
    for wrong in [&["remove"][..], &["list", "x"], &["clear", "--all"]] {
        partial(wrong).run().code(2).out(&[]);
    }
}

/// Runs a shell script on a small file system of its own, which nobody else sees. `None` where this
/// system lets nobody mount.
fn on_small_disk(options: &str, script: &str) -> Option<(Done, TempDir)> {
    const NO_MOUNT: i32 = 77;
    let mounted = tempdir().unwrap();
    let script = format!("mount -t tmpfs -o \"$1\" tmpfs \"$2\" || exit {NO_MOUNT}\n{script}");
    for own_namespace in [&["--mount"][..], &["--mount", "--map-root-user"]] {
        let done = Xcher::other("unshare")
            .args(own_namespace)
            .args(["sh", "-c", &script, "sh", options])
            .args([mounted.path()])
            .env("RECEIVER", std::env::current_exe().unwrap())
            .env("XCHER", env!("CARGO_BIN_EXE_xcher"))
            .env(FOLDER, mounted.path())
            .run();
        let refused = done.err.iter().any(|line| line.starts_with("unshare: "));
        if done.code != Some(NO_MOUNT) && !refused {
            return Some((done, mounted));
        }
    }
    not_tested("no file system can be mounted here, not even in a namespace of its own");
    None
}

#[test]
fn what_a_full_disk_has_taken_is_found_again_and_can_be_cleared() {
    const SCRIPT: &str = r#"
        receive() { "$RECEIVER" --exact receives_as_it_is_told --ignored --nocapture; }
        { echo free; echo 'write 99999999'; echo free; } | receive
        echo again
        echo hash | receive
        "$XCHER" partial -o "$2"
        "$XCHER" partial clear -o "$2"
        echo free | receive
    "#;
    let Some((done, _mounted)) = on_small_disk("size=1m", SCRIPT) else { return };
    let all = |start: &str| {
        let lines = done.out.iter().filter_map(|line| line.strip_prefix(start));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let free: Vec<u64> = all("free ").iter().map(|free| free.parse().unwrap()).collect();
    let [before, full, after] = free[..] else { panic!("{done}") };
    assert!(((1 << 20) - 16_384..=1 << 20).contains(&before), "{done}");
    assert!(full == 0 && after == before, "{done}");
    assert!(all("failed ")[0].starts_with("No space left on device"), "{done}");
    let wrote: usize = all("wrote ")[0].parse().unwrap();
    let has: usize = all("has ")[1].parse().unwrap();
    assert!(has >= wrote && wrote > 500_000, "{done}");
    assert_eq!(all("hash ")[0], blake3::hash(&content()[..has]).to_string());
    assert_eq!(all(&format!("{has}\t")).len(), 2, "{done}");
    assert_eq!(all("has ")[2], "0");
}

#[test]
fn a_disk_with_no_room_for_its_state_leaves_nothing_half_made() {
    // Room for the root, the folder of unfinished files and a file in it, but not for its state.
    const SCRIPT: &str = r#"
        "$RECEIVER" --exact receives_as_it_is_told --ignored --nocapture </dev/null
        echo left; find "$2" -type f
    "#;
    let Some((done, _mounted)) = on_small_disk("nr_inodes=3", SCRIPT) else { return };
    // It takes a file that cannot be found again.
    let done = done.code(0);
    assert!(done.out.iter().any(|line| line == "has 0"), "{done}");
    assert_eq!(done.out.last().unwrap(), "left");
}
