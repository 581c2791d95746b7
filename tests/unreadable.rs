//! A file that cannot be read any more when it is asked for: a NO and the reason, and no data connection.

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

/// Too large for a batch.
const SIZE: usize = (256 << 10) + 1;
const WHY: &str = "s/large: could not send it whole: cannot read it: Permission denied";

struct Shared {
    relay: Relay,
    folder: TempDir,
    home: TempDir,
}

impl Shared {
    fn new() -> Self {
        let (relay, folder, home) = (Relay::start(), open_tempdir(), open_tempdir());
        tree::write(&folder.path().join("s"), [("large", tree::bytes(1, SIZE))]);
        Self { relay, folder, home }
    }

    fn large(&self) -> PathBuf {
        self.folder.path().join("s/large")
    }

    /// A command of whoever cannot read everything, about the folder.
    fn xcher(&self, command: &[&str]) -> Option<Xcher> {
        let (address, folder) = (self.relay.address.to_string(), self.folder.path().join("s"));
        let args = [&["--relay", &address], command, &[folder.to_str().unwrap()]].concat();
        as_other(self.home.path(), args)
    }
}

/// The sender says why, once.
#[track_caller]
fn said_once(sent: Done) {
    let lines = sent.err.iter().filter(|line| line.contains(WHY)).count();
    assert_eq!(lines, 1, "{sent}");
}

#[test]
fn who_fetches_by_a_code_gets_a_no_at_once() {
    let shared = Shared::new();
    let Some(sender) = shared.xcher(&["send", "--no-qr"]) else { return };
    let sender = sender.start();
    let code = sender.until("a code", |lines| lines.out.first().cloned());
    let get = shared.relay.xcher(["get", &code, "-o"]).args([shared.folder.path().join("out")]);
    let mut get = Terminal::start(get);
    get.shows("Fetch?");
    close(&shared.large());
    get.types("y");
    let get = get.wait().code(1);
    assert!(get.screen.contains("s/large: the other side said NO"), "{}", get.screen);
    sender.err("1 file did not arrive; the code is still good");
    said_once(sender.stop(rustix::process::Signal::TERM).code(1));
}

#[test]
fn who_is_offered_it_gets_a_no_too_though_the_sender_would_listen() {
    let shared = Shared::new();
    let kim = shared.relay.xcher(["receive", "--once", "--nick", "kim", "-o"]);
    let mut kim = Terminal::start(kim.args([shared.folder.path().join("out")]));
    kim.says("online ");
    let Some(sender) = shared.xcher(&["send", "--to", "kim"]) else { return };
    let sender = sender.start();
    kim.shows("Fetch?");
    close(&shared.large());
    kim.types("y");
    let kim = kim.wait().code(1);
    assert!(kim.screen.contains("s/large: the other side said NO"), "{}", kim.screen);
    said_once(sender.wait().code(1));
}

#[test]
fn a_peer_of_the_six_packets_gets_its_no_and_no_connection() {
    let shared = Shared::new();
    let Some(bob) = shared.xcher(&["share", "--nick", "bob"]) else { return };
    let bob = bob.start();
    bob.out("online ");
    let mut control = Chat::join(shared.relay.address, "amy").call("bob");
    control.say("X_FILELIST\n");
    control.hears(&format!("X_FILELIST s/large {SIZE}"));
    control.hears("X_FILELIST EOF EOF");
    close(&shared.large());
    let port = Port::open();
    control.say(format!("X_REQUEST s/large {SIZE} {}\n", port.number()));
    control.hears("X_CHK s/large NO");
    port.is_untouched();
}
