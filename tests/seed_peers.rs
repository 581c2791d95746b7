//! Runs the binary with base-protocol peers and checks every line that it sends them.

#![allow(clippy::unwrap_used)]

mod seed_peer;
mod system;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};

use seed_peer::Wishes;
use system::patient::Patient;
use system::relay::{Relay, at};
use system::tree;
use tempfile::tempdir;

/// Returns files whose names and sizes are hard to handle.
fn files() -> Vec<(String, Vec<u8>)> {
    let names = ["java.avi", "my holiday 2.jpg", "träd/日本.txt", "a YES", "EOF"];
    let sizes = [3_000_000, 4, 0, 1, 700];
    let bytes = sizes.iter().enumerate().map(|(seed, size)| tree::bytes(seed as u64, *size));
    names.iter().map(|name| (*name).to_owned()).zip(bytes).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, size)| ((*name).to_owned(), (*size).to_owned())).collect()
}

#[test]
fn base_protocol_requester_lists_checks_and_fetches_from_share() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), files());
    let bob = relay.share("bob", &folder.path().join("s"));
    let wishes = Wishes {
        list: true,
        check: ["s/java.avi", "s/a YES", "s/a", "//xcher/2", "../x"].map(String::from).into(),
        request: pairs(&[
            ("s/java.avi", "700mb"),
            ("s/java.avi", "1"),
            ("s/none", "1"),
            ("../x", "1"),
        ]),
        request_all: true,
    };
    let amy = seed_peer::request(relay.address, "amy", "bob", wishes);
    let received = amy.join().unwrap().unwrap();
    let shared: BTreeMap<String, Vec<u8>> =
        files().into_iter().map(|(name, bytes)| (format!("s/{name}"), bytes)).collect();
    let listed: Vec<_> =
        shared.iter().map(|(name, bytes)| (name.clone(), bytes.len().to_string())).collect();
    let mut list = received.list;
    list.sort();
    assert_eq!(list, listed);
    let yes: Vec<_> = received.checked.iter().map(|(_, yes)| *yes).collect();
    assert_eq!(yes, [true, true, false, false, false]);
    // The original specification's rounded size is accepted; an exact size that is wrong is another file's.
    assert_eq!(received.refused, ["s/java.avi", "s/none", "../x"]);
    assert_eq!(received.files.len(), 1 + shared.len());
    for (name, bytes) in received.files {
        assert!(shared[&name] == bytes, "{name} differs");
    }
    bob.err("amy (127.0.0.1) is connected");
}

#[test]
fn ls_check_and_get_work_with_a_base_protocol_provider() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let provide = |nick: &str| {
        let (online, wait) = mpsc::channel();
        let bob =
            seed_peer::provide(relay.address, nick, files(), move || online.send(()).unwrap());
        wait.recv().unwrap();
        bob
    };
    let lines = |bob: JoinHandle<std::io::Result<Vec<String>>>| bob.join().unwrap().unwrap();

    let bob = provide("lister");
    let mut listed: Vec<_> =
        files().iter().map(|(name, bytes)| format!("{}\t{name}", bytes.len())).collect();
    listed.sort();
    let ls = relay.xcher(["ls", "lister"]).run().code(0).quiet();
    ls.out_sorted(&listed.iter().map(String::as_str).collect::<Vec<_>>());
    // One X_CHK more than a base-protocol peer would send, for a name that cannot exist.
    let probe = "X_CHK //xcher/2";
    assert_eq!(lines(bob), [probe, "X_FILELIST", "X_END"]);

    for (nick, name, code) in [("one", "a YES", 0), ("two", "a", 1)] {
        let bob = provide(nick);
        let answer = format!("{name} {}", if code == 0 { "YES" } else { "NO" });
        relay.xcher(["check", nick, name]).run().code(code).quiet().out(&[&answer]);
        assert_eq!(lines(bob), [probe, &format!("X_CHK {name}"), "X_END"]);
    }

    let (bob, out) = (provide("all"), folder.path().join("all"));
    relay.xcher(["get", "all", "--all", "-o"]).args([&out]).run().code(0).quiet();
    assert!(tree::read(&out) == files().into_iter().collect(), "bytes differ");
    let mut said = lines(bob);
    assert_eq!(said.remove(0), probe);
    assert_eq!((said.len(), said[0].as_str()), (7, "X_FILELIST"));
    assert_eq!(said[6], "X_END");
    let mut requested: Vec<_> =
        said[1..6].iter().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    requested.sort();
    let mut expected: Vec<_> =
        files().iter().map(|(name, bytes)| format!("X_REQUEST {name} {}", bytes.len())).collect();
    expected.sort();
    assert_eq!(requested, expected);

    let (bob, out) = (provide("some"), folder.path().join("some"));
    let get = relay.xcher(["get", "some", "a YES", "träd", "none", "-o"]).args([&out]).run();
    get.code(1).one_error(&["some does not share \"none\""]);
    assert_eq!(tree::read(&out).into_keys().collect::<Vec<_>>(), ["a YES", "träd/日本.txt"]);
    lines(bob);
}

