//! Files of every kind arrive complete and unchanged.

#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::scope;

use rustix::process::Signal;
use system::process::Done;
use system::relay::Relay;
use system::tree::{self, Tree};
use tempfile::tempdir;

/// Names that a parser or a file system could mishandle.
const NAMES: [&str; 18] = [
    "a YES",
    "a NO",
    "EOF",
    "EOF EOF",
    "700mb",
    "x 12 3456",
    "-dash",
    "--all",
    ".hidden",
    "...",
    "two  spaces",
    " leading",
    "trailing ",
    "träd.txt",
    "日本語/ファイル.txt",
    "שלום",
    "😀",
    "a\\b\"c'd$e`f;g|h&i*j?k<l>m",
];

fn get(relay: &Relay, nick: &str, out: &Path, args: &[&str]) -> Done {
    relay.xcher(["get", nick, "-o"]).args([out]).args(args).run()
}

/// The files fetched of the folder `share` into `out`, which must hold no partial file.
#[track_caller]
fn fetched(out: &Path, share: &str) -> Tree {
    assert!(!out.join(tree::PARTIAL).exists(), "a partial file is left");
    tree::read(&out.join(share))
}

#[test]
fn fetches_empty_files_and_sizes_around_every_boundary() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let (share, out) = (folder.path().join("s"), folder.path().join("out"));
    let sizes = [0, 1, 2, 4095, 4096, 65_537, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_001];
    tree::write(&share, sizes.map(|size| (size.to_string(), tree::bytes(size as u64, size))));
    let _bob = relay.share("bob", &share);
    get(&relay, "bob", &out, &["--all"]).code(0).quiet();
    assert!(fetched(&out, "s") == tree::read(&share), "bytes differ");
}

#[test]
fn fetches_files_with_unusual_names() {
    let (relay, folder) = (Relay::start(), tree::room_for(1 << 20));
    let (share, out) = (folder.path().join("s h"), folder.path().join("out"));
    let long = format!("{}.txt", "é".repeat(125));
    let deep = format!("{}/x", vec!["d"; 500].join("/"));
    let names = NAMES.into_iter().chain([long.as_str(), deep.as_str()]);
    tree::write(&share, names.map(|name| (name, name)));
    let files = tree::read(&share);
    assert_eq!(files.len(), NAMES.len() + 2);
    let bob = relay.xcher(["share", "--nick", "bob", "--hidden"]).args([&share]).start();
    bob.out("online ");
    let mut listed = tree::listing(&files, "s h");
    listed.sort();
    let ls = relay.xcher(["ls", "bob"]).run().code(0).quiet();
    ls.out_sorted(&listed.iter().map(String::as_str).collect::<Vec<_>>());
    get(&relay, "bob", &out, &["--all"]).code(0).quiet();
    assert_eq!(fetched(&out, "s h"), files);
    // Fetches each by its own name too, as a user would type it.
    let one = folder.path().join("one");
    for name in files.keys() {
        let name = format!("s h/{name}");
        relay.xcher(["check", "bob", &name]).run().code(0).out(&[&format!("{name} YES")]);
        get(&relay, "bob", &one, &["--on-conflict=fail", "--", &name]).code(0).quiet();
    }
    assert_eq!(fetched(&one, "s h"), files);
}

#[test]
fn fetches_single_files_with_unusual_names() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let (share, out) = (folder.path().join("s"), folder.path().join("out"));
    let names = NAMES.into_iter().filter(|name| !name.contains('/'));
    let names: Vec<_> = names.collect();
    tree::write(&share, names.iter().map(|name| (name, name)));
    let paths = names.iter().map(|name| share.join(name));
    let bob = relay.xcher(["share", "--nick", "bob"]).args(paths).start();
    bob.out("online ");
    for name in &names {
        relay.xcher(["check", "bob", "--", name]).run().code(0).out(&[&format!("{name} YES")]);
    }
    let wanted: Vec<_> = ["--"].iter().chain(&names).copied().collect();
    get(&relay, "bob", &out, &wanted).code(0).quiet();
    assert_eq!(tree::read(&out), tree::read(&share));
}

