//! Piped input and output: `… | xcher send -` and `xcher get … -o - | …`.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use system::process::{RawProcess, xcher};
use system::relay::Relay;
use system::tree;
use system::wire::Chat;
use tempfile::tempdir;

/// Several times the capacity of all buffers on the path.
const LARGE_LEN: usize = 100 << 20;

/// Starts `xcher send -` with this standard input; returns it and the code.
fn send(relay: &Relay, stdin: Stdio, options: &[&str]) -> (RawProcess, String) {
    let mut sender = relay.xcher(["send", "-"]).args(options).between(stdin, Stdio::piped());
    let mut code = String::new();
    BufReader::new(sender.0.stdout.take().unwrap()).read_line(&mut code).unwrap();
    (sender, code.trim_end().to_owned())
}

/// Starts `xcher get … -o -`.
fn get(relay: &Relay, what: &[&str]) -> RawProcess {
    relay.xcher(["get", "--yes", "-o", "-"]).args(what).between(Stdio::null(), Stdio::piped())
}

fn out(process: &mut RawProcess) -> ChildStdout {
    process.0.stdout.take().unwrap()
}

fn kill(process: &RawProcess) {
    kill_process(Pid::from_child(&process.0), Signal::KILL).unwrap();
}

/// Writes to a pipe from a separate thread, which returns the open pipe once all bytes are written.
fn feed(process: &mut RawProcess, bytes: Vec<u8>) -> thread::JoinHandle<std::process::ChildStdin> {
    let mut stdin = process.0.stdin.take().unwrap();
    thread::spawn(move || {
        stdin.write_all(&bytes).unwrap();
        stdin
    })
}

fn read(from: &mut impl Read, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).unwrap();
    bytes
}

/// Removes the lines that list the files.
fn without_manifest(mut lines: Vec<String>) -> Vec<String> {
    lines.retain(|line| !line.starts_with("  "));
    lines
}

fn rest(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn pipes_a_hundred_mebibytes_in_bounded_memory() {
    let relay = Relay::start();
    let bytes = tree::bytes(1, LARGE_LEN);
    let (mut sender, code) = send(&relay, Stdio::piped(), &[]);
    let idle = sender.peak();
    let mut get = get(&relay, &[&code]);
    let mut to = out(&mut get);
    let fed = feed(&mut sender, bytes.clone());
    let came = read(&mut to, LARGE_LEN);
    let stdin = fed.join().unwrap();
    // All bytes arrive before the input ends.
    let peaks = (sender.peak(), get.peak());
    assert!(peaks.0.max(peaks.1) < idle + (5 << 10), "{peaks:?} KiB, and {idle} before");
    drop(stdin);
    assert!(rest(to).is_empty() && came == bytes, "bytes differ");
    assert_eq!(without_manifest(get.end(0)), Vec::<String>::new());
    let said = sender.end(0);
    assert!(
        said.iter()
            .any(|line| line.ends_with("sent 1 file (100.00 MiB); the peer has stored everything")),
        "{said:?}"
    );
}

#[test]
fn pipes_a_folder_as_an_archive() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let files = [("a b.txt", 5), ("träd/日本.bin", 3_000_000), ("empty", 0), ("a/b/c/d", 70_000)];
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    tree::write(&from, files.map(|(name, length)| (name, tree::bytes(2, length))));
    std::fs::create_dir(&to).unwrap();
    let tar = |what: &str, at: &Path, stdin: Stdio, stdout: Stdio| -> Child {
        let mut command = Command::new("tar");
        command.args([what, "-", "-C"]).arg(at).stdin(stdin).stdout(stdout);
        if what == "-cf" {
            command.arg(".");
        }
        command.spawn().unwrap()
    };
    let mut packs = tar("-cf", &from, Stdio::null(), Stdio::piped());
    let (sender, code) = send(&relay, packs.stdout.take().unwrap().into(), &["--name", "all.tar"]);
    let mut get = get(&relay, &[&code, "all.tar"]);
    let mut unpacks = tar("-xf", &to, out(&mut get).into(), Stdio::null());
    get.end(0);
    sender.end(0);
    assert!(packs.wait().unwrap().success() && unpacks.wait().unwrap().success());
    assert!(tree::read(&to) == tree::read(&from));
}

#[test]
fn pipes_empty_input() {
    let relay = Relay::start();
    let (sender, code) = send(&relay, Stdio::null(), &[]);
    let mut get = get(&relay, &[&code]);
    assert!(rest(out(&mut get)).is_empty());
    get.end(0);
    sender.end(0);
}