#[test]
fn fetches_a_file_with_a_rounded_size_to_the_end_of_its_stream() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let mut bob = system::wire::Chat::join(relay.address, "bob");
    let get = relay.xcher(["get", "bob", "java.avi"]).dir(folder.path()).start();
    let mut control = bob.called();
    control.lists(&["java.avi 3kb"]);
    let data = control.requested("java.avi", "3kb");
    system::wire::Conn::to(data).say([7; 3500]);
    get.wait().code(0).out(&["java.avi"]);
    assert_eq!(std::fs::read(folder.path().join("java.avi")).unwrap(), [7; 3500]);
}

/// The bytes that A and B wrote on one control connection, once it has ended.
type Record = JoinHandle<[Vec<u8>; 2]>;

/// A relay that records each control connection: it forwards X_INIT with the recorder's port in it.
struct Recorder {
    address: SocketAddr,
    records: Arc<Mutex<Vec<Record>>>,
}

impl Recorder {
    fn start(relay: SocketAddr) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let records = Arc::new(Mutex::new(Vec::new()));
        let kept = records.clone();
        // The threads end with their connections.
        spawn(move || {
            for client in server.incoming() {
                let (client, relay) = (client.unwrap(), TcpStream::connect(relay).unwrap());
                let (from, to) = (client.try_clone().unwrap(), relay.try_clone().unwrap());
                let records = kept.clone();
                spawn(move || pass_on(from, to, &records));
                let end = client.try_clone().unwrap();
                spawn(move || copy(relay, client, &end));
            }
        });
        Self { address, records }
    }

    /// Returns the lines of each session, by A and by B.
    fn sessions(self) -> Vec<[Vec<String>; 2]> {
        let lines = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.is_empty() || text.ends_with('\n'), "an incomplete line: {text:?}");
            text.lines().map(String::from).collect()
        };
        let records = std::mem::take(&mut *self.records.lock().unwrap());
        records.into_iter().map(|record| record.join().unwrap().map(lines)).collect()
    }
}

/// Forwards lines from a host to the relay, with the recorder's port in X_INIT.
fn pass_on(from: TcpStream, mut to: TcpStream, records: &Mutex<Vec<Record>>) -> Option<()> {
    let mut lines = BufReader::new(from);
    let mut line = String::new();
    while lines.read_line(&mut line).ok()? > 0 {
        if let ["X_INIT", nick, ip, port] = line.trim_end().split(' ').collect::<Vec<_>>()[..] {
            let (port, record) = record(format!("{ip}:{port}").parse().unwrap());
            records.lock().unwrap().push(record);
            line = format!("X_INIT {nick} {ip} {port}\n");
        }
        // Drops X_CAPS: this relay supports no tickets.
        if !line.starts_with("X_CAPS ") {
            to.write_all(line.as_bytes()).ok()?;
        }
        line.clear();
    }
    to.shutdown(Shutdown::Both).ok()
}