#[test]
fn fetches_a_file_of_more_than_four_gibibytes() {
    const SIZE: u64 = (4 << 30) + 1;
    let (relay, folder) = (Relay::start(), tree::room_for(SIZE + (64 << 20)));
    let (path, out) = (folder.path().join("large"), folder.path().join("out"));
    let mut file = fs::File::create(&path).unwrap();
    file.set_len(SIZE).unwrap();
    // Known bytes at the offsets where a 31-bit or 32-bit count would overflow.
    let offsets = [0, (1 << 31) - 2048, (4 << 30) - 4095, SIZE - 1];
    for (seed, at) in offsets.into_iter().enumerate() {
        file.seek(SeekFrom::Start(at)).unwrap();
        let length = 4096.min(SIZE - at) as usize;
        file.write_all(&tree::bytes(seed as u64 + 1, length)).unwrap();
    }
    let bob = relay.share("bob", &path);
    get(&relay, "bob", &out, &["large"])
        .code(0)
        .quiet()
        .out(&[out.join("large").to_str().unwrap()]);
    let mut received = fs::File::open(out.join("large")).unwrap();
    assert_eq!(received.metadata().unwrap().len(), SIZE);
    let mut windows = offsets.to_vec();
    windows.extend([1 << 20, 1 << 30, 3 << 30]);
    for at in windows {
        assert!(window(&mut received, at) == window(&mut file_at(&path), at), "differs at {at}");
    }
    bob.stop(Signal::TERM).code(0);
}

/// Reads up to 1 MiB from an offset.
fn window(file: &mut fs::File, at: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.take(1 << 20).read_to_end(&mut bytes).unwrap();
    bytes
}

fn file_at(path: &Path) -> fs::File {
    fs::File::open(path).unwrap()
}

#[test]
fn fetches_ten_thousand_small_files() {
    let (relay, folder) = (Relay::start(), tree::room_for(200 << 20));
    let (share, out) = (folder.path().join("many"), folder.path().join("out"));
    // Twenty files a folder, so that several of them always share a new folder.
    let name = |n: u64| format!("{:02}/{:03}/file {n:05}", n / 1000, n / 20);
    tree::write(&share, (0..10_000).map(|n| (name(n), tree::bytes(n, (n % 300) as usize))));
    let _bob = relay.share("bob", &share);
    let get = get(&relay, "bob", &out, &["--all"]).code(0).quiet();
    assert_eq!(get.out.len(), 10_000);
    assert!(fetched(&out, "many") == tree::read(&share), "bytes differ");
}

#[test]
fn fetches_a_folder_by_its_name() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let (share, out) = (folder.path().join("s"), folder.path().join("out"));
    tree::write(&share, [("a/1", "1"), ("a/b/2", "2"), ("ab/3", "3"), ("a.txt", "4")]);
    let _bob = relay.share("bob", &share);
    get(&relay, "bob", &out, &["s/a"]).code(0).quiet();
    let names = |out: &Path| fetched(out, "s").into_keys().collect::<Vec<_>>();
    assert_eq!(names(&out), ["a/1", "a/b/2"]);
    // With the slash of shell completion, and with a file next to it.
    let other = folder.path().join("other");
    get(&relay, "bob", &other, &["s/a/b/", "s/a.txt"]).code(0).quiet();
    assert_eq!(names(&other), ["a.txt", "a/b/2"]);
    let whole = folder.path().join("whole");
    get(&relay, "bob", &whole, &["s"]).code(0).quiet();
    assert_eq!(names(&whole), ["a.txt", "a/1", "a/b/2", "ab/3"]);
    // A file requested both by name and with its folder is fetched once.
    let once = folder.path().join("once");
    get(&relay, "bob", &once, &["s/a", "s/a/1"]).code(0).quiet();
    assert_eq!(names(&once), ["a/1", "a/b/2"]);
}