#[test]
fn reports_input_that_was_cut() {
    let relay = Relay::start();
    for plain in [false, true] {
        let (mut sender, mut get) = if plain {
            let share = relay.xcher(["share", "-", "--plain", "--nick", "bob"]);
            let mut share = share.between(Stdio::piped(), Stdio::piped());
            let mut online = String::new();
            BufReader::new(out(&mut share)).read_line(&mut online).unwrap();
            (share, get(&relay, &["bob", "stdin", "--plain"]))
        } else {
            let (sender, code) = send(&relay, Stdio::piped(), &[]);
            (sender, get(&relay, &[&code]))
        };
        let fed = feed(&mut sender, tree::bytes(3, 100_000));
        let mut to = out(&mut get);
        read(&mut to, 100_000);
        let stdin = fed.join().unwrap();
        kill(&sender);
        assert!(rest(to).is_empty());
        let said = get.end(1);
        let reports = |text: &str| said.iter().any(|line| line.contains(text));
        assert!(reports("stdin: incomplete after 97.66 KiB"), "{said:?}");
        assert!(reports("standard output is incomplete"), "{said:?}");
        drop(stdin);
    }
}

#[test]
fn pipes_without_extensions() {
    let relay = Relay::start();
    for receiver_is_plain in [false, true] {
        let nick = format!("bob{receiver_is_plain}");
        let share = relay.xcher(["share", "-", "--name", "log", "--plain", "--once", "--nick"]);
        let mut share = share.args([&nick]).between(Stdio::piped(), Stdio::piped());
        let mut online = String::new();
        BufReader::new(out(&mut share)).read_line(&mut online).unwrap();
        let bytes = tree::bytes(4, 3 << 20);
        let fed = feed(&mut share, bytes.clone());
        let options: &[&str] = if receiver_is_plain { &["--plain"] } else { &[] };
        let mut get = get(&relay, &[&[nick.as_str(), "log"], options].concat());
        let mut to = out(&mut get);
        let came = read(&mut to, bytes.len());
        drop(fed.join().unwrap());
        assert!(rest(to).is_empty() && came == bytes);
        get.end(0);
        share.end(0);
    }
}

#[test]
fn base_protocol_peer_sees_a_round_size() {
    let relay = Relay::start();
    let mut share = relay.xcher(["share", "-", "--nick", "bob"]).start();
    share.out("online bob");
    let mut amy = Chat::join(relay.address, "amy").call("bob");
    amy.say("X_FILELIST\nX_CHK stdin\n");
    let answers = ["X_FILELIST stdin 0tb", "X_FILELIST EOF EOF", "X_CHK stdin YES"];
    answers.iter().for_each(|line| amy.hears(line));
    let port = system::wire::Port::open();
    amy.say(format!("X_REQUEST stdin 0tb {}\n", port.number()));
    let mut data = port.accept();
    share.say("what is typed");
    assert_eq!(data.bytes(13), b"what is typed");
    // It is being sent, so no other request gets it.
    amy.say(format!("X_REQUEST stdin 0tb {}\nX_CHK stdin\nX_FILELIST\n", port.number()));
    let answers = ["X_CHK stdin NO", "X_CHK stdin NO", "X_FILELIST EOF EOF"];
    answers.iter().for_each(|line| amy.hears(line));
    share.close_stdin();
    let rest = data.rest();
    assert!(rest.bytes.is_empty() && !rest.reset);
}

