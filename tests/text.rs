//! Texts: `xcher send --text`, and what the receiver sees.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use system::encrypted_wire::{EncryptedConn, record};
use system::process::{Process, Xcher};
use system::relay::Relay;
use system::terminal::Terminal;
use system::tree;
use system::wire::{Chat, Conn};
use tempfile::tempdir;

/// Starts `xcher send` of a text; returns it with its code.
fn send(relay: &Relay, text: &str) -> (Process, String) {
    let process = relay.xcher(["send", "--text", text]).start();
    let code = process.until("a code", |lines| lines.out.first().cloned());
    (process, code)
}

fn get(relay: &Relay, code: &str, folder: &Path) -> Xcher {
    relay.xcher(["get", code]).dir(folder)
}

#[test]
fn a_text_by_code_is_printed_and_not_stored() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let text = "https://example.org/?a=b&c\nträd 日本\t\u{1b}[31m";
    let (sender, code) = send(&relay, text);
    let lines: Vec<_> = text.lines().collect();
    // A program gets the text as it is.
    get(&relay, &code, folder.path()).args(["--yes"]).run().code(0).out(&lines);
    assert!(tree::read(folder.path()).is_empty());
    sender.wait().code(0).error(&["the peer has received the text"]);
}

#[test]
fn a_text_is_stored_as_a_file_with_an_output_folder() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    for (target, out) in [("in", &["in/message.txt"][..]), ("-", &["one", "two"])] {
        let (sender, code) = send(&relay, "one\ntwo");
        get(&relay, &code, folder.path()).args(["--yes", "-o", target]).run().code(0).out(out);
        sender.wait().code(0);
    }
    assert_eq!(fs::read_to_string(folder.path().join("in/message.txt")).unwrap(), "one\ntwo");
}

#[test]
fn a_text_cannot_act_on_a_terminal() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let (sender, code) = send(&relay, "a\u{1b}]0;title\u{7}b\u{202e}c\rd\n\u{9b}2J e\u{200b}f");
    let get = get(&relay, &code, folder.path()).args(["--yes"]);
    let done = Terminal::start_with_output(get).wait().code(0);
    for shown in ["a\\u{1b}]0;title\\u{7}b\\u{202e}c\\rd", "\\u{9b}2J e\\u{200b}f"] {
        assert!(done.screen.contains(shown), "{}", done.screen);
    }
    assert!(!done.screen.contains(['\u{7}', '\u{202e}', '\u{9b}', '\u{200b}']), "{}", done.screen);
    sender.wait().code(0);
}

#[test]
fn json_has_the_text_and_what_kind_an_entry_is() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let (sender, code) = send(&relay, "a\u{1b}\n");
    let get = get(&relay, &code, folder.path()).args(["--yes", "--json"]).run().code(0);
    let events = get.events();
    let of = |name: &str| events.iter().find(|event| event["event"] == name).unwrap();
    assert_eq!(of("text")["text"], "a\u{1b}\n");
    assert!(events.iter().all(|event| event["event"] != "transfer" || event["path"].is_null()));
    assert_eq!((&of("file")["kind"], &of("file")["name"]), (&"text".into(), &"message.txt".into()));
    assert_eq!((&of("manifest")["files"], &of("manifest")["bytes"]), (&1.into(), &3.into()));
    sender.wait().code(0);
}

#[test]
fn the_receiver_is_asked_at_a_terminal() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    for (answer, code_of_get, code_of_send) in [("n", 1, 1), ("y", 0, 0)] {
        let (sender, code) = send(&relay, "the text");
        let mut prompt = Terminal::start(get(&relay, &code, folder.path()));
        let screen = prompt.shows("Show it? [y/N]");
        assert!(screen.contains("message.txt  (a text, shown here)"), "{screen}");
        assert!(screen.contains("1 text, 8 B") && !screen.contains("the text\n"), "{screen}");
        prompt.types(answer);
        let done = prompt.wait().code(code_of_get);
        assert!(!done.screen.contains("1 file"), "{}", done.screen);
        let out = done.out;
        assert_eq!(out.iter().any(|line| line == "the text"), answer == "y", "{out:?}");
        sender.wait().code(code_of_send);
    }
}

#[test]
fn a_text_and_files_go_to_a_nick_together() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let sent = folder.path().join("sent");
    tree::write(&sent, [("message.txt", "a file"), ("b", "12345")]);
    let kim = relay.xcher(["receive", "--nick", "kim", "--yes"]).dir(folder.path()).start();
    kim.out("online ");
    relay.xcher(["send", "kim", "--text", "for kim"]).dir(folder.path()).run().code(0);
    kim.err("text from root:");
    kim.out("for kim");
    let amy = ["send", "--to", "kim", "--text", "look", "b", "message.txt", "--nick", "amy"];
    let amy = relay.xcher(amy).dir(&sent).run().code(0);
    amy.error(&["sent 3 files (15 B); the peer has stored everything"]);
    kim.err("text from amy:");
    for line in ["look", "b", "message.txt"] {
        kim.out(line);
    }
    kim.stop(Signal::TERM).code(0);
    let text = fs::read_to_string(folder.path().join("message.txt")).unwrap();
    assert_eq!(text, "a file");
}

