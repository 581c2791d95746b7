//! Offers of files to a nick: `xcher send NICK PATH`.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod seed_peer;
mod system;

use std::path::{Path, PathBuf};

use rustix::process::Signal;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::terminal::Terminal;
use system::tree;
use tempfile::{TempDir, tempdir};

/// Returns a relay, a folder with two files in `s`, and a path to receive into.
fn setup() -> (Relay, TempDir, PathBuf) {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/a/1.jpg", "12345"), ("s/b", "")]);
    let out = folder.path().join("out");
    (relay, folder, out)
}

fn receive(relay: &Relay, out: &Path) -> Xcher {
    relay.xcher(["receive", "--nick", "kim", "-o"]).args([out])
}

fn started(command: Xcher) -> Process {
    let process = command.start();
    process.out("online ");
    process
}

fn send(relay: &Relay, folder: &TempDir) -> Xcher {
    relay.xcher(["send", "kim", "s", "--nick", "amy"]).dir(folder.path())
}

const QUESTION: &str = "Fetch? [y/N, or which: 1,3-5 or *.jpg]";

#[test]
fn receiver_accepts_every_offer_with_yes() {
    let (relay, folder, out) = setup();
    let kim = started(receive(&relay, &out).args(["--yes"]));
    let done = send(&relay, &folder).run().code(0).out(&[]);
    done.error(&["waiting for kim to accept"])
        .error(&["sent 2 files (5 B)"])
        .session_line(&["the session is encrypted"]);
    let path = |name: &str| format!("{}/s/{name}", out.display());
    kim.out(&path("a/1.jpg"));
    kim.out(&path("b"));
    assert!(tree::read(&out.join("s")) == tree::read(&folder.path().join("s")));
    // The receiver waits for another offer, and does not fetch the same files again.
    send(&relay, &folder).run().code(1).error(&["kim declined 2 of 2 files"]);
    kim.stop(Signal::TERM).code(0);
    assert_eq!(tree::finished(&out).len(), 2);
}

#[test]
fn offers_pass_through_the_bridge() {
    let (relay, folder, out) = setup();
    let ways = [relay.tunnel(), relay.address.to_string()];
    for (number, (from, to)) in
        [(0, 0), (0, 1), (1, 0)].map(|(from, to)| (&ways[from], &ways[to])).into_iter().enumerate()
    {
        let out = out.join(number.to_string());
        let kim = xcher(["receive", "--nick", "kim", "--yes", "--once"]).args(by(to));
        let kim = started(kim.args(["-o"]).args([&out]));
        let send = xcher(["send", "--to", "kim", "s"]).args(by(from)).dir(folder.path());
        send.run().code(0);
        kim.wait().code(0);
        assert!(tree::read(&out.join("s")) == tree::read(&folder.path().join("s")));
    }
}

#[test]
fn receiver_asks_the_user_at_a_terminal() {
    for (answer, came, code, text) in [
        ("y", &["s/a/1.jpg", "s/b"][..], 0, "sent 2 files (5 B)"),
        ("n", &[], 1, "kim declined 2 of 2 files"),
        ("1", &["s/a/1.jpg"], 1, "kim declined 1 of 2 files"),
    ] {
        let (relay, folder, out) = setup();
        let mut kim = Terminal::start(receive(&relay, &out).args(["--once"]));
        kim.says("online kim\n");
        let amy = send(&relay, &folder).start();
        let screen = kim.shows(QUESTION);
        let offer = "amy (127.0.0.1) offers:\r\n  1         5 B  s/a/1.jpg\r\n";
        assert!(screen.contains(offer), "{screen}");
        // The session is reported before the question.
        let (before, _) = screen.split_once(offer).unwrap();
        assert!(
            before.contains("amy (127.0.0.1) is connected directly; the session is encrypted"),
            "{screen}"
        );
        assert!(tree::read(&out).is_empty());
        kim.types(answer);
        amy.wait().code(code).error(&[text]);
        kim.wait().code(0);
        assert_eq!(tree::read(&out).into_keys().collect::<Vec<_>>(), came);
    }
}

#[test]
fn share_asks_at_a_terminal_and_declines_without_one() {
    let (relay, folder, out) = setup();
    tree::write(&out, [("mine", "1")]);
    let share = |nick: &str| relay.xcher(["share", "--nick", nick, "mine"]).dir(&out);
    let kim = started(share("kim"));
    send(&relay, &folder).run().code(1).error(&["kim declined 2 of 2 files"]);
    kim.err("declined 2 files of amy (127.0.0.1): no terminal to ask on");
    kim.stop(Signal::TERM).code(0);
    assert_eq!(tree::read(&out).len(), 1);
    let mut lee = Terminal::start(share("lee"));
    lee.says("online lee\n");
    let amy = relay.xcher(["send", "lee", "s"]).dir(folder.path()).start();
    lee.shows(QUESTION);
    lee.types("b");
    amy.wait().code(1).error(&["lee declined 1 of 2 files"]);
    lee.says("s/b\n");
    assert_eq!(tree::finished(&out).into_keys().collect::<Vec<_>>(), ["mine", "s/b"]);
}

#[test]
fn withdrawn_offer_ends_the_question() {
    let (relay, folder, out) = setup();
    let kim = Terminal::start(receive(&relay, &out).args(["--once"]));
    kim.says("online kim\n");
    let amy = send(&relay, &folder).start();
    kim.shows(QUESTION);
    amy.stop(Signal::INT).code(1);
    kim.shows("(withdrawn)");
    kim.wait().code(0);
    assert!(tree::read(&out).is_empty());
}

#[test]
fn reports_a_base_protocol_peer_and_offers_nothing() {
    let (relay, folder, _) = setup();
    let (online, is_online) = std::sync::mpsc::channel();
    let kim =
        seed_peer::provide(relay.address, "kim", Vec::new(), move || online.send(()).unwrap());
    is_online.recv().unwrap();
    let amy = send(&relay, &folder).run().code(5);
    amy.error(&["nothing was sent: the session with kim is not encrypted"]);
    let lines = kim.join().unwrap().unwrap();
    assert!(lines.iter().all(|line| !line.contains("X_OFFER")), "{lines:?}");
}

#[test]
fn send_tells_a_nick_from_a_path() {
    let (relay, folder, out) = setup();
    tree::write(folder.path(), [("kim", "a file")]);
    // Both arguments are files, so they are sent by a code.
    let sender = relay.xcher(["send", "kim", "s"]).dir(folder.path()).start();
    let code = sender.until("a code", |lines| lines.out.first().cloned());
    let get = relay.xcher(["get", &code, "--yes", "-o"]).args([&out]).run().code(0);
    assert_eq!(get.out.len(), 3);
    sender.wait().code(0);
    let missing = relay.xcher(["send", "--to", "kim", "s"]).dir(folder.path()).run();
    missing.code(3).error(&["no such nick"]);
    let one = relay.xcher(["send", "nobody"]).dir(folder.path()).run();
    one.code(2).error(&["nobody"]);
    let both = relay.xcher(["send", "a/b", "s"]).dir(folder.path()).run();
    both.code(2).error(&["a/b"]);
}

#[test]
fn receive_needs_a_terminal_or_yes() {
    xcher(["receive"]).run().code(2).one_error(&["no terminal to ask on"]);
}
