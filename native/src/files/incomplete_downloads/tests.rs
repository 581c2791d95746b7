#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::time::Duration;

use tempfile::TempDir;
use xcher_core::FileName;

use super::super::{Inbox, OnConflict, Partial, ResumeKey};
use super::*;

fn inbox() -> (TempDir, Inbox) {
    let folder = tempfile::tempdir().unwrap();
    let inbox = Inbox::open(folder.path(), OnConflict::Rename).unwrap();
    (folder, inbox)
}

fn begin(inbox: &Inbox, name: &str, size: Option<u64>) -> Partial {
    let key = size.map(|size| ResumeKey { from: PublicKey::new([3; 32]), size });
    let partial = inbox.create(&FileName::new(name).unwrap(), key.as_ref()).unwrap();
    partial.file().write_all(b"12345").unwrap();
    partial
}

fn listing(folder: &TempDir) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder.path().join(PARTIAL_FOLDER)) else {
        return BTreeSet::new();
    };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Sets the age of every file in the folder.
fn age(folder: &TempDir, age: Duration) {
    let at = SystemTime::now() - age;
    for entry in fs::read_dir(folder.path().join(PARTIAL_FOLDER)).unwrap() {
        let path = entry.unwrap().path();
        if fs::symlink_metadata(&path).unwrap().is_file() {
            fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn lists_what_is_known_and_what_is_in_use() {
    let (folder, inbox) = inbox();
    assert_eq!(IncompleteDownloads::open(folder.path()).unwrap().list().unwrap(), []);
    let before = SystemTime::now() - Duration::from_secs(2);
    drop(begin(&inbox, "b/kept", Some(100)));
    drop(begin(&inbox, "a/random", None));
    let held = begin(&inbox, "c/held", Some(u64::MAX));
    let downloads = IncompleteDownloads::open(folder.path()).unwrap();
    let list = downloads.list().unwrap();
    let listed: Vec<_> =
        list.iter().map(|it| (it.name.as_str(), it.bytes, it.size, it.in_use)).collect();
    let expected = [
        ("b/kept", 5, Some(100), false),
        ("c/held", 5, Some(u64::MAX), true),
        ("random", 5, None, false),
    ];
    assert_eq!(listed, expected);
    let key = PublicKey::new([3; 32]);
    assert_eq!(list.iter().map(|it| it.from).collect::<Vec<_>>(), [Some(key), Some(key), None]);
    for download in &list {
        assert_eq!(fs::read(&download.path).unwrap(), b"12345");
        assert!(download.changed > before);
        assert!(download.started.is_none_or(|at| at > before), "{download:?}");
        assert_eq!(downloads.remove(download).unwrap(), !download.in_use);
    }
    assert_eq!(listing(&folder).len(), 2);
    downloads.sweep();
    assert_eq!(listing(&folder).len(), 2);
    drop(held);
    assert!(downloads.remove(&list[1]).unwrap());
    assert!(matches!(downloads.remove(&list[0]), Ok(false)));
    downloads.sweep();
    assert!(!folder.path().join(PARTIAL_FOLDER).exists());
}

#[test]
fn does_not_create_a_missing_folder() {
    let folder = tempfile::tempdir().unwrap();
    let error = IncompleteDownloads::open(&folder.path().join("missing")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    symlink("/", folder.path().join(PARTIAL_FOLDER)).unwrap();
    assert!(IncompleteDownloads::open(folder.path()).is_err());
}

#[test]
fn expires_old_files_that_are_not_in_use() {
    let (folder, inbox) = inbox();
    let held = begin(&inbox, "held", Some(9));
    let random = begin(&inbox, "random", None);
    drop(begin(&inbox, "lasting", Some(9)));
    drop(begin(&inbox, "other", None));
    drop(inbox);
    let all = listing(&folder);
    assert_eq!(all.len(), 6);
    let open = || drop(Inbox::open(folder.path(), OnConflict::Rename).unwrap());
    age(&folder, PARTIAL_EXPIRY - MINUTE);
    open();
    assert_eq!(listing(&folder), all);
    age(&folder, PARTIAL_EXPIRY + MINUTE);
    open();
    let left = listing(&folder);
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left.iter().all(|name| name.starts_with("held.") || name.starts_with("random.")));
    // A time in the future, from a wrong clock, does not expire.
    drop((held, random));
    let tomorrow = SystemTime::now() + PARTIAL_EXPIRY;
    for name in listing(&folder) {
        let path = folder.path().join(PARTIAL_FOLDER).join(name);
        fs::File::options().write(true).open(path).unwrap().set_modified(tomorrow).unwrap();
    }
    open();
    assert_eq!(listing(&folder), left);
    age(&folder, PARTIAL_EXPIRY + MINUTE);
    open();
    assert_eq!(listing(&folder), BTreeSet::new());
}

#[test]
fn a_state_file_without_a_partial_file_expires_and_is_swept() {
    let (folder, inbox) = inbox();
    let kept = begin(&inbox, "file", Some(9)).keep().unwrap();
    fs::remove_file(kept.path).unwrap();
    drop(inbox);
    assert_eq!(listing(&folder).len(), 1);
    assert_eq!(IncompleteDownloads::open(folder.path()).unwrap().list().unwrap(), []);
    drop(Inbox::open(folder.path(), OnConflict::Rename).unwrap());
    assert_eq!(listing(&folder).len(), 1);
    age(&folder, PARTIAL_EXPIRY + MINUTE);
    drop(Inbox::open(folder.path(), OnConflict::Rename).unwrap());
    assert!(!folder.path().join(PARTIAL_FOLDER).exists());

    let inbox = Inbox::open(folder.path(), OnConflict::Rename).unwrap();
    let kept = begin(&inbox, "file", Some(9)).keep().unwrap();
    fs::remove_file(kept.path).unwrap();
    IncompleteDownloads::open(folder.path()).unwrap().sweep();
    assert!(!folder.path().join(PARTIAL_FOLDER).exists());
}

#[test]
fn does_not_list_remove_or_follow_other_files() {
    let (folder, inbox) = inbox();
    let outside = folder.path().join("outside.01234567.part");
    fs::write(&outside, "outside").unwrap();
    drop(begin(&inbox, "x", None));
    drop(inbox);
    let at = |name: &str| folder.path().join(PARTIAL_FOLDER).join(name);
    let hash = "0".repeat(32);
    for other in ["notes.txt", "x.part", "x.0123456.part", &format!("x.{hash}"), "x.12345678.json"]
    {
        fs::write(at(other), "mine").unwrap();
    }
    symlink(&outside, at("link.01234567.part")).unwrap();
    symlink("nothing", at("dead.01234567.part")).unwrap();
    symlink(&outside, at(&format!("link.{hash}.json"))).unwrap();
    fs::create_dir(at("folder.01234567.part")).unwrap();
    fs::hard_link(&outside, at("hard.01234567.part")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(at("pipe.01234567.part")).status();
    assert!(made.unwrap().success());
    let all = listing(&folder);
    age(&folder, PARTIAL_EXPIRY + MINUTE);

    let downloads = IncompleteDownloads::open(folder.path()).unwrap();
    let list = downloads.list().unwrap();
    assert_eq!(list.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["x"]);
    for other in ["link.01234567.part", "pipe.01234567.part", "folder.01234567.part"] {
        assert!(!remove(downloads.folder.as_ref().unwrap(), other).unwrap(), "{other}");
    }
    downloads.sweep();
    drop(Inbox::open(folder.path(), OnConflict::Rename).unwrap());
    let left = listing(&folder);
    let gone: Vec<_> = all.difference(&left).collect();
    assert!(gone.len() == 1 && gone[0].starts_with("x."), "{gone:?}");
    assert_eq!(fs::read(outside).unwrap(), b"outside");
}

#[test]
fn bounds_the_entries_checked_for_expiry() {
    let (folder, inbox) = inbox();
    drop(begin(&inbox, "x", None));
    drop(inbox);
    for number in 0..2 * MAX_CHECKED_ENTRIES {
        let path = folder.path().join(PARTIAL_FOLDER).join(format!("y.{number:08x}.part"));
        fs::File::create(path).unwrap();
    }
    age(&folder, PARTIAL_EXPIRY + MINUTE);
    drop(Inbox::open(folder.path(), OnConflict::Rename).unwrap());
    let left = listing(&folder).len();
    assert_eq!(left, 2 * MAX_CHECKED_ENTRIES + 1 - MAX_CHECKED_ENTRIES);
}
