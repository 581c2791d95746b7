//! One caller that takes all it can get, and another who gets what it asks for all the same.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod system;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::SockRef;
use system::process::xcher;
use system::tree;
use system::wire::{Conn, FakeRelay};
use tempfile::tempdir;

/// How long an honest caller may wait.
const SOON: Duration = Duration::from_secs(2);
/// The hostile caller's sessions, and its requests in each.
const SESSIONS: usize = 64;
const REQUESTS: usize = 16;

/// A caller of the base protocol at an address of its own.
struct Caller<'a> {
    relay: &'a mut Conn,
    ip: &'static str,
}

impl Caller<'_> {
    fn listen(&self) -> TcpListener {
        TcpListener::bind((self.ip, 0)).unwrap()
    }

    fn init(&mut self, listener: &TcpListener) {
        let port = listener.local_addr().unwrap().port();
        self.relay.say(format!("X_INIT bob {} {port}\n", self.ip));
    }

    /// Calls bob; `None` where nobody connects back soon.
    fn call(&mut self) -> Option<TcpStream> {
        let listener = self.listen();
        self.init(&listener);
        // On a listener it is the time that accept takes.
        SockRef::from(&listener).set_read_timeout(Some(SOON)).unwrap();
        listener.accept().ok().map(|(control, _)| control)
    }

    /// Lists and fetches; how long both took.
    fn ls_and_get(&mut self) -> Duration {
        let began = Instant::now();
        let mut control = self.call().expect("a connection back");
        control.set_read_timeout(Some(system::PATIENCE)).unwrap();
        let mut lines = BufReader::new(control.try_clone().unwrap()).lines();
        control.write_all(b"X_FILELIST\n").unwrap();
        let listed: Vec<_> = lines
            .by_ref()
            .map(Result::unwrap)
            .take_while(|line| !line.ends_with("EOF EOF"))
            .collect();
        assert_eq!(listed.len(), 2, "{listed:?}");
        let data = self.listen();
        let port = data.local_addr().unwrap().port();
        control.write_all(format!("X_REQUEST s/small 5 {port}\n").as_bytes()).unwrap();
        let mut bytes = Vec::new();
        data.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"small");
        began.elapsed()
    }
}

#[test]
fn one_caller_stops_no_other_from_being_served() {
    let (relay, folder) = (FakeRelay::start(), tempdir().unwrap());
    tree::write(
        &folder.path().join("s"),
        [("small", b"small".to_vec()), ("large", vec![7; 8 << 20])],
    );
    let share = xcher(["--relay", &relay.address().to_string(), "share", "--nick", "bob"]);
    let share = share.args([folder.path().join("s")]).start();
    let mut link = relay.takes_in("bob");
    share.out("online ");
    let alone = Caller { relay: &mut link, ip: "127.0.0.3" }.ls_and_get();

    // It never reads what it asks for.
    let mut hostile = Caller { relay: &mut link, ip: "127.0.0.2" };
    let sink = hostile.listen();
    let port = sink.local_addr().unwrap().port();
    let mut held = Vec::new();
    for _ in 0..SESSIONS {
        let Some(mut control) = hostile.call() else { break };
        control.write_all("X_FILELIST\n".repeat(50).as_bytes()).unwrap();
        let request = format!("X_REQUEST s/large {} {port}\n", 8 << 20);
        control.write_all(request.repeat(REQUESTS).as_bytes()).unwrap();
        held.push(control);
    }
    assert!(held.len() >= 16, "it got {} sessions", held.len());
    // Until all that it gets of the files that stand still is under way.
    SockRef::from(&sink).set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut data = Vec::new();
    while let Ok((socket, _)) = sink.accept() {
        data.push(socket);
    }
    assert!(data.len() >= 64, "it holds {} files", data.len());

    let took = Caller { relay: &mut link, ip: "127.0.0.4" }.ls_and_get();
    // On a machine that is slow for everyone it is slow.
    assert!(took < SOON.max(alone * 10), "{took:?}, and {alone:?} without the other caller");
}
