//! Files that a receiver wanted but did not request are named by the sender, with the reason, and the code
//! stays valid for them.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs::{self, File};
use std::path::PathBuf;

use rustix::process::Signal;
use system::process::{Done, Process};
use system::relay::Relay;
use system::terminal::Terminal;
use system::tree;
use tempfile::{TempDir, tempdir};

/// A sender of files by a code, and a folder to receive into.
struct Setup {
    relay: Relay,
    folder: TempDir,
    sender: Process,
    code: String,
}

impl Setup {
    fn new(folder: TempDir, names: &[&str]) -> Self {
        let relay = Relay::start();
        let paths = names.iter().map(|name| folder.path().join("home").join(name));
        let sender = relay.xcher(["send", "--no-qr"]).args(paths).start();
        let code = sender.until("a code", |lines| lines.out.first().cloned());
        Self { relay, folder, sender, code }
    }

    fn of(files: &[(&str, &str)], names: &[&str]) -> Self {
        let folder = tempdir().unwrap();
        tree::write(&folder.path().join("home"), files.iter().copied());
        Self::new(folder, names)
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn get(&self, options: &[&str]) -> Done {
        self.relay.xcher(["get", &self.code, "-o"]).args([self.out()]).args(options).run()
    }
}

#[test]
fn sender_names_files_that_a_rule_refused_and_the_code_stays_valid() {
    let setup = Setup::of(&[(".bashrc", "rc"), ("plain", "p")], &[".bashrc", "plain"]);
    setup.get(&["--yes"]).code(4).error(&[".bashrc: not stored", "--hidden stores it"]);
    setup.sender.err(".bashrc: the peer does not allow this name");
    setup.sender.err("1 file did not arrive; the code is still valid");
    setup.get(&["--yes", "--hidden"]).code(0);
    assert_eq!(tree::read(&setup.out()).into_keys().collect::<Vec<_>>(), [".bashrc", "plain"]);
    setup.sender.wait().code(0).error(&["sent 2 files (3 B); the peer has stored everything"]);
}

#[test]
fn code_stays_valid_if_a_rule_refused_every_file() {
    let setup = Setup::of(&[(".ssh/id", "key"), (".ssh/config", "c")], &[".ssh"]);
    setup.get(&["--yes"]).code(4);
    setup.sender.err(".ssh/id: the peer does not allow this name");
    setup.sender.err("2 files did not arrive; the code is still valid");
    // A sender stopped now has failed.
    let sender = setup.sender.stop(Signal::INT).code(1);
    sender.error(&["2 files did not arrive"]);
}

#[test]
fn files_that_a_user_declined_do_not_count_as_missing() {
    let setup = Setup::of(&[(".bashrc", "rc"), ("plain", "p")], &[".bashrc", "plain"]);
    let get = setup.relay.xcher(["get", &setup.code, "-o"]).args([setup.out()]);
    let mut get = Terminal::start(get);
    get.shows("Fetch?");
    get.types("plain");
    get.wait().code(0);
    setup
        .sender
        .wait()
        .code(0)
        .error(&["sent 1 file (1 B); the peer has stored everything"])
        .no_error(".bashrc");
}

#[test]
fn sender_names_each_file_that_did_not_fit_on_the_disk() {
    let folder = tree::room_for(1 << 20);
    tree::write(&folder.path().join("home/s"), [("small", "1"), ("other", "2")]);
    // A sparse file.
    File::create(folder.path().join("home/s/huge")).unwrap().set_len(1 << 42).unwrap();
    let setup = Setup::new(folder, &["s"]);
    setup.get(&["--yes"]).code(1).error(&[": 4.00 TiB needed, "]);
    for name in ["s/huge", "s/other", "s/small"] {
        setup.sender.err(&format!("{name}: no space left on the peer's disk"));
    }
    setup.sender.err("3 files did not arrive; the code is still valid");
}

#[test]
fn sender_names_the_files_of_a_question_that_was_interrupted() {
    let setup = Setup::of(&[("s/a", "1"), ("s/b", "2"), ("s/c", "3")], &["s"]);
    fs::create_dir_all(setup.out()).unwrap();
    let get = setup.relay.xcher(["get", &setup.code, "-o"]).args([setup.out()]);
    let get = Terminal::start(get);
    get.shows("Fetch?");
    get.signal(Signal::INT);
    get.wait().code(1);
    setup.sender.err("s/b: cancelled by the peer");
    setup.sender.err("3 files did not arrive; the code is still valid");
    setup.get(&["--yes"]).code(0);
    setup.sender.wait().code(0);
}

#[test]
fn sender_names_files_whose_name_is_taken_if_that_is_an_error() {
    let setup = Setup::of(&[("s/a", "1"), ("s/b", "2")], &["s"]);
    tree::write(&setup.out(), [("s/a", "mine")]);
    setup.get(&["--yes", "--on-conflict", "fail"]).code(1);
    setup.sender.err("s/a: the peer already has a file of this name");
    setup.sender.err("1 file did not arrive; the code is still valid");
}

#[test]
fn sender_gives_no_count_if_nothing_was_requested() {
    let setup = Setup::of(&[("s/a", "1"), ("s/b", "2"), ("s/c", "3")], &["s"]);
    let get = setup.relay.xcher(["get", &setup.code, "--yes", "-o", "-"]).run().code(2);
    get.error(&["standard output takes one file, not 3"]);
    setup.sender.err("the peer stopped before it fetched anything; the code is still valid");
}
