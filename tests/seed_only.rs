//! Runs the base-protocol peer against itself, through a chat server that only forwards. Shows that the peer
//! which the other tests use is one by the original specification.

#![allow(clippy::unwrap_used)]

mod seed_peer;
mod system;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::spawn;

use seed_peer::{Received, Wishes};

/// Starts the original specification's ChatServer: maps nicks to sockets and forwards X_INIT unmodified.
fn chat_server() -> SocketAddr {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let nicks = Arc::new(Mutex::new(HashMap::<String, TcpStream>::new()));
    // The threads end with the test.
    spawn(move || {
        for client in server.incoming() {
            let (client, nicks) = (client.unwrap(), nicks.clone());
            spawn(move || serve(client, &nicks));
        }
    });
    address
}

fn serve(mut client: TcpStream, nicks: &Mutex<HashMap<String, TcpStream>>) -> Option<()> {
    for line in BufReader::new(client.try_clone().ok()?).lines() {
        let line = line.ok()?;
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["X_NICK", nick] => {
                nicks.lock().unwrap().insert(nick.into(), client.try_clone().ok()?);
                writeln!(client, "X_NICK {nick} YES").ok()?;
            }
            ["X_INIT", nick, ..] => {
                writeln!(nicks.lock().unwrap().get_mut(nick)?, "{line}").ok()?;
            }
            _ => {}
        }
    }
    None
}

fn strings<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(name, size)| (name.into(), size.into())).into()
}

#[test]
fn session_follows_the_original_specification() {
    let relay = chat_server();
    let large: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    let files: Vec<(String, Vec<u8>)> = vec![
        ("java.avi".into(), large.clone()),
        ("my holiday 2.jpg".into(), b"jpeg".to_vec()),
        ("träd/日本.txt".into(), Vec::new()),
    ];
    let (online, wait) = mpsc::channel();
    let provider =
        seed_peer::provide(relay, "bob", files.clone(), move || online.send(()).unwrap());
    wait.recv().unwrap();
    let wishes = Wishes {
        list: true,
        check: vec!["java.avi".into(), "no.avi".into(), "//xcher/2".into()],
        request: strings([("java.avi", "700mb"), ("no such file", "1")]),
        request_all: true,
    };
    let received = seed_peer::request(relay, "alice", "bob", wishes).join().unwrap().unwrap();
    let mut expected = vec![("java.avi".to_owned(), large)];
    expected.extend(files);
    assert_eq!(
        received,
        Received {
            list: strings([
                ("java.avi", "1200000"),
                ("my holiday 2.jpg", "4"),
                ("träd/日本.txt", "0"),
            ]),
            checked: vec![
                ("java.avi".into(), true),
                ("no.avi".into(), false),
                ("//xcher/2".into(), false),
            ],
            files: expected,
            refused: vec!["no such file".into()],
        }
    );
    let lines = provider.join().unwrap().unwrap();
    assert_eq!(lines.first().map(String::as_str), Some("X_FILELIST"));
    assert_eq!(lines.last().map(String::as_str), Some("X_END"));
    assert_eq!(lines.len(), 1 + 3 + 5 + 1);
}
