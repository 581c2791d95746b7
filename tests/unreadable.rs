//! A file that has become unreadable is refused with the reason, and without a data connection.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::path::PathBuf;

use system::other_user::{as_other, close, open_tempdir};
use system::process::{Done, Xcher};
use system::relay::Relay;
use system::terminal::Terminal;
use system::tree;
use system::wire::{Chat, Port};
use tempfile::TempDir;

/// Above the size limit of a batch.
const SIZE: usize = (256 << 10) + 1;
const REASON: &str = "s/large: not sent completely: it cannot be read: Permission denied";

struct Setup {
    relay: Relay,
    folder: TempDir,
    home: TempDir,
}

impl Setup {
    fn new() -> Self {
        let (relay, folder, home) = (Relay::start(), open_tempdir(), open_tempdir());
        tree::write(&folder.path().join("s"), [("large", tree::bytes(1, SIZE))]);
        Self { relay, folder, home }
    }

    fn large(&self) -> PathBuf {
        self.folder.path().join("s/large")
    }

    /// Builds a command on the folder, of a user that cannot read every file.
    fn xcher(&self, command: &[&str]) -> Option<Xcher> {
        let (address, folder) = (self.relay.address.to_string(), self.folder.path().join("s"));
        let args = [&["--relay", &address], command, &[folder.to_str().unwrap()]].concat();
        as_other(self.home.path(), args)
    }
}

/// Expects that the sender gave the reason once.
#[track_caller]
fn assert_reported_once(sent: Done) {
    let lines = sent.err.iter().filter(|line| line.contains(REASON)).count();
    assert_eq!(lines, 1, "{sent}");
}

#[test]
fn requester_with_a_code_gets_a_no_at_once() {
    let setup = Setup::new();
    let Some(sender) = setup.xcher(&["send", "--no-qr"]) else { return };
    let sender = sender.start();
    let code = sender.until("a code", |lines| lines.out.first().cloned());
    let get = setup.relay.xcher(["get", &code, "-o"]).args([setup.folder.path().join("out")]);
    let mut get = Terminal::start(get);
    get.shows("Fetch?");
    close(&setup.large());
    get.types("y");
    let get = get.wait().code(1);
    assert!(get.screen.contains("s/large: the peer refused"), "{}", get.screen);
    sender.err("1 file did not arrive; the code is still valid");
    assert_reported_once(sender.stop(rustix::process::Signal::TERM).code(1));
}

#[test]
fn receiver_of_an_offer_gets_a_no_at_once() {
    let setup = Setup::new();
    let kim = setup.relay.xcher(["receive", "--once", "--nick", "kim", "-o"]);
    let mut kim = Terminal::start(kim.args([setup.folder.path().join("out")]));
    kim.says("online ");
    let Some(sender) = setup.xcher(&["send", "--to", "kim"]) else { return };
    let sender = sender.start();
    kim.shows("Fetch?");
    close(&setup.large());
    kim.types("y");
    let kim = kim.wait().code(1);
    assert!(kim.screen.contains("s/large: the peer refused"), "{}", kim.screen);
    assert_reported_once(sender.wait().code(1));
}

#[test]
fn base_protocol_peer_gets_a_no_and_no_connection() {
    let setup = Setup::new();
    let Some(bob) = setup.xcher(&["share", "--nick", "bob"]) else { return };
    let bob = bob.start();
    bob.out("online ");
    let mut control = Chat::join(setup.relay.address, "amy").call("bob");
    control.say("X_FILELIST\n");
    control.hears(&format!("X_FILELIST s/large {SIZE}"));
    control.hears("X_FILELIST EOF EOF");
    close(&setup.large());
    let port = Port::open();
    control.say(format!("X_REQUEST s/large {SIZE} {}\n", port.number()));
    control.hears("X_CHK s/large NO");
    port.is_untouched();
}
