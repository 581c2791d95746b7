#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::thread;

use tempfile::TempDir;

use super::super::OnConflict;
use super::*;

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

fn inbox(on_conflict: OnConflict) -> (TempDir, PathBuf, Inbox) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in");
    let inbox = Inbox::open(&path, on_conflict).unwrap();
    (folder, path, inbox)
}

fn partial(inbox: &Inbox, text: &str, bytes: &str) -> Partial {
    let partial = inbox.create(&name(text), None).unwrap();
    partial.file().write_all(bytes.as_bytes()).unwrap();
    partial
}

fn listing(path: &Path) -> BTreeSet<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    fs::read_dir(path).unwrap().map(name).collect()
}

#[test]
fn a_file_has_its_name_only_once_stored() {
    let (_folder, path, inbox) = inbox(OnConflict::Fail);
    let one = partial(&inbox, "a/b/träd.txt", "hello");
    assert!(!inbox.exists(&name("a/b/träd.txt")) && !path.join("a").exists());
    let [part] = &Vec::from_iter(listing(&path.join(PARTIAL_FOLDER)))[..] else { panic!() };
    assert!(part.starts_with("träd.txt.") && part.ends_with(".part"), "{part}");
    assert_eq!(part.len(), "träd.txt.01234567.part".len());
    assert_eq!(one.store(None).unwrap().as_str(), "a/b/träd.txt");
    assert!(inbox.exists(&name("a/b/träd.txt")));
    assert_eq!(fs::read(path.join("a/b/träd.txt")).unwrap(), b"hello");
    assert_eq!(inbox.create(&name("empty"), None).unwrap().store(None).unwrap().as_str(), "empty");
    drop(inbox);
    assert_eq!(listing(&path), ["a", "empty"].map(String::from).into());
}

#[test]
fn stored_files_have_ordinary_permissions_and_partial_files_are_private() {
    let (_folder, path, inbox) = inbox(OnConflict::Fail);
    fs::write(path.join("ordinary"), "").unwrap();
    let one = partial(&inbox, "new", "x");
    let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(PARTIAL_FOLDER), 0o700);
    one.store(None).unwrap();
    assert_eq!(mode("new"), mode("ordinary"));
}

#[test]
fn rename_takes_the_next_free_name() {
    let (_folder, path, inbox) = inbox(OnConflict::Rename);
    fs::write(path.join("a.txt"), "old").unwrap();
    fs::create_dir(path.join("a (1).txt")).unwrap();
    symlink("nothing", path.join("a (2).txt")).unwrap();
    assert_eq!(partial(&inbox, "a.txt", "new").store(None).unwrap().as_str(), "a (3).txt");
    assert_eq!(fs::read(path.join("a.txt")).unwrap(), b"old");
    assert_eq!(fs::read(path.join("a (3).txt")).unwrap(), b"new");
    assert!(!path.join("nothing").exists());
}

#[test]
fn overwrite_replaces_only_regular_files() {
    let (folder, path, inbox) = inbox(OnConflict::Overwrite);
    let outside = folder.path().join("outside");
    fs::write(&outside, "outside").unwrap();
    fs::write(path.join("file"), "old").unwrap();
    fs::create_dir(path.join("dir")).unwrap();
    symlink("../outside", path.join("link")).unwrap();
    assert_eq!(partial(&inbox, "file", "new").store(None).unwrap().as_str(), "file");
    assert_eq!(fs::read(path.join("file")).unwrap(), b"new");
    for bad in ["dir", "link"] {
        let error = partial(&inbox, bad, "new").store(None).unwrap_err();
        assert!(matches!(error.why, StoreErrorKind::NotAFile), "{error}");
        let kept = error.kept.unwrap();
        assert_eq!((fs::read(kept.path).unwrap(), kept.bytes), (b"new".to_vec(), 3));
    }
    assert!(path.join("dir").is_dir() && path.join("link").is_symlink());
    assert_eq!(fs::read(outside).unwrap(), b"outside");
}

