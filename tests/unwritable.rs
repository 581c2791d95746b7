//! Home and receiving folders that cannot be written, and a missing home.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use system::other_user::{as_other, open_tempdir};
use system::process::Process;
use system::relay::Relay;
use system::terminal::Terminal;
use system::tree;

fn read_only(folder: &std::path::Path) {
    fs::create_dir_all(folder).unwrap();
    fs::set_permissions(folder, Permissions::from_mode(0o555)).unwrap();
}

fn code_of(sender: &Process) -> String {
    sender.until("a code", |lines| lines.out.first().cloned())
}

/// The key is not stored, and everything else works.
#[test]
fn uses_a_temporary_key_without_a_writable_home() {
    let (relay, folder, home) = (Relay::start(), open_tempdir(), open_tempdir());
    tree::write(folder.path(), [("file", "12345")]);
    let _bob = relay.share("bob", &folder.path().join("file"));
    let closed = folder.path().join("home");
    read_only(&closed);
    let at = relay.address.to_string();
    let get = ["--relay", &at, "get", "bob", "file", "--on-conflict", "overwrite", "-o"];
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::set_permissions(&out, Permissions::from_mode(0o777)).unwrap();
    for has_home in [true, false] {
        let Some(get) = as_other(home.path(), get) else { return };
        let get = get.args([&out]).without("XCHER_DATA_DIR").without("XDG_DATA_HOME");
        let get = if has_home { get.env("HOME", &closed) } else { get.without("HOME") };
        let get = get.run().code(0).error(&["cannot store a key", "for this run only"]);
        get.out(&[out.join("file").to_str().unwrap()]);
        assert_eq!(fs::read(out.join("file")).unwrap(), b"12345");
        assert_eq!(fs::read_dir(&closed).unwrap().count(), 0);
    }
}

/// Otherwise a user would accept files that cannot be stored.
#[test]
fn reports_an_unwritable_folder_before_it_asks() {
    let (relay, folder, home) = (Relay::start(), open_tempdir(), open_tempdir());
    tree::write(folder.path(), [("file", "12345")]);
    let out = folder.path().join("out");
    read_only(&out);
    let (at, out) = (relay.address.to_string(), out.to_str().unwrap().to_owned());
    let sender = relay.xcher(["send", "--no-qr"]).args([folder.path().join("file")]).start();
    let code = code_of(&sender);
    let file = folder.path().join("file").to_str().unwrap().to_owned();
    for command in [
        &["get", &code, "-o", &out][..],
        &["receive", "--nick", "kim", "-o", &out],
        &["share", "--yes", "--nick", "amy", "-o", &out, &file],
    ] {
        let args = [&["--relay", &at], command].concat();
        let Some(command) = as_other(home.path(), args) else { return };
        let finished = Terminal::start(command).wait();
        assert!(!finished.screen.contains("Fetch?"), "{}", finished.screen);
        assert!(finished.screen.contains("ermission denied"), "{}", finished.screen);
        finished.code(1);
    }
}

/// Nothing is sent, since no peer fetches it.
#[test]
fn warns_if_the_whole_file_system_is_shared() {
    let relay = Relay::start();
    let bob = relay.xcher(["share", "--nick", "bob", "/"]).start();
    bob.err("WARNING: sharing all of ");
}
