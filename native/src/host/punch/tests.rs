#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use xcher_core::peer::ListenerId;

use super::*;
use crate::host::shared_port;

const CALLER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
const CALLEE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

/// A host's port, before it punches.
struct Port {
    socket: TcpListener,
    at: SocketAddr,
}

impl Port {
    fn open(ip: IpAddr) -> Self {
        let socket = shared_port::listen(ip).unwrap();
        let at = socket.local_addr().unwrap();
        Self { socket, at }
    }

    fn punch(self, to: SocketAddr, side: Side) -> Punching {
        let (reporter, reports) = mpsc::channel(16);
        let punch = Punch { listener: ListenerId(1), to, side, reporter };
        Punching { reports, task: tokio::spawn(punch.run(self.socket, self.at)) }
    }
}

/// A host that punches until this is dropped.
struct Punching {
    reports: mpsc::Receiver<TaskReport>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Punching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Punching {
    async fn linked(&mut self) -> (Link, TcpStream) {
        match self.reports.recv().await.unwrap() {
            TaskReport::Linked { link, stream, .. } => (*link, stream),
            TaskReport::ListenFailed { why, .. } => panic!("{why}"),
            _ => panic!("another report"),
        }
    }
}

/// Returns an address at which nothing listens.
fn closed_port(ip: IpAddr) -> SocketAddr {
    Port::open(ip).at
}

/// Checks that two control connections are the two ends of one.
async fn expect_connected(caller: &mut TcpStream, callee: &mut TcpStream) {
    caller.write_all(b"a").await.unwrap();
    callee.write_all(b"b").await.unwrap();
    assert_eq!(caller.read_u8().await.unwrap(), b'b');
    assert_eq!(callee.read_u8().await.unwrap(), b'a');
}

#[tokio::test]
async fn both_sides_link_when_they_connect_at_once() {
    // Both orders, and by chance the moment in between where each SYN meets the other.
    for round in 0..20 {
        let (a, b) = (Port::open(CALLER), Port::open(CALLEE));
        let (to_a, to_b) = (a.at, b.at);
        let (mut caller, mut callee) = if round % 2 == 0 {
            let caller = a.punch(to_b, Side::Caller);
            (caller, b.punch(to_a, Side::Callee(to_a)))
        } else {
            let callee = b.punch(to_a, Side::Callee(to_a));
            (a.punch(to_b, Side::Caller), callee)
        };
        let ((link, mut a), (_link, mut b)) = tokio::join!(caller.linked(), callee.linked());
        assert_eq!(link.addresses(), (to_a, to_b));
        expect_connected(&mut a, &mut b).await;
    }
}

#[tokio::test]
async fn host_that_cannot_connect_accepts() {
    let (a, b) = (Port::open(CALLER), Port::open(CALLEE));
    let to_a = a.at;
    // The callee's NAT gave it another port for the relay than for the caller.
    let mut caller = a.punch(closed_port(CALLEE), Side::Caller);
    let mut callee = b.punch(to_a, Side::Callee(to_a));
    let ((_a, mut a), (_b, mut b)) = tokio::join!(caller.linked(), callee.linked());
    expect_connected(&mut a, &mut b).await;
}

#[tokio::test]
async fn refused_attempt_is_repeated() {
    let to = closed_port(CALLEE);
    let mut dials = Dials::start(Port::open(CALLER).at, to);
    while dials.attempts < 3 {
        assert!(timeout(Duration::from_millis(10), dials.connect()).await.is_err());
    }
    assert_eq!(dials.last_error.as_ref().unwrap().kind(), ErrorKind::ConnectionRefused);
    let listener = TcpListener::bind(to).await.unwrap();
    let (stream, accepted) = tokio::join!(dials.connect(), listener.accept());
    assert_eq!(stream.local_addr().unwrap(), accepted.unwrap().1);
}

#[tokio::test]
async fn another_port_is_tried_too() {
    let (a, b) = (Port::open(CALLER), Port::open(CALLEE));
    let from = a.at;
    // Not a link yet, since nothing is answered.
    let _caller = a.punch(b.at, Side::Caller);
    let (_first, remote) = b.socket.accept().await.unwrap();
    assert_eq!(remote, from);
    let (_second, remote) = b.socket.accept().await.unwrap();
    assert!(remote.ip() == from.ip() && remote.port() != from.port(), "{remote}");
}

#[tokio::test(start_paused = true)]
async fn failure_says_what_was_tried() {
    let to = closed_port(CALLEE);
    let port = Port::open(CALLER);
    let from = port.at.port();
    let mut caller = port.punch(to, Side::Caller);
    let Some(TaskReport::ListenFailed { why, .. }) = caller.reports.recv().await else {
        panic!("no failure")
    };
    let tried = format!("tried {to} 10 times from port {from}, and waited for it there: ");
    let error = why.strip_prefix(&tried).unwrap_or_else(|| panic!("{why}"));
    assert!(error.starts_with("Connection refused"), "{why}");
}

#[tokio::test]
async fn connection_from_another_address_is_closed() {
    let port = Port::open(CALLEE);
    let at = port.at;
    let to_a = closed_port(CALLER);
    let mut callee = port.punch(to_a, Side::Callee(to_a));
    let from = SocketAddr::new(STRANGER, 0);
    let mut stranger = connect_from(from, at).await.unwrap();
    // Nothing is shown to it.
    assert_eq!(stranger.read(&mut [0]).await.unwrap(), 0);
    assert!(callee.reports.try_recv().is_err());
}

#[tokio::test]
async fn strangers_at_the_same_address_do_not_keep_the_other_host_out() {
    let (a, b) = (Port::open(CALLER), Port::open(CALLEE));
    let (at, to_a) = (a.at, a.at);
    let mut caller = a.punch(b.at, Side::Caller);
    let from = SocketAddr::new(CALLEE, 0);
    let mut strangers = Vec::new();
    for number in 0..3 * MAX_CONNECTIONS {
        let mut stranger = connect_from(from, at).await.unwrap();
        if number % 3 == 0 {
            let _ = stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
        }
        strangers.push(stranger);
    }
    // The oldest has made room.
    let _ = strangers[1].read(&mut [0]).await;
    let mut callee = b.punch(to_a, Side::Callee(to_a));
    let ((_a, mut a), (_b, mut b)) = tokio::join!(caller.linked(), callee.linked());
    expect_connected(&mut a, &mut b).await;
}

#[tokio::test]
async fn links_of_one_port_are_limited() {
    let port = Port::open(CALLEE);
    let at = port.at;
    let to_a = closed_port(CALLER);
    let mut callee = port.punch(to_a, Side::Callee(to_a));
    let mut strangers = Vec::new();
    let mut links = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        strangers.push(connect_from(SocketAddr::new(CALLER, 0), at).await.unwrap());
        links.push(callee.linked().await);
    }
    assert!(callee.reports.recv().await.is_none());
    assert!(connect_from(SocketAddr::new(CALLER, 0), at).await.is_err());
}

#[tokio::test]
async fn link_outlives_the_listener() {
    let (a, b) = (Port::open(CALLER), Port::open(CALLEE));
    let (to_a, to_b) = (a.at, b.at);
    let mut caller = a.punch(to_b, Side::Caller);
    let mut callee = b.punch(to_a, Side::Callee(to_a));
    let ((_a, mut a), (_b, mut b)) = tokio::join!(caller.linked(), callee.linked());
    drop((caller, callee));
    expect_connected(&mut a, &mut b).await;
}

#[tokio::test]
async fn relay_is_dialled_from_the_port_that_listens() {
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = Port::open(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let to = relay.local_addr().unwrap();
    let (rendezvous, accepted) = tokio::join!(connect_from(port.at, to), relay.accept());
    assert_eq!(accepted.unwrap().1.port(), port.at.port());
    drop(rendezvous);
    let other_family = connect_from(port.at, "[::1]:9247".parse().unwrap()).await;
    assert_eq!(other_family.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
}
