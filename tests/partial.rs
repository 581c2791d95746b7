//! Partial files: finding, listing and removing them.

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

/// Returns the complete file's content.
fn content() -> &'static [u8] {
    static CONTENT: LazyLock<Vec<u8>> = LazyLock::new(|| tree::bytes(5, SIZE));
    &CONTENT
}

fn create(folder: &Path, name: &str, origin: Option<&ResumeKey>) -> Partial {
    let inbox = Inbox::open(folder, OnConflict::Rename).unwrap();
    inbox.create(&FileName::new(name).unwrap(), origin).unwrap()
}

/// Leaves a partial file with this many bytes.
fn leave(folder: &Path, name: &str, origin: Option<&ResumeKey>, bytes: usize) -> PathBuf {
    let partial = create(folder, name, origin);
    partial.file().write_all(&content()[..bytes]).unwrap();
    partial.keep().unwrap().path
}

/// Environment variable that passes the folder to the receiver below.
const FOLDER_VAR: &str = "XCHER_TEST_RECEIVER";

/// Starts a process that receives `a/file` as commands on its standard input direct.
fn receiver(folder: &Path) -> Process {
    let process = Xcher::other(std::env::current_exe().unwrap().to_str().unwrap())
        .args(["--exact", "receives_by_commands", "--ignored", "--nocapture"])
        .env(FOLDER_VAR, folder)
        .start();
    process.out("ready");
    process
}

/// Not a test: the tests start this function as a separate process.
#[test]
#[ignore = "the other tests start it as a separate process"]
fn receives_by_commands() {
    let Some(folder) = std::env::var_os(FOLDER_VAR) else { return };
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
                // Writes in chunks, as data arrives from a network.
                for chunk in content[at..to].chunks(10_000) {
                    if let Err(error) = open.file().write_all(chunk) {
                        println!("failed {error}");
                        break;
                    }
                    at += chunk.len();
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
            _ => panic!("expected a command, got {line:?}"),
        }
        partial = Some(open);
    }
}

fn has(process: &Process) -> usize {
    process.out("has ").parse().unwrap()
}

/// Compares the hash of a receiver's bytes with the expected one.
fn hash_matches(process: &mut Process) -> bool {
    let has = has(process);
    process.say("hash\n");
    process.out("hash ") == blake3::hash(&content()[..has]).to_string()
}

fn assert_completes(mut process: Process, name: &str, folder: &Path) {
    process.say(&format!("write {SIZE}\nstore\n"));
    assert_eq!(process.out("stored "), name);
    process.wait().code(0);
    assert!(fs::read(folder.join(name)).unwrap() == content(), "bytes differ");
}

fn list(folder: &Path) -> Vec<Value> {
    xcher(["partial", "--json", "-o"]).args([folder]).run().code(0).quiet().events()
}

#[test]
fn finds_the_bytes_of_a_killed_process() {
    let (seed, folder) = (fastrand::u64(..), tree::room_for(4 * SIZE as u64));
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut had = 0;
    for _ in 0..8 {
        let mut process = receiver(folder.path());
        let has = has(&process);
        assert!(has >= had, "{has} of {had} bytes");
        assert!(hash_matches(&mut process));
        process.say(&format!("write {}\n", SIZE / 10));
        // Most likely in the middle of a write.
        let moment = random.usize(has..has + SIZE / 10);
        had = process.until("more bytes", |lines| {
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
    assert_completes(process, "a/file", folder.path());
    assert_eq!(tree::partials(folder.path()).len(), 0);
}

#[test]
fn hash_reveals_bytes_that_a_crash_lost() {
    let folder = tempdir().unwrap();
    let at = leave(folder.path(), "a/file", Some(&origin()), 1 << 20);
    // Imitates a power loss, after which the length was written but the last bytes were not.
    let file = fs::File::options().write(true).open(at).unwrap();
    file.set_len((1 << 20) - 4096).unwrap();
    file.set_len(1 << 20).unwrap();
    let mut process = receiver(folder.path());
    assert_eq!(has(&process), 1 << 20);
    assert!(!hash_matches(&mut process));
    process.say("over\n");
    assert_completes(process, "a/file", folder.path());
}

#[test]
fn concurrent_processes_use_different_partial_files() {
    let folder = tempdir().unwrap();
    leave(folder.path(), "a/file", Some(&origin()), 1 << 20);
    let first = receiver(folder.path());
    assert_eq!(has(&first), 1 << 20);
    let second = receiver(folder.path());
    assert_eq!(has(&second), 0);
    let in_use: Vec<_> = list(folder.path()).iter().map(|it| it["in_use"].clone()).collect();
    assert_eq!(in_use, [json!(true), json!(true)]);
    xcher(["partial", "clear", "-o"]).args([folder.path()]).run().code(0).error(&["is in use"]);
    assert_completes(second, "a/file", folder.path());
    assert_completes(first, "a/file (1)", folder.path());
    assert_eq!(tree::partials(folder.path()).len(), 0);
}

#[test]
fn receiving_removes_expired_partial_files_but_none_in_use() {
    let folder = tempdir().unwrap();
    let old = leave(folder.path(), "old", Some(&origin()), 5);
    let young = leave(folder.path(), "young", Some(&origin()), 5);
    let mut process = receiver(folder.path());
    process.say("write 10\n");
    process.out("wrote ");
    // Includes their descriptions and locks.
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
    // Listing removes nothing.
    assert_eq!(list(folder.path()).len(), 3);
    assert!(old.exists());
    create(folder.path(), "another", None);
    let names: Vec<_> = list(folder.path()).iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, [json!("a/file"), json!("young")]);
    assert_completes(process, "a/file", folder.path());
}

#[test]
fn list_shows_bytes_size_peer_and_age() {
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
            // The age is shown in seconds.
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
fn clear_removes_named_files_or_all_and_reports_bytes_freed() {
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
    // "de" existed already and was resumed.
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
fn clear_keeps_a_named_file_that_is_in_use() {
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
fn escapes_invalid_names_and_keeps_unrelated_files() {
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
    // A link in place of the folder.
    fs::rename(at(".xcher-partial"), at("elsewhere")).unwrap();
    tree::write(folder.path(), [("elsewhere/x.01234567.part", "12345")]);
    symlink("elsewhere", at(".xcher-partial")).unwrap();
    for args in [&["list"][..], &["clear"]] {
        partial(args).code(1).out(&[]).one_error(&["cannot read \".\": "]);
    }
    assert!(at("elsewhere/x.01234567.part").exists());
}

#[test]
fn reports_a_missing_folder_and_creates_nothing() {
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

/// Runs a shell script on a small file system in its own mount namespace. `None` where mounting is not
/// permitted.
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
            .env(FOLDER_VAR, mounted.path())
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
fn finds_and_clears_the_bytes_on_a_full_disk() {
    const SCRIPT: &str = r#"
        receive() { "$RECEIVER" --exact receives_by_commands --ignored --nocapture; }
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
fn leaves_nothing_incomplete_if_the_state_does_not_fit() {
    // Inodes for the root, the folder of partial files and one partial file, but not for its state.
    const SCRIPT: &str = r#"
        "$RECEIVER" --exact receives_by_commands --ignored --nocapture </dev/null
        echo left; find "$2" -type f
    "#;
    let Some((done, _mounted)) = on_small_disk("nr_inodes=3", SCRIPT) else { return };
    // The partial file cannot be resumed.
    let done = done.code(0);
    assert!(done.out.iter().any(|line| line == "has 0"), "{done}");
    assert_eq!(done.out.last().unwrap(), "left");
}
