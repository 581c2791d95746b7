//! Folders that cannot store a received file.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod system;

use std::fs;
use std::path::Path;

use system::not_tested;
use system::process::{Done, Xcher};
use system::relay::Relay;
use system::tree;
use tempfile::tempdir;

/// Exit code of the shell when it cannot mount a file system.
const NO_MOUNT: i32 = 77;

/// Runs `get` in a file system mounted at `mounted` in a private namespace, then prints the files left there.
/// Returns `None` where this system does not allow mounts.
fn get_into(mounted: &Path, options: &str, relay: &Relay, args: &[&str]) -> Option<Done> {
    get_with("", mounted, options, relay, args)
}

/// Does the same while another program fills the file system.
fn get_filled(mounted: &Path, options: &str, relay: &Relay, args: &[&str]) -> Option<Done> {
    get_with("1", mounted, options, relay, args)
}

fn get_with(
    fill: &str,
    mounted: &Path,
    options: &str,
    relay: &Relay,
    args: &[&str],
) -> Option<Done> {
    const SCRIPT: &str = r#"
        mount -t tmpfs -o "$1" tmpfs "$2" || exit 77
        cd "$2" && shift 2
        # Fills the disk while a file arrives.
        test -z "$FILL" || (
            while ! ls .xcher-partial/large.* >/dev/null 2>&1; do sleep 0.02; done
            head -c 100000000 /dev/zero >filler
        ) 2>/dev/null &
        "$@"
        code=$?
        wait
        find . -type f ! -name filler -printf 'left %s %P\n'
        exit $code
    "#;
    let relay = relay.address.to_string();
    for namespace in [&["--mount"][..], &["--mount", "--map-root-user"]] {
        let done = Xcher::other("unshare")
            .args(namespace)
            .args(["sh", "-c", SCRIPT, "sh", options])
            .args([mounted])
            .args([env!("CARGO_BIN_EXE_xcher"), "get", "--relay", &relay])
            .args(args)
            .env("FILL", fill)
            .run();
        // `unshare` itself fails with code 1, like `get`: its message tells them apart.
        let refused = done.err.iter().any(|line| line.starts_with("unshare: "));
        if done.code != Some(NO_MOUNT) && !refused {
            return Some(done);
        }
    }
    not_tested("this system does not allow mounts, not even in a private namespace");
    None
}

#[test]
fn a_full_disk_is_reported_and_keeps_the_part_that_fits() {
    let (relay, folder, mounted) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(folder.path(), [("small", "12345")]);
    let (large, small) = (folder.path().join("large"), folder.path().join("small"));
    // More than the buffers on the path hold, so that the provider notices the failure.
    fs::write(&large, tree::bytes(1, 20 << 20)).unwrap();
    let bob = relay.share("bob", &large);
    let amy = relay.share("amy", &small);
    let get = |args: &[&str]| get_into(mounted.path(), "size=1m", &relay, args);
    // A file that cannot fit is not started.
    let Some(done) = get(&["bob", "large"]) else { return };
    done.code(1)
        .out(&[])
        .one_error(&["not enough disk space in .: 20.00 MiB needed, 19.00 MiB short"]);
    let slowly = ["bob", "large", "--limit-receive", "1mb"];
    let done = get_filled(mounted.path(), "size=21m", &relay, &slowly).unwrap().code(1);
    let done = done.error(&["large: the file cannot be written: ", "No space left on device"]);
    let done = done.error(&["kept the first ", " in ./.xcher-partial/large."]);
    // Its metadata is next to it.
    let parts: Vec<_> = done.out.iter().filter(|line| !line.ends_with(".json")).collect();
    let [left] = &parts[..] else { panic!("{done}") };
    let (size, name) = left.strip_prefix("left ").unwrap().split_once(' ').unwrap();
    assert!(name.starts_with(".xcher-partial/large."), "{done}");
    assert!((1..=21 << 20).contains(&size.parse::<usize>().unwrap()), "{done}");
    // The disk is fine: a smaller file fits.
    let done = get(&["amy", "small"]).unwrap().code(0).quiet();
    done.out(&["small", "left 5 small"]);
    bob.err("large: not sent completely");
    drop(amy);
}

#[test]
fn piped_input_leaves_free_space_and_no_partial_file() {
    let (relay, mounted) = (Relay::start(), tempdir().unwrap());
    let share = r#"head -c 60000000 /dev/zero | tr '\0' x | "$@""#;
    let bob = Xcher::other("sh").args(["-c", share, "sh", env!("CARGO_BIN_EXE_xcher")]);
    let bob = bob.args(["--relay", &relay.address.to_string(), "share", "--nick", "bob", "-"]);
    let bob = bob.start();
    bob.out("online ");
    let Some(done) = get_into(mounted.path(), "size=20m", &relay, &["bob", "stdin"]) else {
        return;
    };
    // A twentieth of the disk.
    done.code(1).out(&[]).error(&["stdin: ", "its last 1048576 bytes are left to other programs"]);
}