#[test]
fn on_conflict_renames_overwrites_skips_or_fails() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("notes.tar.gz", "new"), ("free", "free")]);
    let paths = ["notes.tar.gz", "free"].map(|name| folder.path().join(name));
    let bob = relay.xcher(["share", "--nick", "bob"]).args(&paths).start();
    bob.out("online ");
    let kept = [("notes.tar (1).gz", "kept")];
    for (what, code, expected) in [
        (
            "rename",
            0,
            vec![
                ("free", "free"),
                ("notes.tar (1).gz", "kept"),
                ("notes.tar (2).gz", "new"),
                ("notes.tar.gz", "old"),
            ],
        ),
        ("overwrite", 0, vec![("free", "free"), kept[0], ("notes.tar.gz", "new")]),
        ("skip", 0, vec![("free", "free"), kept[0], ("notes.tar.gz", "old")]),
        ("fail", 1, vec![("free", "free"), kept[0], ("notes.tar.gz", "old")]),
    ] {
        let out = folder.path().join(what);
        tree::write(&out, [("notes.tar.gz", "old"), kept[0]]);
        let get = get(&relay, "bob", &out, &["--all", "--on-conflict", what]).code(code);
        let name = match what {
            "rename" => "notes.tar (2).gz",
            _ => "notes.tar.gz",
        };
        let lines = |names: &[&str]| {
            let lines = names.iter().map(|name| out.join(name).to_str().unwrap().to_owned());
            let mut lines: Vec<_> = lines.collect();
            lines.sort();
            lines
        };
        let printed = match what {
            "rename" | "overwrite" => lines(&["free", name]),
            _ => lines(&["free"]),
        };
        let get = get.out_sorted(&printed.iter().map(String::as_str).collect::<Vec<_>>());
        match what {
            "skip" => get.one_error(&["notes.tar.gz: skipped, it exists already"]),
            "fail" => get.one_error(&["notes.tar.gz: it exists already"]),
            _ => get.quiet(),
        };
        let expected: Tree = expected
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
            .collect();
        assert_eq!(tree::read(&out), expected, "{what}");
    }
}

#[test]
fn overwrite_does_not_replace_a_folder() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("x", "new"), ("out/x/inner", "old")]);
    let _bob = relay.share("bob", &folder.path().join("x"));
    let out = folder.path().join("out");
    let get = get(&relay, "bob", &out, &["x", "--on-conflict=overwrite"]).code(1).out(&[]);
    get.error(&["cannot store \"x\"", "a folder, link or device cannot be overwritten"]);
    assert_eq!(tree::finished(&out).into_keys().collect::<Vec<_>>(), ["x/inner"]);
}

#[cfg(unix)]
#[test]
fn a_received_file_has_a_new_files_mode_and_is_executable_on_request() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let (share, out) = (folder.path().join("s"), folder.path().join("out"));
    tree::write(&share, [("run", "#!/bin/sh\n"), ("d/e", "")]);
    let set =
        |name: &str, mode| fs::set_permissions(share.join(name), PermissionsExt::from_mode(mode));
    set("run", 0o4777).unwrap();
    set("d/e", 0o600).unwrap();
    let _bob = relay.share("bob", &share);
    get(&relay, "bob", &out, &["--all", "--executable"]).code(0);
    fs::write(out.join("any"), "").unwrap();
    fs::create_dir(out.join("any folder")).unwrap();
    let mode = |name: &str| fs::metadata(out.join(name)).unwrap().mode();
    let any = mode("any");
    // A file private to its owner stays private.
    assert_eq!(format!("{:o}", mode("s/d/e")), format!("{:o}", any & !0o077));
    // An executable is executable for every user that can read it.
    assert_eq!(format!("{:o}", mode("s/run")), format!("{:o}", any | (any & 0o444) >> 2));
    assert_eq!(mode("s/d"), mode("any folder"));
    // Without `--executable` no file is executable.
    let plain = folder.path().join("plain");
    get(&relay, "bob", &plain, &["--all"]).code(0);
    assert_eq!(fs::metadata(plain.join("s/run")).unwrap().mode() & 0o111, 0);
}

