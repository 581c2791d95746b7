#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tempfile::TempDir;
use xcher_core::secure::PublicKey;

use super::super::{Inbox, IncompleteDownloads, OnConflict, Partial};
use super::*;

const SIZE: u64 = 10;

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

fn key(byte: u8, size: u64) -> ResumeKey {
    ResumeKey { from: PublicKey::new([byte; 32]), size }
}

fn inbox() -> (TempDir, PathBuf, Inbox) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in");
    let inbox = Inbox::open(&path, OnConflict::Rename).unwrap();
    (folder, path, inbox)
}

fn begin(inbox: &Inbox) -> Partial {
    inbox.create(&name("a/file"), Some(&key(1, SIZE))).unwrap()
}

/// Receives these bytes, then loses the connection.
fn leave(inbox: &Inbox, bytes: &str) -> PathBuf {
    let partial = begin(inbox);
    partial.file().write_all(bytes.as_bytes()).unwrap();
    partial.keep().unwrap().path
}

fn opened(path: &Path) -> Dir {
    let path = path.join(PARTIAL_FOLDER);
    Dir::open_ambient_dir(path, cap_std::ambient_authority()).unwrap()
}

fn listing(path: &Path) -> BTreeSet<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    fs::read_dir(path.join(PARTIAL_FOLDER)).unwrap().map(name).collect()
}

/// Returns the names of the resumable file and of its state file.
fn names() -> (String, String) {
    let part = resumable_name(&name("a/file"), &key(1, SIZE));
    let state = state_name(&part).unwrap();
    (part, state)
}

#[test]
fn resumes_a_file_at_its_end() {
    let (_folder, path, inbox) = inbox();
    let first = leave(&inbox, "hello");
    drop(inbox);
    let (part, state) = names();
    assert_eq!(listing(&path), [part, state.clone()].into());
    let started = fs::read_to_string(path.join(PARTIAL_FOLDER).join(&state)).unwrap();

    let inbox = Inbox::open(&path, OnConflict::Rename).unwrap();
    let again = begin(&inbox);
    assert_eq!(again.bytes(), 5);
    again.file().write_all(b"world").unwrap();
    let again = again.keep().unwrap();
    assert_eq!((again.path, again.bytes), (first.clone(), 10));
    assert_eq!(fs::read(&first).unwrap(), b"helloworld");
    assert_eq!(fs::read_to_string(path.join(PARTIAL_FOLDER).join(&state)).unwrap(), started);

    let whole = begin(&inbox);
    assert_eq!(whole.bytes(), SIZE);
    assert_eq!(whole.store(None).unwrap().as_str(), "a/file");
    drop(inbox);
    assert_eq!(fs::read(path.join("a/file")).unwrap(), b"helloworld");
    assert!(!path.join(PARTIAL_FOLDER).exists());
}

#[test]
fn another_provider_or_size_or_no_key_is_another_file() {
    let (_folder, path, inbox) = inbox();
    leave(&inbox, "hello");
    for other in [Some(key(2, SIZE)), Some(key(1, SIZE + 1)), None] {
        let other = inbox.create(&name("a/file"), other.as_ref()).unwrap();
        assert_eq!(other.bytes(), 0);
        other.file().write_all(b"x").unwrap();
    }
    let other = inbox.create(&name("b/file"), Some(&key(1, SIZE))).unwrap();
    assert_eq!(other.bytes(), 0);
    drop(other);
    assert_eq!(begin(&inbox).bytes(), 5);
    // Three with a state file and one without; the empty one was removed with its own.
    assert_eq!(listing(&path).len(), 3 * 2 + 1);
}

#[test]
fn starts_over_a_file_longer_than_its_size() {
    let (_folder, _path, inbox) = inbox();
    let at = leave(&inbox, "more than ten bytes");
    let again = begin(&inbox);
    assert_eq!(again.bytes(), 0);
    again.file().write_all(b"new").unwrap();
    drop(again);
    assert_eq!(fs::read(at).unwrap(), b"new");
}

#[test]
fn removes_an_empty_file_with_its_state() {
    let (_folder, path, inbox) = inbox();
    assert!(begin(&inbox).keep().is_none());
    drop(begin(&inbox));
    assert_eq!(listing(&path), BTreeSet::new());
}

