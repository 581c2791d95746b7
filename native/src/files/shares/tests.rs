#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;
use xcher_core::FileName;

use super::super::Links;
use super::*;

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

/// Creates a folder `music` to share, next to a secret.
fn music() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let music = folder.path().join("music");
    fs::create_dir_all(music.join("old")).unwrap();
    fs::write(music.join("a.mp3"), "aaa").unwrap();
    fs::write(music.join("old/b.mp3"), "bb").unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    (folder, music)
}

fn make_pipe(path: &std::path::Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

#[test]
fn shares_folders_and_files_under_their_names() {
    let (folder, music) = music();
    let single = folder.path().join("secret");
    let shares = Shares::open(&[music, single]).unwrap();
    assert_eq!(shares.find_file(&name("music/a.mp3")), Some(Size::Exact(3)));
    assert_eq!(shares.find_file(&name("music/old/b.mp3")), Some(Size::Exact(2)));
    assert_eq!(shares.find_file(&name("secret")), Some(Size::Exact(6)));
    for absent in
        ["a.mp3", "music", "music/old", "music/c", "secret/x", "old/b.mp3", "music/a.mp3/x"]
    {
        assert_eq!(shares.find_file(&name(absent)), None, "{absent}");
    }
    let mut text = String::new();
    shares.open_file(&name("secret"), 6).unwrap().0.read_to_string(&mut text).unwrap();
    assert_eq!(text, "secret");
    assert!(Shares::nothing().find_file(&name("secret")).is_none());
}

#[test]
fn a_path_with_dots_has_the_folders_own_name() {
    let (_folder, music) = music();
    let shares = Shares::open(&[music.join("old/..")]).unwrap();
    assert_eq!(shares.find_file(&name("music/a.mp3")), Some(Size::Exact(3)));
}

#[test]
fn shares_the_root_alone_and_without_a_prefix() {
    let (_folder, music) = music();
    let shares = Shares::open(&["/".into()]).unwrap();
    let path = music.canonicalize().unwrap().join("a.mp3");
    let wire = path.to_str().unwrap().trim_start_matches('/');
    assert_eq!(shares.find_file(&name(wire)), Some(Size::Exact(3)));
    let error = Shares::open(&["/".into(), music]).unwrap_err();
    assert!(matches!(error, ShareError::NoName { .. }), "{error}");
}

#[test]
fn names_paths_that_cannot_be_shared() {
    use std::os::unix::ffi::OsStrExt;
    let (folder, music) = music();
    let path = |text: &[u8]| folder.path().join(std::ffi::OsStr::from_bytes(text));
    make_pipe(&path(b"pipe"));
    fs::create_dir(path(b"not\xfftext")).unwrap();
    fs::write(path(b"esc\x1b[2J"), "").unwrap();
    fs::create_dir(path(b".xcher-partial")).unwrap();
    fs::create_dir(path(b"other")).unwrap();
    fs::create_dir(path(b"other/music")).unwrap();
    let error = |paths: &[PathBuf]| Shares::open(paths).unwrap_err();
    let shares = Shares::open(&[path(b"not\xfftext"), path(b"esc\x1b[2J")]).unwrap();
    let (entries, escaped) = {
        let chunk = shares.walk().next_chunk(10);
        (chunk.entries, chunk.escaped)
    };
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["esc%{1B}[2J", "not%{FF}text"]);
    let said: Vec<_> = escaped.iter().map(ToString::to_string).collect();
    assert!(said[0].starts_with(r#""esc\u{1b}[2J" is sent as esc%{1B}[2J"#), "{said:?}");
    assert!(shares.open_file(&name("esc%{1B}[2J"), 0).is_ok());
    for (bad, says) in [
        (&b"nothing"[..], "no such file or folder"),
        (b"pipe", "it is a pipe"),
        (b".xcher-partial", "partial files"),
    ] {
        let said = error(&[path(bad)]).to_string();
        assert!(said.contains(says), "{said}");
        assert!(!said.contains('\u{1b}'));
    }
    let said = error(&[music.clone(), path(b"other/music")]).to_string();
    assert!(said.contains("other/music") && said.contains(r#"shared as "music""#), "{said}");
    let said = error(&[music.clone(), music]).to_string();
    assert!(said.contains(r#"shared as "music""#), "{said}");
    // A device that exists on every system.
    assert!(matches!(error(&["/dev/null".into()]), ShareError::Special { .. }));
}

#[test]
fn follows_links_only_to_files_inside() {
    let (folder, music) = music();
    symlink("old/b.mp3", music.join("inside")).unwrap();
    symlink("../a.mp3", music.join("old/up")).unwrap();
    symlink("../secret", music.join("out")).unwrap();
    symlink(folder.path().join("secret"), music.join("absolute")).unwrap();
    symlink("..", music.join("out-folder")).unwrap();
    symlink("old", music.join("folder")).unwrap();
    symlink("nothing", music.join("dead")).unwrap();
    symlink("circle", music.join("circle")).unwrap();
    let skip = Shares::open(std::slice::from_ref(&music)).unwrap();
    for link in ["music/inside", "music/old/up", "music/out", "music/folder/b.mp3"] {
        assert_eq!(skip.find_file(&name(link)), None, "{link}");
    }
    let follow = Rules { links: Links::Follow, ..Rules::default() };
    let shares = Shares::open_by(&[music], &follow).unwrap();
    assert_eq!(shares.find_file(&name("music/folder/b.mp3")), Some(Size::Exact(2)));
    assert_eq!(shares.find_file(&name("music/inside")), Some(Size::Exact(2)));
    assert_eq!(shares.find_file(&name("music/old/up")), Some(Size::Exact(3)));
    shares.open_file(&name("music/inside"), 2).unwrap();
    for bad in
        ["music/out", "music/absolute", "music/out-folder/secret", "music/dead", "music/circle"]
    {
        assert_eq!(shares.find_file(&name(bad)), None, "{bad}");
        let error = shares.open_file(&name(bad), 6).unwrap_err();
        assert!(matches!(error, OpenError::NotShared), "{bad}: {error}");
    }
}

#[test]
fn does_not_follow_a_link_swapped_in_after_the_check() {
    let (folder, music) = music();
    let single = folder.path().join("single");
    fs::write(&single, "single").unwrap();
    let shares = Shares::open(&[music.clone(), single.clone()]).unwrap();

    // Between the check and the opening, which is the second half of `Share::open_file`.
    let (share, path) = shares.by_name.get("music").map(|share| (share, "a.mp3")).unwrap();
    assert_eq!(share.find(path.as_ref(), &name("music/a.mp3")).map(|found| found.size), Some(3));
    fs::remove_file(music.join("a.mp3")).unwrap();
    symlink("../secret", music.join("a.mp3")).unwrap();
    assert!(matches!(share.open_file(path.as_ref(), 6), Err(OpenError::NotShared)));

    // A folder above the file.
    assert_eq!(shares.find_file(&name("music/old/b.mp3")), Some(Size::Exact(2)));
    fs::remove_dir_all(music.join("old")).unwrap();
    symlink("..", music.join("old")).unwrap();
    assert!(matches!(share.open_file("old/secret".as_ref(), 6), Err(OpenError::NotShared)));

    // A single file: not even to its neighbour.
    fs::remove_file(&single).unwrap();
    symlink("secret", &single).unwrap();
    assert_eq!(shares.find_file(&name("single")), None);
    let share = shares.by_name.get("single").unwrap();
    assert!(matches!(share.open_file("single".as_ref(), 6), Err(OpenError::NotShared)));
}

#[test]
fn does_not_open_or_block_on_a_pipe() {
    let (_folder, music) = music();
    make_pipe(&music.join("pipe"));
    let shares = Shares::open(&[music]).unwrap();
    assert_eq!(shares.find_file(&name("music/pipe")), None);
    assert!(matches!(shares.open_file(&name("music/pipe"), 0), Err(OpenError::NotShared)));
    // Swapped in after the check.
    let share = shares.by_name.get("music").unwrap();
    assert!(matches!(share.open_file("pipe".as_ref(), 0), Err(OpenError::NotShared)));
}

#[test]
fn reports_both_sizes_of_a_changed_file() {
    let (_folder, music) = music();
    let shares = Shares::open(&[music]).unwrap();
    let error = shares.open_file(&name("music/a.mp3"), 4).unwrap_err();
    assert!(matches!(error, OpenError::Changed { expected: 4, got: 3 }), "{error}");
}

#[test]
fn does_not_share_partial_files() {
    let (_folder, music) = music();
    for folder in [".xcher-partial", "old/.Xcher-Partial"] {
        fs::create_dir(music.join(folder)).unwrap();
        fs::write(music.join(folder).join("x"), "x").unwrap();
    }
    fs::write(music.join(".hidden"), "x").unwrap();
    let shares = Shares::open(&[music]).unwrap();
    assert_eq!(shares.find_file(&name("music/.xcher-partial/x")), None);
    assert_eq!(shares.find_file(&name("music/old/.Xcher-Partial/x")), None);
    assert_eq!(shares.find_file(&name("music/.hidden")), Some(Size::Exact(1)));
}

#[test]
fn lists_times_and_executable_permissions() {
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, UNIX_EPOCH};
    let (_folder, music) = music();
    let (early, late) = (Duration::from_millis(1_500), Duration::from_millis(1_700_000_000_250));
    for (file, modified, mode) in [
        ("a.mp3", UNIX_EPOCH - early, 0o640),
        ("old/b.mp3", UNIX_EPOCH + late, 0o750),
        ("nobody", UNIX_EPOCH, 0o611),
    ] {
        let path = music.join(file);
        let file = fs::File::options().append(true).create(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
        file.set_permissions(fs::Permissions::from_mode(mode)).unwrap();
    }
    let shares = Shares::open(&[music]).unwrap();
    let listed = shares.walk().next_chunk(10).entries;
    let stat =
        |modified, executable| Stat { modified: Some(modified), executable, ..Stat::default() };
    let expected = [
        ("music/a.mp3", stat(UNIX_EPOCH - early, false)),
        ("music/nobody", stat(UNIX_EPOCH, false)),
        ("music/old/b.mp3", stat(UNIX_EPOCH + late, true)),
    ];
    let told: Vec<_> = listed.iter().map(|file| (file.name.as_str(), file.stat)).collect();
    assert_eq!(told, expected);
    for file in listed {
        assert_eq!(shares.open_file(&file.name, file.size.bytes()).unwrap().1, file.stat);
    }
}
