#![allow(clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use xcher_core::tunnel::STREAM_CREDIT;

use super::*;

/// Returns two connected sockets.
async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(to), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// Both sides of a link, each with its control connection: first the caller's.
async fn link() -> [(Link, TcpStream); 2] {
    let (caller, callee) = sockets().await;
    let to = callee.peer_addr().unwrap();
    let (caller, callee) = tokio::join!(
        Link::establish(caller, Side::Caller),
        Link::establish(callee, Side::Callee(to))
    );
    [caller.unwrap(), callee.unwrap()]
}

/// Opens a data connection from one side to a port of the other.
async fn data(from: &Link, to: &Link) -> (TcpStream, TcpStream) {
    let mut port = to.client().listen();
    assert!(port.number >= 1024);
    let at = SocketAddr::new(from.addresses().1.ip(), port.number);
    let client = from.client();
    let (opened, accepted) = tokio::join!(client.dial(at), port.accept());
    let (accepted, remote) = accepted.unwrap();
    assert_eq!(remote, to.addresses().1);
    (opened.unwrap(), accepted)
}

async fn expect_byte(socket: &mut TcpStream, byte: u8) {
    assert_eq!(socket.read_u8().await.unwrap(), byte);
}

/// Reads to the end, which must be a cut and not look like the end of a file.
async fn expect_reset(socket: &mut TcpStream) {
    let mut rest = Vec::new();
    let error = socket.read_to_end(&mut rest).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

fn blocking(socket: TcpStream) -> std::net::TcpStream {
    let socket = socket.into_std().unwrap();
    socket.set_nonblocking(false).unwrap();
    socket
}

fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn control_and_data_connections_carry_bytes_both_ways() {
    let [(caller, mut a), (callee, mut b)] = link().await;
    a.write_all(b"a").await.unwrap();
    b.write_all(b"b").await.unwrap();
    expect_byte(&mut a, b'b').await;
    expect_byte(&mut b, b'a').await;

    let mut threads = Vec::new();
    for (seed, (from, to)) in
        [(1, (&caller, &callee)), (2, (&callee, &caller)), (3, (&callee, &caller))]
    {
        let (opened, accepted) = data(from, to).await;
        // The side that opens the connection sends or receives.
        let (sender, receiver) = if seed == 3 { (accepted, opened) } else { (opened, accepted) };
        let (mut sender, mut receiver) = (blocking(sender), blocking(receiver));
        threads.push(thread::spawn(move || sender.write_all(&bytes(seed, 64 << 20)).unwrap()));
        threads.push(thread::spawn(move || {
            let mut received = Vec::new();
            receiver.read_to_end(&mut received).unwrap();
            assert!(received == bytes(seed, 64 << 20), "other bytes arrived: {}", received.len());
        }));
    }
    tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| thread.join().unwrap()))
        .await
        .unwrap();

    a.write_all(b"c").await.unwrap();
    expect_byte(&mut b, b'c').await;
}

#[tokio::test]
async fn stream_to_a_port_without_listener_is_reset() {
    let [(caller, _a), (callee, _b)] = link().await;
    let port = callee.client().listen();
    let at = SocketAddr::new(caller.addresses().1.ip(), port.number);
    drop(port);
    let mut stream = caller.client().dial(at).await.unwrap();
    expect_reset(&mut stream).await;
}

#[tokio::test]
async fn cut_link_resets_its_streams() {
    let [(caller, _a), (callee, mut b)] = link().await;
    let (mut sender, mut receiver) = data(&caller, &callee).await;
    sender.write_all(&[1; 1000]).await.unwrap();
    expect_byte(&mut receiver, 1).await;
    let mut port = callee.client().listen();
    // The process of the other host ends, or its network does.
    drop(caller);
    expect_reset(&mut receiver).await;
    expect_reset(&mut b).await;
    assert!(port.accept().await.is_none());
    let at = callee.addresses().1;
    assert_eq!(callee.client().dial(at).await.unwrap_err().kind(), io::ErrorKind::NotConnected);
}

#[tokio::test]
async fn closing_sends_what_was_written_to_the_control_connection() {
    let [(caller, mut a), (_callee, mut b)] = link().await;
    let sent = bytes(1, STREAM_CREDIT / 2);
    a.write_all(&sent).await.unwrap();
    drop(a);
    let closed = tokio::spawn(caller.close());
    let mut received = Vec::new();
    b.read_to_end(&mut received).await.unwrap();
    assert!(received == sent, "{} bytes arrived", received.len());
    drop(b);
    closed.await.unwrap();
}