#[test]
fn several_requesters_fetch_from_one_provider_at_once() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let share = folder.path().join("s");
    tree::write(&share, (0..40).map(|n| (n.to_string(), tree::bytes(n, 300_000))));
    let files = tree::read(&share);
    let _bob = relay.share("bob", &share);
    scope(|scope| {
        for number in 0..3 {
            let (relay, out) = (&relay, folder.path().join(format!("out{number}")));
            let files = &files;
            scope.spawn(move || {
                get(relay, "bob", &out, &["--all"]).code(0).quiet();
                assert!(fetched(&out, "s") == *files, "bytes differ");
            });
        }
    });
}

#[test]
fn two_hosts_fetch_from_each_other_into_the_folders_they_share() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    for (name, seed) in [("a", 1), ("b", 2)] {
        tree::write(&at(name), (0..20).map(|n| (n.to_string(), tree::bytes(seed, 200_000 + n))));
    }
    let (a, b) = (tree::read(&at("a")), tree::read(&at("b")));
    let (_amy, _bob) = (relay.share("amy", &at("a")), relay.share("bob", &at("b")));
    scope(|scope| {
        for (into, from) in [("a", "bob"), ("b", "amy")] {
            let (relay, out) = (&relay, at(into).join("new"));
            // The peer may or may not list files that arrive meanwhile, so it requests the original ones.
            let name = if from == "bob" { "b" } else { "a" };
            let wanted: Vec<_> = (0..20).map(|n| format!("{name}/{n}")).collect();
            scope.spawn(move || {
                let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
                get(relay, from, &out, &wanted).code(0).quiet();
            });
        }
    });
    assert!(fetched(&at("a/new"), "b") == b && fetched(&at("b/new"), "a") == a, "bytes differ");
}

#[test]
fn a_share_hides_links_that_leave_it_and_what_is_not_a_file() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let share = folder.path().join("s");
    tree::write(folder.path(), [("secret", "s"), ("s/ok", "1"), ("s/.xcher-partial/x.part", "2")]);
    for (link, to) in
        [("out", "../secret"), ("abs", "/etc/passwd"), ("dead", "nothing"), ("in", "ok")]
    {
        std::os::unix::fs::symlink(to, share.join(link)).unwrap();
    }
    std::os::unix::fs::symlink("..", share.join("up")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(share.join("pipe")).status().unwrap();
    assert!(pipe.success());
    let bob = relay.xcher(["share", "--nick", "bob", "--links", "follow"]).args([&share]).start();
    bob.out("online ");
    relay.xcher(["ls", "bob"]).run().code(0).out(&["1\ts/in", "1\ts/ok"]);
    for name in ["out", "abs", "dead", "up/secret", "up/s/ok", "pipe", ".xcher-partial/x.part"] {
        let name = format!("s/{name}");
        relay.xcher(["check", "bob", &name]).run().code(1).out(&[&format!("{name} NO")]);
    }
    for (name, why) in [
        ("out", "a link that leaves the shared folder"),
        ("abs", "a link that leaves the shared folder"),
        ("dead", "a link without a target"),
        ("up", "leaves the shared folder"),
        ("pipe", "neither a file nor a folder"),
    ] {
        bob.until(&format!("{name}: {why}"), |lines| {
            let start = format!("\"s/{name}\" is not shared: ");
            lines.err.iter().any(|line| line.contains(&start) && line.contains(why)).then_some(())
        });
    }
}
