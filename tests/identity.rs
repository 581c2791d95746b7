//! The key file of this host and the folder that holds it.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod system;

use std::fs;
use std::os::unix::fs::{chown, symlink};

use serde_json::json;
use system::keys::{ONE, chmod, mode, peers};
use system::not_tested;
use system::process::{Xcher, xcher};
use system::tree;
use tempfile::tempdir;

#[test]
fn a_host_has_one_key_that_only_its_owner_can_read() {
    let folder = tempdir().unwrap();
    let keys = folder.path().join("new/keys");
    let first = peers(&keys, &["me"]).run().code(0).quiet();
    assert_eq!((first.out.len(), first.out[0].len()), (1, 44), "{first}");
    assert_eq!((mode(&keys), mode(&keys.join("identity"))), (0o700, 0o600));
    let text = fs::read_to_string(keys.join("identity")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("# The secret key"), "{text}");
    assert_eq!(lines[1].len(), 44);
    assert_eq!(tree::read(&keys).len(), 1);
    peers(&keys, &["me"]).run().code(0).quiet().out(&[&first.out[0]]);
    let json = peers(&keys, &["me", "--json"]).run().code(0).quiet();
    assert_eq!(json.events(), [json!({"event": "me", "key": first.out[0]})]);
    let other = xcher(["peers", "me"]).run().code(0);
    assert_ne!(other.out, first.out);
}

#[test]
fn an_existing_key_is_used() {
    // Alice's key of section 6.1 of RFC 7748.
    let folder = tempdir().unwrap();
    let file = folder.path().join("identity");
    fs::write(&file, "\n# mine\r\ndwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\r\n").unwrap();
    for allowed in [0o600, 0o400] {
        chmod(&file, allowed);
        let me = peers(folder.path(), &["me"]).run().code(0).quiet();
        me.out(&["hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="]);
    }
}

#[test]
fn the_keys_are_kept_in_the_data_folder_of_the_platform() {
    let home = tempdir().unwrap();
    let me = || xcher(["peers", "me"]).without("XCHER_DATA_DIR").without("XDG_DATA_HOME");
    let usual = me().env("HOME", home.path()).run().code(0).quiet();
    let identity = home.path().join(".local/share/xcher/identity");
    assert!(identity.exists(), "{usual}");
    let data = me().env("HOME", home.path()).env("XDG_DATA_HOME", home.path().join("data"));
    let data = data.run().code(0).quiet();
    assert!(home.path().join("data/xcher/identity").exists(), "{data}");
    assert_ne!(usual.out, data.out);
    let named = me().args(["--data-dir"]).args([identity.parent().unwrap()]).run().code(0);
    assert_eq!(named.out, usual.out);
    let config = home.path().join("config.toml");
    fs::write(&config, format!("data-dir = {:?}", identity.parent().unwrap())).unwrap();
    let configured = me().args(["--config"]).args([config]).run().code(0);
    assert_eq!(configured.out, usual.out);
}

#[test]
fn a_key_that_others_can_access_is_refused_and_left_unchanged() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("identity");
    peers(folder.path(), &["me"]).run().code(0);
    let text = fs::read(&file).unwrap();
    let refused = |parts: &[&str]| {
        let me = peers(folder.path(), &["me"]).run().code(4).out(&[]);
        me.one_error(parts).error(&["identity", "--data-dir"]);
        assert_eq!(fs::read(&file).unwrap(), text);
    };
    for bad_mode in [0o640, 0o604, 0o620, 0o601, 0o700, 0o4600, 0o777] {
        chmod(&file, bad_mode);
        refused(&["more than 0600", &format!("permissions {bad_mode:04o}"), "chmod 600"]);
        assert_eq!(mode(&file), bad_mode);
    }
    chmod(&file, 0o600);
    let moved = folder.path().join("moved");
    fs::rename(&file, &moved).unwrap();
    symlink("moved", &file).unwrap();
    refused(&["is a symbolic link"]);
    assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
    fs::remove_file(&file).unwrap();
    fs::rename(&moved, &file).unwrap();
    match chown(&file, Some(12345), None) {
        Ok(()) => refused(&["belongs to user 12345, not to user 0"]),
        Err(_) => not_tested("a key of another user: only root can make one"),
    }
}