#[test]
fn skip_and_fail_keep_the_old_file_and_name_the_partial_one() {
    for on_conflict in [OnConflict::Skip, OnConflict::Fail] {
        let (_folder, path, inbox) = inbox(on_conflict);
        fs::write(path.join("a"), "old").unwrap();
        assert!(inbox.exists(&name("a")) && !inbox.exists(&name("b")));
        let error = partial(&inbox, "a", "new").store(None).unwrap_err();
        assert!(matches!(error.why, StoreErrorKind::Exists));
        let kept = error.kept.as_ref().unwrap();
        assert!(error.to_string().contains(&format!("its 3 bytes are in {:?}", kept.path)));
        assert_eq!(fs::read(&kept.path).unwrap(), b"new");
        assert_eq!(fs::read(path.join("a")).unwrap(), b"old");
        drop(inbox);
        assert!(kept.path.exists());
    }
}

#[test]
fn files_stored_at_once_get_different_names() {
    let (_folder, path, inbox) = inbox(OnConflict::Rename);
    const THREADS: usize = 4;
    const EACH: usize = 10;
    let store = |thread: usize| {
        let inbox = inbox.clone();
        move || {
            let one = |number| {
                let text = format!("{thread} {number}");
                (partial(&inbox, "sub/same.txt", &text).store(None).unwrap(), text)
            };
            (0..EACH).map(one).collect::<Vec<_>>()
        }
    };
    let threads: Vec<_> = (0..THREADS).map(|number| thread::spawn(store(number))).collect();
    let stored: Vec<_> = threads.into_iter().flat_map(|it| it.join().unwrap()).collect();
    let names: BTreeSet<_> = stored.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), THREADS * EACH);
    for (name, text) in &stored {
        assert_eq!(fs::read_to_string(path.join(name.as_str())).unwrap(), *text);
    }
    drop(inbox);
    assert!(!path.join(PARTIAL_FOLDER).exists());
}

#[test]
fn does_not_store_through_a_link_that_leaves() {
    let (folder, path, inbox) = inbox(OnConflict::Overwrite);
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("f"), "old").unwrap();
    symlink("../outside", path.join("out")).unwrap();
    symlink(&outside, path.join("absolute")).unwrap();
    for bad in ["out/f", "out/new", "out/deep/new", "absolute/f"] {
        let error = inbox.create(&name(bad), None).unwrap_err();
        assert!(
            matches!(
                error,
                InboxError::UnusableName { why: StoreErrorKind::ParentIsLink { .. }, .. }
            ),
            "{bad}: {error}"
        );
    }
    // A link created after the check.
    let late = partial(&inbox, "late/f", "new");
    let later = partial(&inbox, "late/deep/f", "new");
    symlink("../outside", path.join("late")).unwrap();
    for one in [late, later] {
        let error = one.store(None).unwrap_err();
        assert!(matches!(error.why, StoreErrorKind::ParentIsLink { .. }), "{error}");
        assert!(error.kept.unwrap().path.exists());
    }
    assert_eq!(listing(&outside), ["f".into()].into());
    assert_eq!(fs::read(outside.join("f")).unwrap(), b"old");
}

fn stat(kind: Kind) -> Option<Stat> {
    Some(Stat { kind, ..Stat::default() })
}

#[test]
fn does_not_store_through_a_received_link() {
    let (_folder, path, inbox) = inbox(OnConflict::Overwrite);
    fs::create_dir_all(path.join("s/real")).unwrap();
    partial(&inbox, "s/link", "real").store(stat(Kind::Link)).unwrap();
    assert_eq!(fs::read_link(path.join("s/link")).unwrap(), Path::new("real"));
    let error = inbox.create(&name("s/link/f"), None).unwrap_err();
    let is_parent_link =
        |error: &StoreErrorKind| matches!(error, StoreErrorKind::ParentIsLink { .. });
    assert!(matches!(error, InboxError::UnusableName { ref why, .. } if is_parent_link(why)));
    // A link that arrived while the file did.
    let late = partial(&inbox, "s/late/f", "x");
    partial(&inbox, "s/late", "real").store(stat(Kind::Link)).unwrap();
    assert!(is_parent_link(&late.store(None).unwrap_err().why));
    // The target of a link is not replaced either.
    fs::write(path.join("s/real/kept"), "kept").unwrap();
    partial(&inbox, "s/file", "real/kept").store(stat(Kind::Link)).unwrap();
    assert!(partial(&inbox, "s/file", "new").store(None).is_err());
    assert_eq!(fs::read(path.join("s/real/kept")).unwrap(), b"kept");
    assert_eq!(listing(&path.join("s/real")), ["kept".into()].into());
}

