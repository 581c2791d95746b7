#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::{Duration, UNIX_EPOCH};

use tempfile::TempDir;
use xcher_core::secure::PublicKey;

use super::super::{Inbox, ResumeKey};
use super::*;
use crate::files::prefix_hash::READ_LEN;

fn inbox(on_conflict: OnConflict) -> (TempDir, Inbox) {
    let folder = tempfile::tempdir().unwrap();
    let inbox = Inbox::open(folder.path(), on_conflict).unwrap();
    (folder, inbox)
}

fn begin(inbox: &Inbox, size: u64) -> Partial {
    let key = ResumeKey { from: PublicKey::new([9; 32]), size };
    inbox.create(&FileName::new("file").unwrap(), Some(&key)).unwrap()
}

static NOT_CANCELLED: AtomicBool = AtomicBool::new(false);

#[test]
fn continues_the_hash_of_a_prefix() {
    let (_folder, inbox) = inbox(OnConflict::Fail);
    for length in [0, 1, READ_LEN - 1, READ_LEN, 3 * READ_LEN + 7] {
        let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let size = 2 * length as u64 + 1;
        begin(&inbox, size).file().write_all(&bytes).unwrap();
        let partial = begin(&inbox, size);
        assert_eq!(partial.bytes(), length as u64);
        let mut hasher = partial.prefix_hash(&NOT_CANCELLED).unwrap();
        assert_eq!(hasher.finalize(), blake3::hash(&bytes));
        // The next bytes are written and hashed after it.
        partial.file().write_all(b"more").unwrap();
        hasher.update(b"more");
        let whole = [&bytes[..], b"more"].concat();
        assert_eq!(hasher.finalize(), blake3::hash(&whole));
        assert!(fs::read(partial.keep().unwrap().path).unwrap() == whole);
    }
}

#[test]
fn hashing_fails_if_cancelled_or_the_file_is_shorter() {
    let (_folder, inbox) = inbox(OnConflict::Fail);
    begin(&inbox, 9).file().write_all(b"12345").unwrap();
    let partial = begin(&inbox, 9);
    let error = partial.prefix_hash(&AtomicBool::new(true)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    partial.file().set_len(4).unwrap();
    let error = partial.prefix_hash(&NOT_CANCELLED).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn starting_over_discards_the_bytes() {
    let (_folder, inbox) = inbox(OnConflict::Fail);
    begin(&inbox, 9).file().write_all(b"12345").unwrap();
    let mut partial = begin(&inbox, 9);
    partial.start_over().unwrap();
    assert_eq!(partial.bytes(), 0);
    partial.file().write_all(b"678").unwrap();
    assert_eq!(fs::read(partial.keep().unwrap().path).unwrap(), b"678");
}

#[test]
fn a_stored_file_has_its_time_and_is_executable_for_its_readers() {
    let (folder, inbox) = inbox(OnConflict::Rename);
    for (modified, executable) in [
        (None, false),
        (Some(UNIX_EPOCH + Duration::from_secs(1_000_000_000)), true),
        (Some(UNIX_EPOCH - Duration::from_secs(1_000_000_000)), false),
    ] {
        let partial = begin(&inbox, 1);
        partial.file().write_all(b"x").unwrap();
        let before = partial.file().metadata().unwrap();
        let name = partial.store(Some(Stat { modified, executable, ..Stat::default() })).unwrap();
        let after = fs::metadata(folder.path().join(name.as_str())).unwrap();
        assert_eq!(after.modified().unwrap(), modified.unwrap_or(before.modified().unwrap()));
        let added = if executable { (before.mode() & 0o444) >> 2 } else { 0 };
        assert_eq!(after.mode(), before.mode() | added);
    }
    let partial = begin(&inbox, 1);
    partial.file().set_permissions(fs::Permissions::from_mode(0o640)).unwrap();
    let name =
        partial.store(Some(Stat { modified: None, executable: true, ..Stat::default() })).unwrap();
    let stored = fs::metadata(folder.path().join(name.as_str())).unwrap();
    assert_eq!(stored.mode() & 0o7777, 0o750);
}

#[test]
fn ignores_a_time_that_no_file_can_have() {
    let (folder, inbox) = inbox(OnConflict::Rename);
    for modified in [UNIX_EPOCH.checked_add(Duration::from_secs(i64::MAX as u64)), None] {
        let partial = begin(&inbox, 1);
        let name =
            partial.store(Some(Stat { modified, executable: true, ..Stat::default() })).unwrap();
        assert!(folder.path().join(name.as_str()).is_file());
    }
}

#[test]
fn the_age_of_a_partial_file_is_its_own() {
    let (folder, inbox) = inbox(OnConflict::Fail);
    fs::write(folder.path().join("file"), "old").unwrap();
    let partial = begin(&inbox, 3);
    partial.file().write_all(b"new").unwrap();
    let long_ago = Some(UNIX_EPOCH);
    let error = partial
        .store(Some(Stat { modified: long_ago, executable: false, ..Stat::default() }))
        .unwrap_err();
    let kept = error.kept.unwrap();
    drop(inbox);
    let inbox = Inbox::open(folder.path(), OnConflict::Fail).unwrap();
    assert_eq!(fs::read(kept.path).unwrap(), b"new");
    assert_eq!(begin(&inbox, 3).bytes(), 3);
}