#[test]
fn an_invalid_key_is_refused_and_left_unchanged() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("identity");
    let secret = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
    for bad in [
        String::new(),
        "# only a comment\n".into(),
        secret[..20].into(),
        format!("{secret}\n{secret}\n"),
        "\0".repeat(64),
    ] {
        fs::write(&file, &bad).unwrap();
        chmod(&file, 0o600);
        let me = peers(folder.path(), &["me"]).run().code(1).out(&[]);
        let me =
            me.one_error(&["does not contain a secret key (one line of 44 characters", "identity"]);
        // The error must not show what may be most of a secret.
        me.no_error(&secret[..10]);
        assert_eq!(fs::read_to_string(&file).unwrap(), bad);
    }
    fs::write(&file, "#".repeat(5000)).unwrap();
    peers(folder.path(), &["me"])
        .run()
        .code(1)
        .one_error(&["is too large: it may have at most 4096 bytes"]);
    fs::remove_file(&file).unwrap();
    // The pipe has no writer: it must not be waited for.
    let pipe = Xcher::other("mkfifo").args(["-m", "600"]).args([&file]).run();
    pipe.code(0);
    let me = peers(folder.path(), &["me"]).run().code(4);
    me.one_error(&["is not a regular file"]);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let me = peers(folder.path(), &["me"]).run().code(4);
    me.one_error(&["is not a regular file"]);
}

#[test]
fn an_unusable_folder_is_reported() {
    let folder = tempdir().unwrap();
    let (file, open) = (folder.path().join("file"), folder.path().join("open"));
    fs::write(&file, "").unwrap();
    fs::create_dir(&open).unwrap();
    let pin = ["pin", "amy", ONE];
    for args in [&["me"][..], &pin] {
        let done = peers(&file, args).run().code(4).out(&[]);
        done.one_error(&["is not a folder"]);
        let done = peers(&file.join("below"), args).run().code(1).out(&[]);
        done.one_error(&["cannot open the folder", "Not a directory"]);
    }
    for bad_mode in [0o777, 0o1777, 0o770, 0o702] {
        chmod(&open, bad_mode);
        for args in [&["me"][..], &pin, &["list"], &["forget", "--all"]] {
            let done = peers(&open, args).run().code(4).out(&[]);
            done.one_error(&["more than 0700", &format!("permissions {bad_mode:04o}")]);
        }
    }
    assert!(tree::read(&open).is_empty());
}

#[test]
fn a_read_only_folder_is_reported_and_still_read() {
    let folder = tempdir().unwrap();
    let keys = folder.path().join("keys");
    fs::create_dir(&keys).unwrap();
    // Root can write anywhere, so this needs another user.
    let is_root = rustix::process::geteuid().is_root();
    let run = |args: &[&str]| {
        if !is_root {
            return peers(&keys, args).run();
        }
        let done = Xcher::other("setpriv")
            .args(["--reuid=12345", "--clear-groups", "--"])
            .args([folder.path().join("xcher")])
            .args(["peers", "--data-dir"])
            .args([&keys])
            .args(args);
        done.run()
    };
    if is_root {
        chmod(folder.path(), 0o711);
        // Another user may have no access to the folder of the binary.
        // A child copies it: a child of another test could inherit a descriptor that this process writes
        // through, and then the copy could not be run.
        let copy = Xcher::other("cp").args([env!("CARGO_BIN_EXE_xcher")]).args([folder.path()]);
        copy.run().code(0);
        chown(&keys, Some(12345), None).unwrap();
    }
    chmod(&keys, 0o500);
    run(&["me"]).code(1).out(&[]).one_error(&["cannot write", "identity", "denied"]);
    run(&["pin", "amy", ONE]).code(1).out(&[]).one_error(&["cannot open the lock", "denied"]);
    chmod(&keys, 0o700);
    let me = run(&["me"]).code(0);
    run(&["pin", "amy", ONE]).code(0);
    chmod(&keys, 0o500);
    run(&["me"]).code(0).quiet().out(&[&me.out[0]]);
    assert_eq!(run(&["list"]).code(0).quiet().out.len(), 1);
    run(&["pin", "amy", ONE]).code(0);
    run(&["pin", "bob", ONE]).code(1).one_error(&["cannot write", "known_peers", "denied"]);
    run(&["forget", "amy"]).code(1).one_error(&["cannot write", "known_peers", "denied"]);
    assert_eq!(run(&["list"]).code(0).quiet().out.len(), 1);
    // Lets the folder be removed.
    chmod(&keys, 0o700);
}

#[test]
fn processes_that_start_at_once_share_one_key() {
    for _ in 0..5 {
        let folder = tempdir().unwrap();
        let keys = folder.path().join("keys");
        let processes: Vec<_> = (0..6).map(|_| peers(&keys, &["me"]).start()).collect();
        let keys_printed: Vec<_> =
            processes.into_iter().map(|me| me.wait().code(0).out.concat()).collect();
        assert!(
            keys_printed.iter().all(|key| *key == keys_printed[0] && key.len() == 44),
            "{keys_printed:?}"
        );
        assert_eq!(tree::read(&keys).len(), 1);
    }
}