#[test]
fn does_not_reuse_a_file_in_use() {
    let (_folder, path, inbox) = inbox();
    leave(&inbox, "hello");
    let held = begin(&inbox);
    let other = begin(&inbox);
    assert_eq!((held.bytes(), other.bytes()), (5, 0));
    other.file().write_all(b"other").unwrap();
    assert_eq!(listing(&path).len(), 3);
    assert_eq!(other.store(None).unwrap().as_str(), "a/file");
    held.file().write_all(b"world").unwrap();
    assert_eq!(held.store(None).unwrap().as_str(), "a/file (1)");
    assert_eq!(fs::read(path.join("a/file")).unwrap(), b"other");
    assert_eq!(fs::read(path.join("a/file (1)")).unwrap(), b"helloworld");
}

#[test]
fn does_not_write_to_a_file_that_is_being_stored() {
    let (_folder, path, inbox) = inbox();
    const ROUNDS: usize = 300;
    const THREADS: usize = 3;
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (inbox, barrier) = (&inbox, &barrier);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let text = format!("{thread}{round:0>9}");
                    barrier.wait();
                    let mut partial = begin(inbox);
                    partial.start_over().unwrap();
                    partial.file().write_all(text.as_bytes()).unwrap();
                    partial.store(None).unwrap();
                }
            });
        }
    });
    let stored: BTreeSet<_> = fs::read_dir(path.join("a"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let expected: BTreeSet<_> = (0..THREADS)
        .flat_map(|thread| (0..ROUNDS).map(move |round| format!("{thread}{round:0>9}")))
        .collect();
    assert!(stored == expected, "{} of {}", stored.len(), expected.len());
    assert_eq!(listing(&path), BTreeSet::new());
}

#[test]
fn does_not_claim_a_file_stored_before_its_lock() {
    let (_folder, path, inbox) = inbox();
    leave(&inbox, "hello");
    let folder = opened(&path);
    let part = names().0;
    let first = open(&folder, &part, OpenOptions::new().read(true).write(true)).unwrap();
    let holder = begin(&inbox);
    assert!(!claim(&folder, &part, &first).unwrap());
    holder.store(None).unwrap();
    let error = claim(&folder, &part, &first).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    // Nor if another file has its name meanwhile.
    leave(&inbox, "other");
    drop(first);
    let again = open(&folder, &part, OpenOptions::new().read(true)).unwrap();
    assert!(claim(&folder, &part, &again).unwrap());
    folder.rename(&part, &folder, "elsewhere").unwrap();
    fs::write(path.join(PARTIAL_FOLDER).join(&part), "third").unwrap();
    assert!(claim(&folder, &part, &again).is_err());
}

/// Puts something at the path of the partial file or of its state file, and asserts that a file of another name
/// is used and the first stays unchanged.
fn is_ignored(what: &str, put: impl Fn(&Path, &Path)) {
    let (part, state) = names();
    for at in [part, state] {
        let (folder, path, inbox) = inbox();
        let outside = folder.path().join("outside");
        fs::write(&outside, "outside").unwrap();
        // Creates the folder.
        drop(inbox.create(&name("x"), None).unwrap());
        let at = path.join(PARTIAL_FOLDER).join(at);
        put(&at, &outside);
        let before = fs::symlink_metadata(&at).unwrap();
        let partial = begin(&inbox);
        assert_eq!(partial.bytes(), 0, "{what} at {at:?}");
        partial.file().write_all(b"new").unwrap();
        let kept = partial.keep().unwrap();
        assert_ne!(kept.path, at, "{what}");
        assert_eq!(fs::read(kept.path).unwrap(), b"new");
        let after = fs::symlink_metadata(&at).unwrap();
        assert_eq!(after.file_type(), before.file_type(), "{what}");
        assert_eq!(after.modified().unwrap(), before.modified().unwrap(), "{what}");
        assert_eq!(fs::read(&outside).unwrap(), b"outside", "{what}");
        assert_eq!(listing(&path).len(), 2, "{what}: {:?}", listing(&path));
    }
}

#[test]
fn does_not_follow_or_open_other_kinds_of_files_in_its_place() {
    is_ignored("a link", |at, outside| symlink(outside, at).unwrap());
    is_ignored("a link to nothing", |at, _| symlink("nothing", at).unwrap());
    is_ignored("a folder", |at, _| fs::create_dir(at).unwrap());
    is_ignored("another name of a file", |at, outside| fs::hard_link(outside, at).unwrap());
    is_ignored("a pipe", |at, _| {
        let made = std::process::Command::new("mkfifo").arg(at).status();
        assert!(made.unwrap().success());
        assert!(fs::symlink_metadata(at).unwrap().file_type().is_fifo());
    });
    is_ignored("a socket", |at, _| drop(std::os::unix::net::UnixListener::bind(at).unwrap()));
}

#[test]
fn ignores_another_users_file_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let owned = folder.path().join("x");
    fs::write(&owned, "").unwrap();
    if std::os::unix::fs::chown(&owned, Some(12_345), None).is_err() {
        return; // Only root can give a file away.
    }
    is_ignored("another's file", |at, _| {
        fs::write(at, "theirs").unwrap();
        std::os::unix::fs::chown(at, Some(12_345), None).unwrap();
    });
}

