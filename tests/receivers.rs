//! One code for several receivers: `xcher send --to-many`.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::path::{Path, PathBuf};

use rustix::process::Signal;
use system::process::{Process, Xcher};
use system::relay::Relay;
use system::tree;
use tempfile::{TempDir, tempdir};

struct Sent {
    relay: Relay,
    folder: TempDir,
    sender: Process,
    code: String,
}

impl Sent {
    fn new(options: &[&str]) -> Self {
        let (relay, folder) = (Relay::start(), tempdir().unwrap());
        let files = [("a", tree::bytes(1, 10)), ("b", tree::bytes(2, 2_000_000))];
        tree::write(&folder.path().join("s"), files);
        let sender = relay.xcher(["send"]).args(options).args([folder.path().join("s")]).start();
        let code = match options.contains(&"--json") {
            true => sender.event(&[("event", "code")])["code"].as_str().unwrap().to_owned(),
            false => sender.until("a code", |lines| lines.out.first().cloned()),
        };
        Self { relay, folder, sender, code }
    }

    /// A receiver under this nick, and its folder.
    fn get(&self, nick: &str, options: &[&str]) -> (Xcher, PathBuf) {
        let out = self.folder.path().join(nick);
        let get = self.relay.xcher(["get", &self.code, "--yes", "--nick", nick]);
        (get.args(options).args([Path::new("-o"), &out]), out)
    }

    fn received(&self, out: &Path) -> bool {
        tree::finished(&out.join("s")) == tree::read(&self.folder.path().join("s"))
    }
}

#[test]
fn a_code_serves_as_many_receivers_as_it_says() {
    let sent = Sent::new(&["--to-many", "3"]);
    sent.sender.err("the code is for 3 receivers");
    for (nick, count) in [("amy", 1), ("bob", 2)] {
        let (get, out) = sent.get(nick, &[]);
        get.run().code(0);
        assert!(sent.received(&out));
        sent.sender.err(&format!("{nick} has everything; {count} of 3 receivers have everything"));
    }
    // A part of the files is everything to those who want no more.
    let (get, _) = sent.get("cid", &["s/a"]);
    get.run().code(0);
    let sender = sent.sender.wait().code(0).error(&["cid has everything; 3 of 3 receivers"]);
    sender.error(&["sent 5 files (3.81 MiB); 3 receivers have everything"]);
    let get = sent.relay.xcher(["get", &sent.code, "--yes", "-o"]).args([sent.folder.path()]);
    get.run().code(3).one_error(&["no sender is online for this code"]);
}

#[test]
fn receivers_fetch_at_the_same_time() {
    let sent = Sent::new(&["--to-many", "3", "--limit-send", "2mb"]);
    let gets: Vec<_> = ["amy", "bob", "cid"].map(|nick| sent.get(nick, &["--json"])).into();
    let gets: Vec<_> = gets.into_iter().map(|(get, out)| (get.start(), out)).collect();
    for (get, _) in &gets {
        get.event(&[("event", "transfer"), ("state", "progress")]);
    }
    for (get, out) in gets {
        get.wait().code(0);
        assert!(sent.received(&out));
    }
    sent.sender.wait().code(0).error(&["3 of 3 receivers have everything"]);
}

#[test]
fn a_slow_receiver_does_not_keep_others_waiting() {
    let sent = Sent::new(&["--to-many", "2"]);
    let (slow, _) = sent.get("amy", &["--json", "--limit-receive", "16kb"]);
    let slow = slow.start();
    slow.event(&[("event", "transfer"), ("state", "progress")]);
    sent.get("bob", &[]).0.run().code(0);
    sent.sender.err("bob has everything; 1 of 2 receivers have everything");
    // It is stopped in the middle, and resumes.
    slow.stop(Signal::TERM).code(1);
    sent.sender.err("the code is still valid");
    let (get, out) = sent.get("amy", &[]);
    get.run().code(0);
    assert!(sent.received(&out));
    sent.sender.wait().code(0).error(&["amy has everything; 2 of 2 receivers have everything"]);
}

#[test]
fn a_receiver_that_failed_or_returns_counts_once() {
    let sent = Sent::new(&["--to-many", "2", "--json"]);
    let (get, out) = sent.get("amy", &["--on-conflict", "fail"]);
    tree::write(&out, [("s/a", "other")]);
    get.run().code(1);
    let receiver = |state: &str, complete: &str| {
        sent.sender.until(state, |lines| {
            let has = |line: &&String| {
                line.contains("\"event\":\"receiver\"") && line.contains(&format!("\"{state}\""))
            };
            lines.out.iter().filter(has).find(|line| line.contains(complete)).cloned()
        })
    };
    receiver("incomplete", "\"complete\":0,\"of\":2");
    std::fs::remove_file(out.join("s/a")).unwrap();
    sent.get("amy", &[]).0.run().code(0);
    receiver("complete", "\"complete\":1,\"of\":2");
    sent.get("amy", &[]).0.run().code(0);
    sent.sender.err("amy had everything; 1 of 2 receivers");
    sent.get("bob", &[]).0.run().code(0);
    let sender = sent.sender.wait().code(0);
    let sums = sender.events().into_iter().filter(|event| event["event"] == "sent");
    let sums: Vec<_> = sums.map(|event| event["confirmed"].clone()).collect();
    assert_eq!(sums, [4], "{sender}");
}

#[test]
fn zero_serves_until_stopped() {
    let sent = Sent::new(&["--to-many", "0"]);
    sent.sender.err("the code is valid until you stop this command");
    for nick in ["amy", "bob"] {
        sent.get(nick, &[]).0.run().code(0);
    }
    sent.sender.err("2 receivers have everything");
    let sender = sent.sender.stop(Signal::INT).code(0);
    sender.error(&["sent 4 files (3.81 MiB); 2 receivers have everything"]);
}

#[test]
fn stopping_before_the_last_receiver_is_an_error() {
    let sent = Sent::new(&["--to-many", "2"]);
    sent.get("amy", &[]).0.run().code(0);
    sent.sender.err("1 of 2 receivers have everything");
    sent.sender.stop(Signal::TERM).code(1).error(&["xcher: 1 of 2 receivers have everything"]);
}

#[test]
fn wrong_codes_count_for_all_receivers_together() {
    let sent = Sent::new(&["--to-many", "5"]);
    sent.get("amy", &[]).0.run().code(0);
    let number = sent.code.split('-').next().unwrap();
    let words = ["crossover-clockwork-universe", "adroitness-aardvark-adroitness"];
    let words = words.iter().find(|words| !sent.code.ends_with(*words)).unwrap();
    for attempt in 0..10 {
        let get = ["get", &format!("{number}-{words}"), "--yes", "-o"];
        sent.relay.xcher(get).args([sent.folder.path()]).run().code(5);
        if attempt == 8 {
            sent.sender.err("a peer tried a wrong code; 1 try is left");
        }
    }
    let sender = sent.sender.wait().code(5);
    sender.error(&["after 10 wrong tries, and 1 of 5 receivers have everything"]);
}

#[test]
fn to_many_needs_a_code_and_files() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("a", "a")]);
    let send =
        |args: &[&str]| relay.xcher(["send", "--to-many", "2"]).args(args).dir(folder.path());
    send(&["kim", "a"]).run().code(2).one_error(&["--to-many is for a code"]);
    send(&["-"]).run().code(2).one_error(&["standard input (-) can be sent once"]);
    let send = relay.xcher(["send", "--to-many", "-1", "a"]).dir(folder.path()).run();
    send.code(2);
}