#[tokio::test]
async fn closing_ends_although_the_other_host_reads_nothing() {
    let [(caller, mut a), (callee, b)] = link().await;
    let (mut data, _held) = data(&caller, &callee).await;
    a.write_all(b"a").await.unwrap();
    drop(a);
    caller.close().await;
    assert!(data.read_u8().await.is_err());
    drop(b);
}

/// The other side of a link that is made by hand: a caller expects its control connection.
async fn by_hand() -> (tokio::task::JoinHandle<io::Result<(Link, TcpStream)>>, TcpStream) {
    let (ours, theirs) = sockets().await;
    (tokio::spawn(Link::establish(ours, Side::Caller)), theirs)
}

async fn expect_closed(mut socket: TcpStream) {
    let mut rest = Vec::new();
    // A reset will do, too.
    let _ = socket.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn garbage_is_no_link() {
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4096], b"X_TICKET AAAA\n"] {
        let (establish, mut socket) = by_hand().await;
        socket.write_all(garbage).await.unwrap();
        assert!(establish.await.unwrap().is_err());
        expect_closed(socket).await;
    }
}

#[tokio::test]
async fn first_stream_must_be_the_control_connection() {
    for line in ["X_RELAY\n", "X_DIAL\n", "X_LIST\n", "\n", &"x".repeat(300)] {
        let (establish, socket) = by_hand().await;
        let (opener, run) = multiplex(socket, Mode::Client, drop);
        let run = tokio::spawn(run);
        let mut stream = opener.open().await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        assert!(establish.await.unwrap().is_err(), "{line}");
        let _ = run.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn silent_host_has_a_time_limit() {
    let (establish, socket) = by_hand().await;
    assert_eq!(establish.await.unwrap().err().unwrap().kind(), io::ErrorKind::TimedOut);
    expect_closed(socket).await;
}

#[tokio::test]
async fn other_streams_are_reset_before_the_control_connection_is_open() {
    let (establish, socket) = by_hand().await;
    let (opener, run) = multiplex(socket, Mode::Client, drop);
    let _run = tokio::spawn(run);
    // Opened, so it is the first; but its line is not complete.
    let mut first = opener.open().await.unwrap();
    first.write_all(b"X_DIAL ").await.unwrap();
    for _ in 0..100 {
        let mut stream = opener.open().await.unwrap();
        stream.write_all(b"X_DIAL 127.0.0.1 4000\n").await.unwrap();
        // A reset looks like an end here.
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        assert!(stream.is_closed());
    }
    first.write_all(b"127.0.0.1 4000\nrest").await.unwrap();
    let (_link, mut control) = establish.await.unwrap().unwrap();
    expect_byte(&mut control, b'r').await;
}

#[tokio::test]
async fn streams_of_a_link_are_limited() {
    let (establish, socket) = by_hand().await;
    let (opener, run) = multiplex(socket, Mode::Client, drop);
    let _run = tokio::spawn(run);
    let mut control = opener.open().await.unwrap();
    control.write_all(b"X_DIAL 127.0.0.1 4000\n").await.unwrap();
    let (link, _control) = establish.await.unwrap().unwrap();
    let mut port = link.client().listen();
    let line = FirstLine::Dial(SocketAddr::new([127, 0, 0, 1].into(), port.number)).to_line();
    // Accepts all that arrive, and holds them.
    let held = Arc::new(Mutex::new(Vec::new()));
    let hold = Arc::clone(&held);
    tokio::spawn(async move {
        while let Some((mut socket, _)) = port.accept().await {
            socket.write_all(b"y").await.unwrap();
            hold.lock().unwrap().push(socket);
        }
    });
    let mut streams = Vec::new();
    for _ in 0..MAX_STREAMS {
        let mut stream = opener.open().await.unwrap();
        stream.write_all(&line).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'y');
        streams.push(stream);
    }
    let mut excess = opener.open().await.unwrap();
    excess.write_all(&line).await.unwrap();
    assert_eq!(excess.read(&mut [0]).await.unwrap(), 0);

    // One that ends makes room for another.
    drop(streams.pop());
    loop {
        let mut stream = opener.open().await.unwrap();
        stream.write_all(&line).await.unwrap();
        if stream.read(&mut [0]).await.unwrap() == 1 {
            break;
        }
    }
}