/// Waits for B on the returned port and connects it to A.
fn record(a: SocketAddr) -> (u16, Record) {
    let server = TcpListener::bind((a.ip(), 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let record = spawn(move || {
        let (b, _) = server.accept().unwrap();
        let a = TcpStream::connect(a).unwrap();
        let ends = [&a, &b].map(|end| end.try_clone().unwrap());
        let [a, b] = [a, b].map(Patient::new);
        let (from_b, to_a) = (b.try_clone().unwrap(), a.try_clone().unwrap());
        let [end_of_a, end_of_b] = ends;
        let by_b = spawn(move || copy(from_b, to_a, &end_of_a));
        [copy(a, b, &end_of_b), by_b.join().unwrap()]
    });
    (port, record)
}

/// Copies until the end and forwards it; returns the bytes copied.
fn copy(mut from: impl Read, mut to: impl Write, end: &TcpStream) -> Vec<u8> {
    let (mut copied, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        copied.extend_from_slice(&buffer[..length]);
        // A host that has stopped reading may still write.
        let _ = to.write_all(&buffer[..length]);
    }
    let _ = end.shutdown(Shutdown::Write);
    copied
}

#[test]
fn plain_sessions_carry_the_base_protocol_alone() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let recorder = Recorder::start(relay.address);
    let share = folder.path().join("s");
    tree::write(&share, files());
    let bob = at(recorder.address, ["share", "--plain", "--nick", "bob"]).args([&share]).start();
    bob.out("online ");
    let plain =
        |args: &[&str], out: &Path| at(recorder.address, args).args(["--plain"]).dir(out).run();
    let out = folder.path();
    plain(&["ls", "bob"], out).code(0);
    plain(&["check", "bob", "s/EOF"], out).code(0);
    plain(&["check", "bob", "s/none"], out).code(1);
    plain(&["get", "bob", "--all", "-o", "out"], out).code(0);
    assert!(tree::read(&out.join("out/s")) == tree::read(&share), "bytes differ");

    let list = || {
        let mut list: Vec<_> = tree::read(&share)
            .iter()
            .map(|(name, bytes)| format!("X_FILELIST s/{name} {}", bytes.len()))
            .collect();
        list.push("X_FILELIST EOF EOF".to_owned());
        list
    };
    let sorted = |lines: &[String]| {
        let mut lines = lines.to_vec();
        lines.sort();
        lines
    };
    let sessions = recorder.sessions();
    let [[ls_a, ls_b], [yes_a, yes_b], [no_a, no_b], [get_a, get_b]] = &sessions[..] else {
        panic!("expected four sessions, got {sessions:?}")
    };
    assert_eq!(*ls_a, ["X_FILELIST", "X_END"]);
    assert_eq!(sorted(ls_b), sorted(&list()));
    assert_eq!(
        (yes_a.join("\n"), yes_b.join("\n")),
        ("X_CHK s/EOF\nX_END".into(), "X_CHK s/EOF YES".into())
    );
    assert_eq!(
        (no_a.join("\n"), no_b.join("\n")),
        ("X_CHK s/none\nX_END".into(), "X_CHK s/none NO".into())
    );
    assert_eq!((get_a[0].as_str(), get_a[6].as_str(), get_a.len()), ("X_FILELIST", "X_END", 7));
    for line in &get_a[1..6] {
        let (request, port) = line.rsplit_once(' ').unwrap();
        let name = request.strip_prefix("X_REQUEST s/").unwrap().rsplit_once(' ').unwrap().0;
        let size = files().into_iter().find(|(file, _)| file == name).unwrap().1.len();
        assert_eq!(request, format!("X_REQUEST s/{name} {size}"));
        assert!(port.parse::<u16>().unwrap() >= 1024, "{line}");
    }
    assert_eq!(sorted(get_b), sorted(&list()));
}