#[test]
fn a_disk_without_free_inodes_is_reported() {
    let (relay, folder, mounted) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(folder.path(), [("s/a", "1")]);
    let _bob = relay.share("bob", &folder.path().join("s"));
    // Inodes for the root, the folder of partial files and one file in it, but not for the folder `s`.
    let Some(done) = get_into(mounted.path(), "nr_inodes=3", &relay, &["bob", "s/a"]) else {
        return;
    };
    let done = done.code(1);
    let parts = [
        "cannot store \"s/a\": No space left on device",
        "its 1 bytes are in \"./.xcher-partial/a.",
    ];
    let done = done.error(&parts);
    // Its metadata is next to it.
    let parts: Vec<_> = done.out.iter().filter(|line| !line.ends_with(".json")).collect();
    let [left] = &parts[..] else { panic!("{done}") };
    assert!(left.starts_with("left 1 .xcher-partial/a."), "{done}");
}

#[test]
fn a_read_only_folder_is_reported() {
    let (relay, folder, mounted) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(folder.path(), [("file", "12345")]);
    let _bob = relay.share("bob", &folder.path().join("file"));
    let get = |args: &[&str]| get_into(mounted.path(), "ro", &relay, args);
    let Some(done) = get(&["bob", "file"]) else { return };
    let done = done.code(1).out(&[]);
    done.one_error(&["cannot create a partial file in \"./.xcher-partial\"", "Read-only"]);
    let done = get(&["bob", "file", "-o", "new/folder"]).unwrap().code(1).out(&[]);
    done.one_error(&["cannot receive into \"new/folder\"", "Read-only file system"]);
}

#[test]
fn a_file_in_place_of_the_folder_is_reported() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("file", "old")]);
    let _bob = relay.share("bob", &folder.path().join("file"));
    for out in ["file", "file/below", "/dev/null"] {
        let get = relay.xcher(["get", "bob", "file", "-o", out]).dir(folder.path()).run();
        get.code(1).one_error(&[&format!("cannot receive into \"{out}\""), "ot a directory"]);
    }
    assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"old");
}

#[test]
fn a_missing_temporary_folder_is_reported() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/file", "12345")]);
    let _bob = relay.share("bob", &folder.path().join("s"));
    let get = relay.xcher(["get", "bob", "--all"]).dir(folder.path());
    let get = get.env("TMPDIR", folder.path().join("missing")).run().code(1);
    get.one_error(&["missing", "No such file or directory"]);
}

/// Fetches files with names of all kinds onto a disk that fills up midway, and the rest once there is space.
#[test]
fn a_folder_that_did_not_fit_is_completed_once_there_is_space() {
    const SCRIPT: &str = r#"
        mount -t tmpfs -o size=24m tmpfs "$1" || exit 77
        cd "$1" && copy=$2 && shift 2
        "$@" --limit-receive 2mb &
        get=$!
        while ! ls .xcher-partial/large.* >/dev/null 2>&1; do
            kill -0 $get 2>/dev/null || break
            sleep 0.02
        done
        head -c 100000000 /dev/zero >filler 2>/dev/null
        wait $get
        echo "full $?"
        rm filler
        "$@"
        echo "room $?"
        test ! -e .xcher-partial || find .xcher-partial -type f -printf 'left %P\n'
        cp -R s "$copy"
    "#;
    let (relay, folder, mounted) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    let share = folder.path().join("s");
    let names = ["فارسی/می\u{200c}خواهم.txt", "👩\u{200d}🚀/🎉", "a", "z/last"];
    tree::write(&share, names.map(|name| (name, name)));
    tree::write(&share, [("large", tree::bytes(3, 12 << 20))]);
    for empty in ["خالی", "👩🏽\u{200d}🚀/deep/er"] {
        fs::create_dir_all(share.join(empty)).unwrap();
    }
    let _bob = relay.share("bob", &share);
    let relay = relay.address.to_string();
    let copy = folder.path().join("copy");
    for namespace in [&["--mount"][..], &["--mount", "--map-root-user"]] {
        let done = Xcher::other("unshare").args(namespace).args(["sh", "-c", SCRIPT, "sh"]);
        let done = done.args([mounted.path(), &copy]).args([env!("CARGO_BIN_EXE_xcher")]);
        let done = done.args(["get", "--relay", &relay, "bob", "--all", "--on-conflict", "skip"]);
        let done = done.run();
        let refused = done.err.iter().any(|line| line.starts_with("unshare: "));
        if done.code == Some(NO_MOUNT) || refused {
            continue;
        }
        let done = done.code(0).error(&["the file cannot be written: ", "No space left on device"]);
        let printed = |text: &str| done.out.iter().any(|line| line == text);
        assert!(printed("full 1") && printed("room 0"), "{done}");
        assert!(!done.out.iter().any(|line| line.starts_with("left ")), "{done}");
        assert!(tree::read(&copy) == tree::read(&share), "{done}");
        for empty in ["خالی", "👩🏽\u{200d}🚀/deep/er"] {
            assert_eq!(fs::read_dir(copy.join(empty)).unwrap().count(), 0);
        }
        return;
    }
    not_tested("this system does not allow mounts, not even in a private namespace");
}