#[test]
fn does_not_create_a_link_that_could_lead_out() {
    let (_folder, path, inbox) = inbox(OnConflict::Fail);
    for (link, target) in [
        ("s/l", "/etc/passwd"),
        ("s/l", ".."),
        ("s/l", "../other"),
        ("s/a/l", "b/../../.."),
        ("l", "s"),
        ("s/l", ""),
        ("s/l", &"a/".repeat(3000)),
    ] {
        let error = partial(&inbox, link, target).store(stat(Kind::Link)).unwrap_err();
        assert!(matches!(error.why, StoreErrorKind::LinkLeaves), "{target}: {error}");
    }
    assert!(
        path.join("s").symlink_metadata().is_err() && path.join("l").symlink_metadata().is_err()
    );
}

#[test]
fn creates_an_empty_folder_with_its_time_and_mode_and_keeps_an_existing_one() {
    use std::os::unix::fs::MetadataExt as _;
    let (_folder, path, inbox) = inbox(OnConflict::Fail);
    let modified = Some(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000));
    let private = Some(Stat { kind: Kind::Folder, private: true, modified, ..Stat::default() });
    inbox.create(&name("a/b"), None).unwrap().store(private).unwrap();
    let made = fs::metadata(path.join("a/b")).unwrap();
    assert!(made.is_dir());
    assert_eq!((made.mode() & 0o777, made.mtime()), (0o700, 1_000_000));
    fs::write(path.join("a/b/x"), "x").unwrap();
    inbox.create(&name("a/b"), None).unwrap().store(private).unwrap();
    assert_eq!(fs::read(path.join("a/b/x")).unwrap(), b"x");
    let error = partial(&inbox, "a/c", "bytes").store(private).unwrap_err();
    assert!(matches!(error.why, StoreErrorKind::FolderWithBytes), "{error}");
    fs::write(path.join("a/file"), "x").unwrap();
    let error = inbox.create(&name("a/file"), None).unwrap().store(private).unwrap_err();
    assert!(matches!(error.why, StoreErrorKind::Exists), "{error}");
    drop(inbox);
    assert_eq!(listing(&path.join("a")), ["b".into(), "file".into()].into());
}

#[test]
fn names_a_parent_that_is_not_a_folder() {
    let (_folder, path, inbox) = inbox(OnConflict::Fail);
    fs::write(path.join("file"), "").unwrap();
    for bad in ["file/x", "file/deep/x"] {
        let error = inbox.create(&name(bad), None).unwrap_err();
        assert!(
            matches!(
                error,
                InboxError::UnusableName { why: StoreErrorKind::ParentIsFile { .. }, .. }
            ),
            "{bad}: {error}"
        );
    }
    let late = partial(&inbox, "late/x", "x");
    fs::write(path.join("late"), "").unwrap();
    let error = late.store(None).unwrap_err();
    assert!(matches!(error.why, StoreErrorKind::ParentIsFile { .. }), "{error}");
}

#[test]
fn peers_cannot_name_the_partial_folder() {
    let (_folder, path, inbox) = inbox(OnConflict::Overwrite);
    for bad in [".xcher-partial/x", ".xcher-partial", "a/.xcher-partial/x", ".XCHER-partial/x"] {
        let error = inbox.create(&name(bad), None).unwrap_err();
        assert!(matches!(error, InboxError::PartialFolder { .. }), "{bad}: {error}");
    }
    assert_eq!(listing(&path), BTreeSet::new());
}

