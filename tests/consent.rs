//! `get` shows the files and asks before it writes anything.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs::{self, File};
use std::path::Path;

use rustix::process::Signal;
use system::process::Process;
use system::relay::Relay;
use system::terminal::Terminal;
use system::tree;
use tempfile::{TempDir, tempdir};

/// A sender of the folder `s`, and a folder to receive into.
struct Sent {
    relay: Relay,
    folder: TempDir,
    sender: Process,
    code: String,
}

impl Sent {
    fn new<N: AsRef<str>>(files: impl IntoIterator<Item = (N, &'static str)>) -> Self {
        let folder = tempdir().unwrap();
        tree::write(&folder.path().join("s"), files);
        Self::of(folder)
    }

    fn of(folder: TempDir) -> Self {
        let relay = Relay::start();
        let sender = relay.xcher(["send"]).args([folder.path().join("s")]).start();
        let code = sender.until("a code", |lines| lines.out.first().cloned());
        fs::create_dir(folder.path().join("out")).unwrap();
        Self { relay, folder, sender, code }
    }

    fn out(&self) -> std::path::PathBuf {
        self.folder.path().join("out")
    }

    fn get(&self, options: &[&str]) -> Terminal {
        let get = self.relay.xcher(["get", &self.code, "-o"]).args([self.out()]).args(options);
        Terminal::start(get)
    }
}

/// Names of the files in a folder, which must hold no partial file.
#[track_caller]
fn names(out: &Path) -> Vec<String> {
    assert!(!out.join(tree::PARTIAL).exists(), "a partial file is left");
    tree::read(out).into_keys().collect()
}

const QUESTION: &str = "Fetch? [y/N, or which: 1,3-5 or *.jpg] ";

#[test]
fn answering_no_writes_nothing() {
    for answer in ["", "n", "No"] {
        let sent = Sent::new([("a/1.jpg", "12345"), ("b", "")]);
        let mut get = sent.get(&[]);
        let screen = get.shows(QUESTION);
        for part in [
            "1         5 B  s/a/1.jpg\r\n",
            "2         0 B  s/b\r\n",
            "2 files, 5 B; ",
            " free in ",
        ] {
            assert!(screen.contains(part), "{part:?}\n{screen}");
        }
        assert!(screen.contains("the session is encrypted: key "), "{screen}");
        assert_eq!(names(&sent.out()), [""; 0]);
        get.types(answer);
        let get = get.wait().code(1);
        assert!(get.screen.contains("nothing was fetched") && get.out.is_empty());
        assert_eq!(names(&sent.out()), [""; 0]);
        sent.sender.wait().code(1).error(&["the peer fetched nothing"]);
    }
}

/// A requester that disconnects at the question may return: only an explicit no declines.
#[test]
fn disconnecting_at_the_question_does_not_decline() {
    let sent = Sent::new([("a", "1")]);
    let get = sent.get(&[]);
    get.shows(QUESTION);
    // Dropped, it is killed.
    drop(get);
    sent.sender.err("connection closed");
    let mut get = sent.get(&[]);
    get.shows(QUESTION);
    get.types("y");
    get.wait().code(0);
    sent.sender.wait().code(0).error(&["sent 1 file"]);
}

#[test]
fn yes_numbers_and_patterns_select_files() {
    let all = ["s/a/1.jpg", "s/a/2.JPG", "s/b", "s/c d"];
    for (answer, wanted) in [
        ("y", &all[..]),
        ("YES", &all),
        ("2", &all[1..2]),
        ("1,3-", &["s/a/1.jpg", "s/b", "s/c d"]),
        ("*.jpg", &all[..2]),
        ("s/a/", &all[..2]),
        ("c d", &all[3..]),
    ] {
        let sent = Sent::new([("a/1.jpg", "1"), ("a/2.JPG", "2"), ("b", ""), ("c d", "4")]);
        let mut get = sent.get(&[]);
        get.shows(QUESTION);
        get.types(answer);
        let mut out = get.wait().code(0).out;
        out.sort();
        let paths = wanted.iter().map(|name| sent.out().join(name).to_str().unwrap().to_owned());
        assert_eq!(out, paths.collect::<Vec<_>>(), "{answer}");
        assert_eq!(names(&sent.out()), wanted, "{answer}");
        sent.sender.wait().code(0).error(&[&format!("sent {} file", wanted.len())]);
    }
}

#[test]
fn an_invalid_answer_repeats_the_question() {
    let sent = Sent::new([("a", "1"), ("b", "2")]);
    let mut get = sent.get(&[]);
    get.shows(QUESTION);
    for (answer, why) in [
        ("7", "there is no file 7; choose from 1 to 2"),
        ("1,9", "there is no file 9; choose from 1 to 2"),
        ("x*", "no file matches"),
        ("1-2-3", "not a number or range: 1-2-3"),
        ("[a", "not a pattern ("),
    ] {
        get.types(answer);
        let screen = get.shows(why);
        assert!(screen.contains(why));
    }
    get.types("2");
    get.wait().code(0);
    assert_eq!(names(&sent.out()), ["s/b"]);
}

#[test]
fn existing_files_are_shown_before_the_question() {
    for (how, note, after) in [
        ("rename", "(name taken: gets a number)", &["s/a", "s/a (1)", "s/b"][..]),
        ("overwrite", "(REPLACES the existing file)", &["s/a", "s/b"]),
        ("skip", "(name taken: skipped)", &["s/a", "s/b"]),
    ] {
        let sent = Sent::new([("a", "new"), ("b", "2")]);
        tree::write(&sent.out(), [("s/a", "old")]);
        let mut get = sent.get(&["--on-conflict", how]);
        let screen = get.shows(QUESTION);
        assert!(screen.contains(&format!("3 B  s/a  {note}\r\n")), "{screen}");
        assert!(screen.contains("; 1 name is taken;"), "{screen}");
        get.types("y");
        get.wait().code(0);
        assert_eq!(names(&sent.out()), after);
        let content = fs::read(sent.out().join("s/a")).unwrap();
        assert_eq!(content, if how == "overwrite" { b"new" } else { b"old" });
    }
}

#[test]
fn files_that_are_here_already_are_not_fetched_again() {
    let sent = Sent::new([("a", "1"), ("b", "2")]);
    let out = sent.out();
    let mut get = sent.get(&[]);
    get.shows(QUESTION);
    get.types("1");
    get.wait().code(0);
    sent.sender.wait().code(0);
    // Sends the same folder again, under another code.
    let again = sent.relay.xcher(["send"]).args([sent.folder.path().join("s")]).start();
    let code = again.until("a code", |lines| lines.out.first().cloned());
    let get = sent.relay.xcher(["get", &code, "-o"]).args([&out]);
    let mut get = Terminal::start(get);
    let screen = get.shows(QUESTION);
    assert!(screen.contains("s/a  (exists already)\r\n"), "{screen}");
    assert!(screen.contains("  1 file, 1 B; 1 file exists already; "), "{screen}");
    get.types("y");
    assert_eq!(get.wait().code(0).out.len(), 2);
    assert_eq!(names(&out), ["s/a", "s/b"]);
    again.wait().code(0).error(&["sent 1 file (1 B)"]);
    // With every file here already, there is nothing to ask.
    let again = sent.relay.xcher(["send"]).args([sent.folder.path().join("s")]).start();
    let code = again.until("a code", |lines| lines.out.first().cloned());
    let get = Terminal::start(sent.relay.xcher(["get", &code, "-o"]).args([&out])).wait().code(0);
    assert!(get.screen.contains("no new files; 2 already here"), "{}", get.screen);
    assert_eq!(get.out.len(), 2);
}

#[test]
fn a_long_list_is_shown_in_parts() {
    let sent = Sent::new((1..=50).map(|n| (format!("{n:02}"), "")));
    let mut get = sent.get(&[]);
    let screen = get.shows("; m shows more] ");
    assert!(
        screen.contains("  20         0 B  s/20\r\n  … and 30 more\r\n  50 files, 0 B; "),
        "{screen}"
    );
    assert!(!screen.contains("s/21"), "{screen}");
    get.types("m");
    let screen = get.shows("… and 10 more");
    assert!(screen.contains("s/40") && !screen.contains("s/41"), "{screen}");
    get.types("m");
    get.shows(" s/50\r\n");
    get.types("41-");
    get.wait().code(0);
    assert_eq!(names(&sent.out()).len(), 10);
}

#[test]
fn too_little_space_is_reported_before_the_question() {
    let folder = tree::room_for(1 << 20);
    fs::create_dir(folder.path().join("s")).unwrap();
    fs::write(folder.path().join("s/small"), "1").unwrap();
    // A sparse file, with a length and no bytes.
    let huge = File::create(folder.path().join("s/huge")).unwrap();
    huge.set_len(1 << 42).unwrap();
    let sent = Sent::of(folder);
    let mut get = sent.get(&[]);
    let screen = get.shows(QUESTION);
    assert!(screen.contains("NOT ENOUGH DISK SPACE: "), "{screen}");
    get.types("y");
    get.shows("Fetch anyway? [y/N] ");
    get.types("n");
    assert!(get.wait().code(1).screen.contains("nothing was fetched"));
    assert_eq!(names(&sent.out()), [""; 0]);
    sent.sender.stop(Signal::TERM);
}

#[test]
fn the_yes_option_does_not_overfill_a_disk_and_fewer_files_may_fit() {
    let folder = tree::room_for(1 << 20);
    fs::create_dir(folder.path().join("s")).unwrap();
    fs::write(folder.path().join("s/small"), "1").unwrap();
    let huge = File::create(folder.path().join("s/huge")).unwrap();
    huge.set_len(1 << 42).unwrap();
    let sent = Sent::of(folder);
    let all = sent.relay.xcher(["get", &sent.code, "--yes", "-o"]).args([sent.out()]).run();
    all.code(1).error(&[": 4.00 TiB needed, ", " short"]);
    assert_eq!(names(&sent.out()), [""; 0]);
    // Nothing was declined: the code stays valid for a user who makes room or chooses fewer files.
    sent.sender.err("the code is still valid");
    let get = sent.relay.xcher(["get", &sent.code, "-o"]).args([sent.folder.path().join("out")]);
    let mut get = Terminal::start(get);
    get.shows(QUESTION);
    get.types("small");
    get.wait().code(0);
    assert_eq!(names(&sent.folder.path().join("out")), ["s/small"]);
}

#[test]
fn get_prompts_for_a_code() {
    let sent = Sent::new([("a", "1")]);
    let mut get = Terminal::start(sent.relay.xcher(["get", "-o"]).args([sent.out()]));
    get.shows("Code, such as 4821-crossover-clockwork-universe: ");
    get.types(&sent.code.replace('-', " "));
    get.shows(QUESTION);
    get.types("y");
    get.wait().code(0);
    assert_eq!(names(&sent.out()), ["s/a"]);
}

#[test]
fn a_terminal_shows_a_qr_code_of_the_link() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("file", "1")]);
    let send = |options: &[&str]| {
        let command = system::process::xcher(["send", "--relay", &relay.tunnel()]).args(options);
        let send = Terminal::start(command.args([folder.path().join("file")]));
        let code = send.says("\n").trim_end().to_owned();
        let shown = send.shows(&format!("/#{code}\r\n"));
        (send, shown, code)
    };
    let (with_qr, ..) = send(&[]);
    with_qr.shows("█▀▀▀▀▀█");
    let (without_qr, _, code) = send(&["--no-qr"]);
    let out = folder.path().join("out");
    let get = relay.xcher(["get", &code, "--yes", "-o"]).args([&out]).run();
    get.code(0);
    assert!(!without_qr.wait().code(0).screen.contains('█'));
}
