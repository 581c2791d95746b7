#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use xcher_core::NameError;

use super::super::{NotShared, NotSharedReason, OwnFiles, Rules, Shares};
use super::*;

/// Returns everything the walk yields, in chunks of at most `max`.
fn all(mut walk: Walk, max: usize) -> (Vec<(String, u64)>, Vec<NotShared>) {
    let (mut entries, mut not_shared) = (Vec::new(), Vec::new());
    loop {
        let chunk = walk.next_chunk(max);
        assert!(chunk.entries.len() + chunk.not_shared.len() <= max);
        entries.extend(
            chunk.entries.into_iter().map(|file| (file.name.to_string(), file.size.bytes())),
        );
        not_shared.extend(chunk.not_shared);
        if chunk.done {
            return (entries, not_shared);
        }
    }
}

fn held(walk: &Walk) -> usize {
    walk.folders.iter().map(|folder| folder.entries.len()).sum()
}

/// Creates a folder for many files, in memory if possible, to be fast.
fn roomy() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

#[test]
fn lists_in_order_with_sizes_in_chunks_of_any_length() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("top");
    fs::create_dir_all(root.join("b/c")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    for (name, text) in
        [("z", "1"), ("a", ""), ("b/2", "22"), ("b/1", "1"), ("b/c/x y", "xyz"), (".dot", "d")]
    {
        fs::write(root.join(name), text).unwrap();
    }
    let single = folder.path().join("single");
    fs::write(&single, "12345").unwrap();
    let shares = Shares::open(&[root, single]).unwrap();
    let expected = [
        ("single", 5),
        ("top/.dot", 1),
        ("top/a", 0),
        ("top/b/1", 1),
        ("top/b/2", 2),
        ("top/b/c/x y", 3),
        ("top/empty", 0),
        ("top/z", 1),
    ];
    for max in [1, 2, 3, 100] {
        let (entries, not_shared) = all(shares.walk(), max);
        let entries: Vec<_> = entries.iter().map(|(name, size)| (name.as_str(), *size)).collect();
        assert_eq!(entries, expected, "{max} at a time");
        assert!(not_shared.is_empty());
        for (name, size) in entries {
            let found = shares.find(&FileName::new(name).unwrap());
            assert_eq!(found.map(|(size, _)| size), Some(Size::Exact(size)));
        }
    }
    assert!(Shares::nothing().walk().next_chunk(1).done);
}