#[test]
fn does_not_follow_a_link_in_place_of_the_partial_folder() {
    let (folder, path, inbox) = inbox(OnConflict::Fail);
    let outside = folder.path().join("outside");
    for target in ["../outside", "inside"] {
        fs::create_dir_all(path.join(target)).unwrap();
        symlink(target, path.join(PARTIAL_FOLDER)).unwrap();
        let error = inbox.create(&name("x"), None).unwrap_err();
        assert!(matches!(error, InboxError::Partial { .. }), "{error}");
        fs::remove_file(path.join(PARTIAL_FOLDER)).unwrap();
    }
    assert_eq!(listing(&outside), BTreeSet::new());
}

#[test]
fn keeps_unstored_files_unless_empty() {
    let (_folder, path, inbox) = inbox(OnConflict::Fail);
    let place = path.join(PARTIAL_FOLDER);
    drop(inbox.create(&name("a"), None).unwrap());
    assert!(inbox.create(&name("a"), None).unwrap().keep().is_none());
    assert_eq!(listing(&place), BTreeSet::new());
    drop(partial(&inbox, "dropped", "xx"));
    let kept = partial(&inbox, "kept", "xxx").keep().unwrap();
    assert_eq!((fs::read(kept.path).unwrap(), kept.bytes), (b"xxx".to_vec(), 3));
    drop(inbox);
    assert_eq!(listing(&place).len(), 2);
}

#[test]
fn the_partial_folder_outlives_the_inbox_while_a_file_is_in_use() {
    let (_folder, path, inbox) = inbox(OnConflict::Fail);
    let one = partial(&inbox, "a", "x");
    let empty = inbox.create(&name("b"), None).unwrap();
    drop(inbox);
    one.store(None).unwrap();
    assert!(path.join(PARTIAL_FOLDER).exists());
    drop(empty);
    assert_eq!(listing(&path), ["a".into()].into());
}

#[test]
fn recreates_a_removed_partial_folder() {
    let (_folder, path, inbox) = inbox(OnConflict::Fail);
    drop(inbox.create(&name("a"), None).unwrap());
    drop(Inbox::open(&path, OnConflict::Fail).unwrap());
    assert!(!path.join(PARTIAL_FOLDER).exists());
    partial(&inbox, "a", "x").store(None).unwrap();
}

#[test]
fn inboxes_on_one_folder_do_not_disturb_each_other() {
    let (_folder, path, _) = inbox(OnConflict::Fail);
    // Each removes the folder of partial files while the others create files in it.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let inbox = Inbox::open(&path, OnConflict::Fail).unwrap();
                    drop(inbox.create(&name("a"), None).unwrap());
                }
            });
        }
    });
    assert_eq!(listing(&path), BTreeSet::new());
}

#[test]
fn stores_the_longest_names() {
    let (_folder, path, inbox) = inbox(OnConflict::Rename);
    let part = "å".repeat(127);
    let longest = [part.as_str(); 4].join("/");
    for _ in 0..2 {
        partial(&inbox, &longest, "x").store(None).unwrap();
    }
    assert!(path.join(&longest).is_file());
}

#[test]
fn names_a_file_in_place_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    for bad in [path.clone(), path.join("below")] {
        let error = Inbox::open(&bad, OnConflict::Fail).unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with(&format!("cannot receive into {bad:?}: ")), "{said}");
    }
}

#[test]
fn names_a_folder_that_cannot_be_written() {
    // The kernel's own folder: not even root can create anything in it.
    let path = Path::new("/proc/self/fdinfo");
    if !path.is_dir() {
        return;
    }
    let inbox = Inbox::open(path, OnConflict::Fail).unwrap();
    let error = inbox.create(&name("x"), None).unwrap_err();
    assert!(error.to_string().contains("/proc/self/fdinfo/.xcher-partial"), "{error}");
}

#[test]
fn refuses_a_partial_folder_of_another_user() {
    let (_folder, path, inbox) = inbox(OnConflict::Fail);
    let place = path.join(PARTIAL_FOLDER);
    fs::create_dir(&place).unwrap();
    let owner = fs::metadata(&place).unwrap().uid();
    if std::os::unix::fs::chown(&place, Some(owner + 1), None).is_err() {
        return; // Only root can give a folder away.
    }
    let error = inbox.create(&name("x"), None).unwrap_err();
    assert!(error.to_string().contains("the folder belongs to user"), "{error}");
    assert_eq!(listing(&place), BTreeSet::new());
}
