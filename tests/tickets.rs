//! A caller accepts the callee's connection alone, not the first one.

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

/// Connections by third parties before the callee's.
const INTRUDERS: usize = 100;
const INTRUDER_FILE: &[u8] = b"of an intruder's share";

/// A proxy between A and the relay: intruders connect to A's port before B learns of it.
struct Proxy {
    address: SocketAddr,
    /// The lines that A sent to intruders.
    heard: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts it; without `tickets`, it removes that capability from A's X_CAPS.
    fn start(relay: SocketAddr, tickets: bool) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        // The threads end with their connections.
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
                    for number in 0..INTRUDERS {
                        intrude(a, number, &kept);
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

/// Connects an intruder to A's port, which serves a file of its own on request.
fn intrude(a: SocketAddr, number: usize, heard: &Arc<Mutex<Vec<String>>>) {
    let Ok(stream) = TcpStream::connect(a) else { return };
    let mut stream = Patient::new(stream);
    let early: &[u8] = match number % 4 {
        0 => b"",
        1 => b"X_TICKET AAAAAAAAAAAAAAAAAAAAAA==\n",
        2 => b"X_TIC",
        _ => b"X_CHK //xcher/2 NO\n",
    };
    // A can have closed the connection already.
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
                    TcpStream::connect(data).unwrap().write_all(INTRUDER_FILE).unwrap();
                    ""
                }
                _ => "",
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
}

/// Returns the file that `get` receives, and the lines that intruders received.
fn get(relay: &Relay, share_at: &str, tickets: bool) -> (Option<Vec<u8>>, Vec<String>) {
    let folder = tempdir().unwrap();
    let ours = vec![b'b'; INTRUDER_FILE.len()];
    tree::write(&folder.path().join("s"), [("file", &ours)]);
    let share = xcher(["--relay", share_at, "share", "--nick", "bob"]);
    let share = share.args([folder.path().join("s")]).start();
    share.out("online ");
    let proxy = Proxy::start(relay.address, tickets);
    let get = at(proxy.address, ["get", "bob", "s/file", "--timeout", "10", "-o", "out"]);
    get.dir(folder.path()).run();
    drop(share);
    let file = tree::finished(&folder.path().join("out")).remove("s/file");
    let heard = proxy.heard.lock().unwrap().clone();
    (file, heard)
}

#[test]
fn caller_ignores_connections_without_the_ticket() {
    let relay = Relay::start();
    // B connects itself, then through the bridge.
    for share_at in [relay.address.to_string(), relay.tunnel()] {
        let (got, heard) = get(&relay, &share_at, true);
        assert!(got.expect("a file").iter().all(|byte| *byte == b'b'), "an intruder's file");
        assert_eq!(heard, Vec::<String>::new(), "A sent requests to intruders");
    }
}

/// Shows the need for tickets: without them a caller cannot recognize the callee.
#[test]
fn without_tickets_caller_talks_to_the_first_connection() {
    let relay = Relay::start();
    let (_, heard) = get(&relay, &relay.address.to_string(), false);
    assert!(heard.iter().any(|line| line == "X_CHK //xcher/2"), "{heard:?}");
}