#[test]
fn reports_files_not_shared_with_their_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("top");
    fs::create_dir_all(root.join("dir")).unwrap();
    fs::create_dir(root.join(".xcher-partial")).unwrap();
    fs::write(root.join(".xcher-partial/x"), "x").unwrap();
    fs::write(root.join("good"), "x").unwrap();
    fs::write(root.join(OsStr::from_bytes(b"\xff\x1b")), "x").unwrap();
    fs::write(root.join("esc\u{1b}]0;"), "x").unwrap();
    fs::create_dir(root.join("bad\u{202e}")).unwrap();
    fs::write(root.join("bad\u{202e}/unseen"), "x").unwrap();
    fs::write(folder.path().join("secret"), "x").unwrap();
    symlink("good", root.join("link")).unwrap();
    symlink("../secret", root.join("link-out")).unwrap();
    symlink("nothing", root.join("link-dead")).unwrap();
    symlink("dir", root.join("link-dir")).unwrap();
    symlink(".", root.join("link-self")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();

    let (entries, not_shared) = all(Shares::open(std::slice::from_ref(&root)).unwrap().walk(), 100);
    let expected = [
        ("top/bad%{E2}%{80}%{AE}/unseen".into(), 1),
        ("top/dir".into(), 0),
        ("top/esc%{1B}]0;".into(), 1),
        ("top/good".into(), 1),
        ("top/%{FF}%{1B}".into(), 1),
    ];
    assert_eq!(entries, expected);
    let said: BTreeSet<String> = not_shared.iter().map(NotShared::to_string).collect();
    let expected = [
        r#""top/link" is not shared: it is a link"#,
        r#""top/link-dead" is not shared: it is a link"#,
        r#""top/link-dir" is not shared: it is a link"#,
        r#""top/link-out" is not shared: it is a link"#,
        r#""top/link-self" is not shared: it is a link"#,
        r#""top/socket" is not shared: it is neither a file nor a folder"#,
    ];
    assert_eq!(said, expected.map(String::from).into());

    let follow = Rules { links: Links::Follow, ..Rules::default() };
    let (entries, not_shared) =
        all(Shares::open_by(std::slice::from_ref(&root), &follow).unwrap().walk(), 100);
    let linked = entries.iter().filter(|(name, _)| name.contains("link"));
    assert_eq!(linked.collect::<Vec<_>>(), [&("top/link".into(), 1), &("top/link-dir".into(), 0)]);
    let said: BTreeSet<String> = not_shared.iter().map(NotShared::to_string).collect();
    let expected = [
        r#""top/link-dead" is not shared: it is a link without a target"#,
        r#""top/link-out" is not shared: it is a link that leaves the shared folder"#,
        r#""top/link-self" is not shared: it is a link to a folder that contains it"#,
        r#""top/socket" is not shared: it is neither a file nor a folder"#,
    ];
    assert_eq!(said, expected.map(String::from).into());

    let keep = Rules { links: Links::Keep, ..Rules::default() };
    let (entries, _) = all(Shares::open_by(&[root], &keep).unwrap().walk(), 100);
    let linked = entries.iter().filter(|(name, _)| name.contains("link"));
    let expected =
        [("top/link".into(), 4), ("top/link-dead".into(), 7), ("top/link-dir".into(), 3)];
    assert_eq!(linked.cloned().collect::<Vec<_>>(), expected);
}

#[test]
fn counts_hidden_and_own_files_without_naming_them() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("home");
    fs::create_dir_all(root.join(".ssh")).unwrap();
    fs::create_dir_all(root.join("data/xcher")).unwrap();
    fs::write(root.join(".ssh/id"), "x").unwrap();
    fs::write(root.join(".bashrc"), "x").unwrap();
    fs::write(root.join("data/xcher/identity"), "secret").unwrap();
    fs::hard_link(root.join("data/xcher/identity"), root.join("linked")).unwrap();
    symlink("data/xcher", root.join("way")).unwrap();
    symlink(".ssh/id", root.join("other")).unwrap();
    fs::write(root.join("plain"), "x").unwrap();
    let own = OwnFiles::of(&[root.join("data/xcher")]);
    let rules = Rules { links: Links::Follow, hidden: false, own, excluded: None };
    let shares = Shares::open_by(std::slice::from_ref(&root), &rules).unwrap();
    let (entries, not_shared) = all(shares.walk(), 100);
    assert_eq!(entries, [("home/data".into(), 0), ("home/plain".into(), 1)]);
    let left: Vec<_> = not_shared.iter().filter_map(NotShared::left_out).collect();
    let said: Vec<_> = left.iter().map(|left| (left.name.as_str(), left.reason.as_str())).collect();
    assert_eq!(said, [("home/other", "link"), ("home/way", "link"), ("home", "hidden")]);
    for name in ["data/xcher/identity", "linked", "way/identity", "other", ".bashrc", ".ssh/id"] {
        let name = FileName::new(&format!("home/{name}")).unwrap();
        assert!(shares.find(&name).is_none(), "{name}");
        assert!(shares.open_file(&name, 1).is_err() && shares.open_file(&name, 6).is_err());
    }
    let named = [root.join("data/xcher"), root.join("data/xcher/identity"), root.join("linked")];
    for path in named {
        assert!(Shares::open_by(std::slice::from_ref(&path), &rules).is_err(), "{path:?}");
    }
}