#[test]
fn offers_and_stores_piped_input_as_a_file() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let bob = relay.xcher(["receive", "--yes", "--once", "--nick", "bob", "-o"]);
    let bob = bob.args([folder.path()]).start();
    bob.out("online bob");
    let sender = relay.xcher(["send", "bob", "-", "--name", "notes/today", "--json"]);
    let mut sender = sender.between(Stdio::piped(), Stdio::piped());
    let bytes = tree::bytes(5, 3 << 20);
    drop(feed(&mut sender, bytes.clone()).join().unwrap());
    let events = String::from_utf8(rest(out(&mut sender))).unwrap();
    let said = sender.end(0);
    // Reports the bytes sent, since the size was unknown before.
    assert!(
        said.iter()
            .any(|line| line.contains("sent 1 file (3.00 MiB); the peer has stored everything")),
        "{said:?}"
    );
    for event in ["delivered", "sent"] {
        let line = events.lines().find(|line| line.contains(&format!(r#""event":"{event}""#)));
        assert!(line.unwrap().contains(r#""bytes":3145728"#), "{events}");
    }
    let shown = bob.wait().code(0).error(&["?", "notes/today"]).error(&["1 file, size unknown"]);
    drop(shown);
    let whole = [("notes/today".to_owned(), bytes)];
    assert!(tree::read(folder.path()) == whole.into_iter().collect());
}

#[test]
fn second_requester_gets_nothing() {
    let relay = Relay::start();
    let (mut sender, code) = send(&relay, Stdio::piped(), &[]);
    let mut first = get(&relay, &[&code]);
    let mut to = out(&mut first);
    let fed = feed(&mut sender, b"first".to_vec());
    assert_eq!(read(&mut to, 5), b"first");
    let mut second = get(&relay, &[&code]);
    assert!(rest(out(&mut second)).is_empty());
    let said = second.end(1);
    assert!(said.iter().any(|line| line.contains("there is nothing to fetch")), "{said:?}");
    drop(fed.join().unwrap());
    assert!(rest(to).is_empty());
    first.end(0);
    sender.end(0);
}

#[test]
fn reader_that_closes_the_pipe_ends_the_transfer() {
    let relay = Relay::start();
    let (mut sender, code) = send(&relay, Stdio::piped(), &[]);
    let mut stdin = sender.0.stdin.take().unwrap();
    let feeds = thread::spawn(move || while stdin.write_all(&[7; 4096]).is_ok() {});
    let mut get = get(&relay, &[&code]);
    read(&mut out(&mut get), 100_000);
    let said = without_manifest(get.end(1));
    assert!(
        said.len() == 1 && said[0].contains("the reader of standard output closed it"),
        "{said:?}"
    );
    let said = sender.end(1);
    assert!(said.iter().any(|line| line.contains("cannot be resumed")), "{said:?}");
    feeds.join().unwrap();
}

#[test]
fn fetches_one_shared_file_to_standard_output() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let bytes = tree::bytes(6, 2 << 20);
    let files = [("s/one/file", &bytes[..]), ("s/more/a", b"a"), ("s/more/b", b"b")];
    tree::write(folder.path(), files);
    let _bob = relay.share("bob", &folder.path().join("s"));
    for name in ["s/one/file", "s/one"] {
        let mut get = get(&relay, &["bob", name]);
        assert!(rest(out(&mut get)) == bytes, "{name}");
        get.end(0);
    }
    let several = [("s/more", "not 2"), ("s", "not 3")];
    for (name, got) in several {
        let mut get = get(&relay, &["bob", name]);
        assert!(rest(out(&mut get)).is_empty());
        let said = get.end(2);
        assert!(said.len() == 1 && said[0].contains("standard output takes one file"), "{said:?}");
        assert!(said[0].contains(got), "{said:?}");
    }
    let mut get = get(&relay, &["bob", "s/none"]);
    assert!(rest(out(&mut get)).is_empty());
    assert_eq!(get.end(1).len(), 1);
}

/// Opens both ends of a terminal.
fn terminal() -> (File, File) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
    (controller.into(), File::options().read(true).write(true).open(name).unwrap())
}

#[test]
fn rejects_meaningless_arguments() {
    let usage = |args: &[&str], parts: &[&str]| {
        xcher(args).run().code(2).one_error(parts);
    };
    let terminal = terminal();
    let stdout = terminal.1.try_clone().unwrap().into();
    let said = xcher(["get", "bob", "x", "-o", "-"]).between(Stdio::null(), stdout).end(2);
    assert!(said.len() == 1 && said[0].contains("a terminal"), "{said:?}");
    let said = xcher(["share", "-"]).between(terminal.1.into(), Stdio::null()).end(2);
    assert!(said.len() == 1 && said[0].contains("a terminal"), "{said:?}");
    usage(&["get", "bob", "x", "-o", "-", "--json"], &["-o - and --json both use standard output"]);
    usage(&["receive", "--yes", "-o", "-"], &["only `xcher get` can write to standard output"]);
    usage(&["share", "-", "--yes", "-o", "-"], &["only `xcher get` can write to standard output"]);
    usage(&["send", "-", "-"], &["named 2 times; name it once"]);
    usage(&["send", "Cargo.toml", "--name", "x"], &["--name names standard input"]);
    usage(&["send", "-", "--name", "../x"], &["../x"]);
    usage(
        &["send", "-", "Cargo.toml", "--name", "Cargo.toml"],
        &["cannot share the piped input as"],
    );
}