#[test]
fn refuses_a_folder_of_another_user() {
    let (_folder, path, inbox) = inbox();
    let at = leave(&inbox, "hello");
    let (_, state) = names();
    for given in [path.join(PARTIAL_FOLDER), at.clone(), path.join(PARTIAL_FOLDER).join(state)] {
        if std::os::unix::fs::chown(given, Some(12_345), None).is_err() {
            return; // Only root can give them away.
        }
    }
    let error = inbox.create(&name("a/file"), Some(&key(1, SIZE))).unwrap_err();
    assert!(error.to_string().contains("the folder belongs to user"), "{error}");
    assert_eq!(fs::read(at).unwrap(), b"hello");
}

#[test]
fn resumes_with_any_content_of_the_state_file() {
    let (_folder, path, inbox) = inbox();
    leave(&inbox, "hello");
    let state = path.join(PARTIAL_FOLDER).join(names().1);
    let sound = fs::read_to_string(&state).unwrap();
    for text in ["", "{", "[1]", "null", &"{".repeat(1 << 20), &sound.replace("file", "../file")] {
        fs::write(&state, text).unwrap();
        assert_eq!(begin(&inbox).bytes(), 5, "{text:.20}");
        // The state file is written again.
        let location = Location { folder: opened(&path), name: names().0 };
        let state = location.state().unwrap();
        assert_eq!((state.name, state.key), (name("a/file"), key(1, SIZE)));
    }
    fs::remove_file(&state).unwrap();
    assert_eq!(begin(&inbox).bytes(), 5);
    assert!(state.exists());
}

#[test]
fn detects_a_file_removed_before_its_lock() {
    let (_folder, path, inbox) = inbox();
    drop(inbox.create(&name("x"), None).unwrap());
    let folder = opened(&path);
    let file = open_new(&folder, "x.01234567.part").unwrap();
    check_new(&folder, "x.01234567.part", &file).unwrap();
    folder.remove_file("x.01234567.part").unwrap();
    let error = check_new(&folder, "x.01234567.part", &file).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn listing_and_removing_never_take_a_file_in_use() {
    let (_folder, path, inbox) = inbox();
    let over = AtomicBool::new(false);
    let receive = || {
        for round in 0..500 {
            let key = (round % 2 == 0).then(|| key(1, SIZE));
            let partial = inbox.create(&name(&format!("a/{round}")), key.as_ref());
            let partial = partial.map_err(|error| error.to_string())?;
            partial.file().write_all(b"hello").unwrap();
            let stored = partial.store(None).map_err(|error| error.to_string())?;
            assert_eq!(fs::read(path.join(stored.as_str())).unwrap(), b"hello");
        }
        Ok::<_, String>(())
    };
    let disturb = |removes| {
        while !over.load(Ordering::Relaxed) {
            let downloads = IncompleteDownloads::open(&path).unwrap();
            for found in downloads.list().unwrap_or_default() {
                if removes {
                    let _ = downloads.remove(&found);
                }
            }
        }
    };
    let received = thread::scope(|scope| {
        scope.spawn(|| disturb(false));
        scope.spawn(|| disturb(true));
        let received = scope.spawn(receive).join();
        over.store(true, Ordering::Relaxed);
        received
    });
    assert_eq!(received.unwrap(), Ok(()));
}
