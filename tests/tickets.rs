//! Who is taken for whom one calls: not whoever comes first.

#![allow(clippy::unwrap_used)]

mod system;

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

use system::patient::Patient;
use system::process::xcher;
use system::relay::{Relay, at};
use system::tree;
use tempfile::tempdir;

/// How many come before whoever was called.
const STRANGERS: usize = 100;
const THEIRS: &[u8] = b"of whoever came first";

/// On the way between A and the relay: strangers come to A's port before B can know of it.
struct Way {
    address: SocketAddr,
    /// What A said to strangers.
    heard: Arc<Mutex<Vec<String>>>,
}

impl Way {
    /// With or without the word `ticket` in what A says to the relay.
    fn start(relay: SocketAddr, tickets: bool) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        // Its threads end with their connections.
        spawn(move || {
            let (client, relay) = (server.accept().unwrap().0, TcpStream::connect(relay).unwrap());
            let (mut from, mut to) = (relay.try_clone().unwrap(), client.try_clone().unwrap());
            spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                to.shutdown(Shutdown::Write)
            });
            for line in BufReader::new(client).lines() {
                let Ok(mut line) = line else { break };
                if !tickets && line.starts_with("X_CAPS ") {
                    line = "X_CAPS from".to_owned();
                }
                if let ["X_INIT", _, ip, port] = line.split(' ').collect::<Vec<_>>()[..] {
                    let a: SocketAddr = format!("{ip}:{port}").parse().unwrap();
                    for number in 0..STRANGERS {
                        visit(a, number, &kept);
                    }
                }
                if (&relay).write_all(format!("{line}\n").as_bytes()).is_err() {
                    break;
                }
            }
            relay.shutdown(Shutdown::Both)
        });
        Self { address, heard }
    }
}

/// A stranger comes to A's port, and serves a file of its own to whoever asks.
fn visit(a: SocketAddr, number: usize, heard: &Arc<Mutex<Vec<String>>>) {
    let Ok(stream) = TcpStream::connect(a) else { return };
    let mut stream = Patient::new(stream);
    let early: &[u8] = match number % 4 {
        0 => b"",
        1 => b"X_TICKET AAAAAAAAAAAAAAAAAAAAAA==\n",
        2 => b"X_TIC",
        _ => b"X_CHK //xcher/2 NO\n",
    };
    // It may have been shown out.
    let _ = stream.write_all(early);
    let heard = Arc::clone(heard);
    spawn(move || {
        for line in BufReader::new(stream.try_clone().unwrap()).lines() {
            let Ok(line) = line else { return };
            heard.lock().unwrap().push(line.clone());
            let fields: Vec<_> = line.split(' ').collect();
            let answer = match fields[..] {
                ["X_CHK", "//xcher/2"] if early.is_empty() => "X_CHK //xcher/2 NO\n",
                ["X_REQUEST", _, _, port] => {
                    let data = SocketAddr::new(a.ip(), port.parse().unwrap());
                    TcpStream::connect(data).unwrap().write_all(THEIRS).unwrap();
                    ""
                }
                _ => "",
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
}

/// What comes of `get`, and what strangers heard.
fn get(relay: &Relay, share_at: &str, tickets: bool) -> (Option<Vec<u8>>, Vec<String>) {
    let folder = tempdir().unwrap();
    let ours = vec![b'b'; THEIRS.len()];
    tree::write(&folder.path().join("s"), [("file", &ours)]);
    let share = xcher(["--relay", share_at, "share", "--nick", "bob"]);
    let share = share.args([folder.path().join("s")]).start();
    share.out("online ");
    let way = Way::start(relay.address, tickets);
    let get = at(way.address, ["get", "bob", "s/file", "--timeout", "10", "-o", "out"]);
    get.dir(folder.path()).run();
    drop(share);
    let file = tree::finished(&folder.path().join("out")).remove("s/file");
    let heard = way.heard.lock().unwrap().clone();
    (file, heard)
}

#[test]
fn whoever_comes_first_is_not_who_was_called() {
    let relay = Relay::start();
    // B dials itself, or has the bridge dial.
    for share_at in [relay.address.to_string(), relay.tunnel()] {
        let (got, heard) = get(&relay, &share_at, true);
        assert!(got.expect("a file").iter().all(|byte| *byte == b'b'), "of a stranger");
        assert_eq!(heard, Vec::<String>::new(), "strangers were asked");
    }
}

/// Why there are tickets: a caller who knows none cannot tell.
#[test]
fn without_tickets_whoever_comes_first_is_asked() {
    let relay = Relay::start();
    let (_, heard) = get(&relay, &relay.address.to_string(), false);
    assert!(heard.iter().any(|line| line == "X_CHK //xcher/2"), "{heard:?}");
}
