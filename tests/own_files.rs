//! A host never shares its own configuration, whichever file that is and however it is reached.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::path::Path;

use system::process::Xcher;
use system::relay::Relay;
use system::tree;
use tempfile::tempdir;

/// Shares a whole folder with `share`. Expects that `home/plain` alone is listed and that none of the `own`
/// files can be requested or sent.
#[track_caller]
fn shows_the_plain_file_alone(relay: &Relay, home: &Path, share: impl Fn() -> Xcher, own: &[&str]) {
    let bob = share().args(["share", "--hidden", "--nick", "bob"]).args([home]).start();
    bob.out("online ");
    let ls = relay.xcher(["ls", "bob"]).run().code(0);
    let files: Vec<_> = ls.out.iter().filter(|line| !line.ends_with('/')).collect();
    assert_eq!(files, ["1\thome/plain"], "{ls}");
    for name in own {
        relay.xcher(["check", "bob", &format!("home/{name}")]).run().code(1);
        let sent = share().args(["send"]).args([home.join(name)]).run().code(2).out(&[]);
        sent.one_error(&["this program keeps its keys"]);
    }
}

#[test]
fn default_configuration_is_not_shared() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let home = folder.path().join("home");
    let config = format!("relay = \"{}\"\n", relay.address);
    tree::write(&home, [("plain", "p"), (".config/xcher/config.toml", &config)]);
    fs::hard_link(home.join(".config/xcher/config.toml"), home.join("linked.toml")).unwrap();
    let share = || {
        let own = Xcher::other(env!("CARGO_BIN_EXE_xcher")).without("XDG_CONFIG_HOME");
        own.env("HOME", &home)
    };
    let own = [".config/xcher/config.toml", ".config/xcher", "linked.toml"];
    shows_the_plain_file_alone(&relay, &home, share, &own);
}

#[test]
fn named_configuration_is_not_shared() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let home = folder.path().join("home");
    tree::write(
        &home,
        [
            ("plain", "p"),
            ("some/settings", "quiet = false\n"),
            // The default configuration, of other runs.
            (".config/xcher/config.toml", "quiet = false\n"),
        ],
    );
    fs::hard_link(home.join("some/settings"), home.join("linked")).unwrap();
    let own = ["some/settings", "linked", ".config/xcher/config.toml"];
    let named = |by_option: bool| {
        let relay = &relay;
        let home = &home;
        move || {
            let file = home.join("some/settings");
            let share = relay.xcher([""; 0]).without("XDG_CONFIG_HOME").env("HOME", home);
            match by_option {
                true => share.args(["--config"]).args([file]),
                false => share.env("XCHER_CONFIG", file),
            }
        }
    };
    shows_the_plain_file_alone(&relay, &home, named(true), &own);
    shows_the_plain_file_alone(&relay, &home, named(false), &own);
}

/// The file is created and linked while the folder is shared.
#[test]
fn configuration_created_later_is_not_shared() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let home = folder.path().join("home");
    tree::write(&home, [("plain", "p")]);
    for (nick, before) in [("bob", false), ("amy", true)] {
        let config = home.join(".config/xcher");
        if before {
            fs::remove_file(home.join("linked.toml")).unwrap();
            fs::remove_file(config.join("config.toml")).unwrap();
        }
        let share = relay.xcher(["share", "--hidden", "--nick", nick]).without("XDG_CONFIG_HOME");
        let share = share.env("HOME", &home).args([&home]).start();
        share.out("online ");
        tree::write(&home, [(".config/xcher/config.toml", "quiet = false\n")]);
        fs::hard_link(config.join("config.toml"), home.join("linked.toml")).unwrap();
        let ls = relay.xcher(["ls", nick]).run().code(0);
        let files: Vec<_> = ls.out.iter().filter(|line| !line.ends_with('/')).collect();
        assert_eq!(files, ["1\thome/plain"], "{ls}");
        for name in ["home/.config/xcher/config.toml", "home/linked.toml"] {
            relay.xcher(["check", nick, name]).run().code(1);
        }
    }
}