#[test]
fn bounds_the_entries_held_of_a_large_folder() {
    let folder = roomy();
    const FILES: usize = 100_000;
    for number in 0..FILES {
        fs::File::create(folder.path().join(format!("{number:06}"))).unwrap();
    }
    let mut walk = Shares::open(&[folder.path().into()]).unwrap().walk();
    let mut seen = BTreeSet::new();
    loop {
        let chunk = walk.next_chunk(1000);
        assert!(chunk.entries.len() <= 1000 && held(&walk) <= MAX_RUN_LEN);
        for Entry { name, .. } in chunk.entries {
            assert!(seen.insert(name.last_part().to_owned()));
        }
        if chunk.done {
            break;
        }
    }
    assert_eq!(seen.len(), FILES);
}

#[test]
fn depth_is_bounded_by_the_longest_name() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("r");
    fs::create_dir(&root).unwrap();
    let dir = cap_std::fs::Dir::open_ambient_dir(&root, cap_std::ambient_authority()).unwrap();
    // "r" and 600 folders "d": a file fits as long as its name has 1,024 bytes.
    let deep = "d/".repeat(600);
    dir.create_dir_all(deep.trim_end_matches('/')).unwrap();
    for depth in 0..=600 {
        dir.write(format!("{}f", "d/".repeat(depth)), "x").unwrap();
    }
    let mut walk = Shares::open(&[root]).unwrap().walk();
    let chunk = walk.next_chunk(10_000);
    assert!(chunk.done);
    // "r/" and the folders and "f": 2 + 2 n + 1 bytes.
    let deepest = (xcher_core::MAX_NAME_LEN - 3) / 2;
    // The folder in which no name fits is not listed: peers would take it for an empty one.
    assert_eq!(chunk.entries.len(), deepest + 1);
    assert!(!chunk.not_shared.is_empty());
    for not_shared in chunk.not_shared {
        assert!(
            matches!(not_shared.why, NotSharedReason::InvalidName(NameError::TooLong)),
            "{not_shared}"
        );
    }
}

#[test]
fn bounds_the_entries_held_of_deep_folders() {
    let folder = roomy();
    let mut path = folder.path().join("r");
    const DEEP: usize = 7;
    const WIDE: usize = 3_000;
    for _ in 0..DEEP {
        // The folder sorts first, so that the files next to it are held while it is listed.
        fs::create_dir(&path).unwrap();
        for number in 0..WIDE {
            fs::File::create(path.join(format!("f{number}"))).unwrap();
        }
        path.push("d");
    }
    let mut walk = Shares::open(&[folder.path().join("r")]).unwrap().walk();
    let mut seen = 0;
    loop {
        let chunk = walk.next_chunk(100);
        assert!(held(&walk) <= MAX_HELD_ENTRIES + DEEP * MIN_RUN_LEN, "{}", held(&walk));
        seen += chunk.entries.len();
        if chunk.done {
            break;
        }
    }
    assert_eq!(seen, DEEP * WIDE);
}

#[test]
fn leaves_out_files_that_vanish_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("r");
    fs::create_dir_all(root.join("b")).unwrap();
    fs::write(root.join("a"), "x").unwrap();
    fs::write(root.join("b/x"), "x").unwrap();
    fs::write(root.join("c"), "x").unwrap();
    let mut walk = Shares::open(std::slice::from_ref(&root)).unwrap().walk();
    assert_eq!(walk.next_chunk(1).entries[0].name.as_str(), "r/a");
    fs::remove_dir_all(root.join("b")).unwrap();
    let (entries, not_shared) = all(walk, 10);
    assert_eq!(entries, [("r/c".into(), 1)]);
    assert!(matches!(&not_shared[..], [NotShared { why: NotSharedReason::Unreadable(_), .. }]));

    // The complete share.
    let walk = Shares::open(std::slice::from_ref(&root)).unwrap().walk();
    fs::remove_dir_all(&root).unwrap();
    assert!(all(walk, 10).0.is_empty());
}