#[test]
fn standard_input_can_be_the_text() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let mut sender = relay.xcher(["send", "--text", "-"]).start();
    sender.say("piped\n\ntext");
    sender.close_stdin();
    let code = sender.until("a code", |lines| lines.out.first().cloned());
    get(&relay, &code, folder.path()).args(["--yes"]).run().code(0).out(&["piped", "", "text"]);
    sender.wait().code(0);
    let mut twice = relay.xcher(["send", "--text", "-", "-"]).start();
    twice.close_stdin();
    twice.wait().code(2).one_error(&["both the text (--text -) and a file (-)"]);
}

#[test]
fn what_is_no_text_is_refused_before_a_code_is_shown() {
    let relay = Relay::start();
    let long = "a".repeat((64 << 10) + 1);
    for (text, error) in [("", "the text is empty"), (&*long, "the text is longer than 64 KiB")] {
        let mut sender = relay.xcher(["send", "--text", "-"]).start();
        sender.say(text);
        sender.close_stdin();
        sender.wait().code(2).out(&[]).one_error(&[error]);
    }
    relay.xcher(["send", "--text", ""]).run().code(2).one_error(&["the text is empty"]);
}

const CAPS: &str = "X_CAPS secure passive offer stat receipt";

/// A host of an earlier version is offered a file, and one with the word a text.
#[test]
fn a_peer_without_the_word_is_offered_a_file() {
    let relay = Relay::start();
    for (nick, caps, mode) in [("old", CAPS.to_owned(), "-"), ("new", format!("{CAPS} text"), "t")]
    {
        let mut chat = Chat::join(relay.address, nick);
        let amy = relay.xcher(["send", nick, "--text", "hello"]).start();
        let mut peer = EncryptedConn::called(&mut chat, &caps, [9; 32]);
        let offer = peer.line();
        let fields: Vec<_> = offer.split(' ').collect();
        assert_eq!(fields[..3], ["X_OFFER", "message.txt", "5"], "{offer}");
        assert_eq!(fields[4..], [mode], "{offer}");
        assert_eq!(peer.line(), "X_OFFER EOF EOF");
        peer.say("X_CHK message.txt NO\nX_END\n");
        amy.wait().code(1).error(&["declined it"]);
    }
}

/// Has `get` fetch a text of these bytes; returns the last line about it, and what `get` printed.
fn fetch_marked(relay: &Relay, nick: &str, bytes: &[u8], folder: &Path) -> (String, Vec<String>) {
    let mut chat = Chat::join(relay.address, nick);
    let get = relay.xcher(["get", nick, "--all", "--retry", "0"]).dir(folder).start();
    let mut peer = EncryptedConn::called(&mut chat, &format!("{CAPS} text"), [9; 32]);
    assert_eq!(peer.line(), "X_FILELIST");
    let size = bytes.len();
    peer.say(&format!("X_STAT ../a 1 - t\nX_STAT .bashrc {size} 1 t\nX_FILELIST EOF EOF\n"));
    assert_eq!(peer.line(), format!("X_WANT 1 {size} 0"));
    let line = peer.line();
    let port = line.strip_prefix(&format!("X_REQUEST .bashrc {size} ")).expect(&line);
    let mut data = Conn::to(([127, 0, 0, 1], port.parse().unwrap()).into());
    let mut sealer = peer.sealer(0);
    for piece in bytes.chunks(60_000) {
        data.say(record(&mut sealer, piece));
    }
    data.say(sealer.finish().unwrap());
    drop(data);
    let receipt = peer.line();
    peer.say("X_END\n");
    let done = get.wait();
    (receipt, done.out)
}

#[test]
fn a_mark_on_other_bytes_prints_and_stores_nothing() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let (receipt, out) = fetch_marked(&relay, "good", b"\x1b fine", folder.path());
    assert_eq!((&*receipt, &out[..]), ("X_STORED 0 0 1", &["\u{1b} fine".to_owned()][..]));
    let (receipt, out) = fetch_marked(&relay, "bad", b"\xff\xfe no text", folder.path());
    assert_eq!((&*receipt, out), ("X_FAILED 0 0 1 other", Vec::new()));
    assert!(tree::read(folder.path()).is_empty());
}
