//! A caller is served while another one takes all it can get.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod system;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use system::pace::Pace;
use system::patient::Patient;
use system::process::xcher;
use system::tree;
use system::wire::{Conn, FakeRelay};
use tempfile::tempdir;

/// Longest wait of an honest caller on an idle machine.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// Sessions of the hostile caller, and requests in each.
const HOSTILE_SESSIONS: usize = 64;
const REQUESTS_PER_SESSION: usize = 16;

/// A base-protocol caller with its own address.
struct Caller<'a> {
    relay: &'a mut Conn,
    ip: &'static str,
    pace: &'a Pace,
}

impl Caller<'_> {
    fn listen(&self) -> TcpListener {
        TcpListener::bind((self.ip, 0)).unwrap()
    }

    fn init(&mut self, listener: &TcpListener) {
        let port = listener.local_addr().unwrap().port();
        self.relay.say(format!("X_INIT bob {} {port}\n", self.ip));
    }

    /// Calls bob; returns `None` if bob does not connect back in time.
    fn call(&mut self) -> Option<TcpStream> {
        let listener = self.listen();
        self.init(&listener);
        accept_within(&listener, MAX_WAIT, self.pace)
    }

    /// Lists the files and fetches one; returns the time both took.
    fn ls_and_get(&mut self) -> Duration {
        let began = self.pace.elapsed();
        let mut control = Patient::new(self.call().expect("a connection back"));
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
        self.pace.elapsed() - began
    }
}

/// Accepts the next connection; returns `None` if none arrives within the timeout.
fn accept_within(listener: &TcpListener, timeout: Duration, pace: &Pace) -> Option<TcpStream> {
    let began = pace.elapsed();
    listener.set_nonblocking(true).unwrap();
    while pace.elapsed() < began + timeout {
        if let Ok((socket, _)) = listener.accept() {
            socket.set_nonblocking(false).unwrap();
            return Some(socket);
        }
        sleep(Duration::from_millis(1));
    }
    None
}

#[test]
fn a_greedy_caller_does_not_keep_another_from_being_served() {
    let (relay, folder) = (FakeRelay::start(), tempdir().unwrap());
    tree::write(
        &folder.path().join("s"),
        [("small", b"small".to_vec()), ("large", vec![7; 8 << 20])],
    );
    let share = xcher(["--relay", &relay.address().to_string(), "share", "--nick", "bob"]);
    let share = share.args([folder.path().join("s")]).start();
    let mut link = relay.brings_online("bob");
    share.out("online ");
    let pace = &Pace::start();
    let alone = Caller { relay: &mut link, ip: "127.0.0.3", pace }.ls_and_get();

    // The hostile caller never reads the files it requests.
    let mut hostile = Caller { relay: &mut link, ip: "127.0.0.2", pace };
    let sink = hostile.listen();
    let port = sink.local_addr().unwrap().port();
    let mut held = Vec::new();
    for _ in 0..HOSTILE_SESSIONS {
        let Some(mut control) = hostile.call() else { break };
        control.write_all("X_FILELIST\n".repeat(50).as_bytes()).unwrap();
        let request = format!("X_REQUEST s/large {} {port}\n", 8 << 20);
        control.write_all(request.repeat(REQUESTS_PER_SESSION).as_bytes()).unwrap();
        held.push(control);
    }
    assert!(held.len() >= 16, "it got {} sessions", held.len());
    // Accepts every stalled transfer that it is granted.
    let next = || accept_within(&sink, Duration::from_secs(1), pace);
    let data: Vec<_> = std::iter::from_fn(next).collect();
    assert!(data.len() >= 64, "it holds {} files", data.len());

    let took = Caller { relay: &mut link, ip: "127.0.0.4", pace }.ls_and_get();
    // A machine that is slow for one caller is slow for two.
    assert!(took < MAX_WAIT.max(alone * 10), "{took:?}, and {alone:?} without the other caller");
}
