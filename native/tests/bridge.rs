//! What the bridge lends a tunnel, and what it refuses: tunnels over memory, dials over loopback.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};
use xcher::bridge::mux::{self, Opener, Stream};
use xcher::bridge::{Bridge, BridgeConfig};
use xcher::relay::{Relay, RelayConfig};
use yamux::Mode;

const HERE: &str = "127.0.0.1:5000";
/// A client on the internet.
const FAR: &str = "8.8.8.8:5000";

fn bridge() -> Bridge {
    let config = BridgeConfig { listeners: 2, ..BridgeConfig::at([127, 0, 0, 1].into()) };
    Bridge::new(Relay::new(RelayConfig::default()), config)
}

/// The client's side of a tunnel.
struct Tunnel {
    opener: Opener,
    inbound: mpsc::UnboundedReceiver<Stream>,
    serve: JoinHandle<()>,
    run: JoinHandle<()>,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.run.abort();
    }
}

impl Tunnel {
    fn open(bridge: &Bridge, client: &str) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let (bridge, client) = (bridge.clone(), client.parse().unwrap());
        let serve =
            tokio::spawn(async move { bridge.serve(theirs, client, [127, 0, 0, 1].into()).await });
        let (sender, inbound) = mpsc::unbounded_channel();
        let (opener, run) = mux::run(ours, Mode::Client, move |stream| drop(sender.send(stream)));
        let run = tokio::spawn(async move { drop(run.await) });
        Self { opener, inbound, serve, run }
    }

    async fn say(&self, line: &str) -> Stream {
        let mut stream = self.opener.open().await.unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        stream
    }

    /// A stream of this first line, and the answer to it.
    async fn ask(&self, line: &str) -> (Stream, String) {
        let mut stream = self.say(line).await;
        let answer = read_line(&mut stream).await;
        (stream, answer)
    }

    async fn refused(&self, line: &str, because: &str) {
        let (_, answer) = self.ask(line).await;
        assert!(answer.starts_with("NO ") && answer.contains(because), "{line}: {answer}");
    }

    async fn join(&self, nick: &str) -> Stream {
        let mut relay = self.say("X_RELAY").await;
        relay.write_all(format!("X_NICK {nick}\n").as_bytes()).await.unwrap();
        assert_eq!(read_line(&mut relay).await, format!("X_NICK {nick} YES"));
        relay
    }

    async fn listen(&self) -> (Stream, SocketAddr) {
        let (stream, answer) = self.ask("X_LISTEN").await;
        let fields: Vec<_> = answer.split(' ').collect();
        assert_eq!((fields[0], fields[1]), ("X_LISTEN", "127.0.0.1"));
        (stream, format!("127.0.0.1:{}", fields[2]).parse().unwrap())
    }

    async fn visitor(&mut self) -> (Stream, String) {
        let mut stream = soon(self.inbound.recv()).await.unwrap();
        let line = read_line(&mut stream).await;
        (stream, line)
    }
}

async fn soon<R>(future: impl Future<Output = R>) -> R {
    timeout(Duration::from_secs(10), future).await.expect("in time")
}

async fn read_line(stream: &mut Stream) -> String {
    soon(mux::first_line(stream)).await.unwrap()
}

fn fields(at: SocketAddr) -> String {
    format!("{} {}", at.ip(), at.port())
}

/// Alice calls Bob over the relay: Bob's link brings the X_INIT.
async fn call(alice: &mut Stream, bob: &mut Stream, at: SocketAddr) {
    let init = format!("X_INIT bob {}", fields(at));
    alice.write_all(format!("{init}\n").as_bytes()).await.unwrap();
    assert_eq!(read_line(bob).await, init);
}

/// Bytes go both ways, and each way ends by itself.
async fn talk(
    one: &mut Stream,
    other: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
) {
    one.write_all(b"question").await.unwrap();
    one.shutdown().await.unwrap();
    let mut heard = String::new();
    soon(other.read_to_string(&mut heard)).await.unwrap();
    assert_eq!(heard, "question");
    other.write_all(b"answer").await.unwrap();
    other.shutdown().await.unwrap();
    heard.clear();
    soon(one.read_to_string(&mut heard)).await.unwrap();
    assert_eq!(heard, "answer");
}

#[tokio::test]
async fn two_tunnels_of_one_bridge_meet() {
    let bridge = bridge();
    let (mut alice, bob) = (Tunnel::open(&bridge, FAR), Tunnel::open(&bridge, "9.9.9.9:1"));
    let (mut to_alice, mut to_bob) = (alice.join("alice").await, bob.join("bob").await);
    let (_listener, at) = alice.listen().await;
    call(&mut to_alice, &mut to_bob, at).await;
    let (mut control, answer) = bob.ask(&format!("X_DIAL {}", fields(at))).await;
    assert_eq!(answer, "YES");
    let (mut visit, line) = alice.visitor().await;
    assert!(line.starts_with(&format!("X_ACCEPT {} 127.0.0.1 ", at.port())), "{line}");
    talk(&mut control, &mut visit).await;
}

#[tokio::test]
async fn a_tunnel_meets_a_host_on_tcp_both_ways() {
    let bridge = bridge();
    let mut alice = Tunnel::open(&bridge, HERE);
    let (listener, at) = alice.listen().await;
    let mut tcp = TcpStream::connect(at).await.unwrap();
    let (mut visit, line) = alice.visitor().await;
    let from = tcp.local_addr().unwrap();
    assert_eq!(line, format!("X_ACCEPT {} {}", at.port(), fields(from)));
    // Data goes back to who connected, and nowhere else.
    let data = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = fields(data.local_addr().unwrap());
    let (mut stream, answer) = alice.ask(&format!("X_DIAL {to}")).await;
    assert_eq!(answer, "YES");
    let (mut socket, _) = data.accept().await.unwrap();
    talk(&mut stream, &mut socket).await;
    talk(&mut visit, &mut tcp).await;
    // After the session has ended, no more; and without its stream the listener is gone.
    drop((visit, tcp, stream, socket, listener));
    soon(async {
        while !alice.ask(&format!("X_DIAL {to}")).await.1.contains("expected an address") {
            tokio::task::yield_now().await;
        }
        while TcpStream::connect(at).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_dial_that_no_x_init_brought_is_refused() {
    let bridge = bridge();
    let tunnel = Tunnel::open(&bridge, HERE);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tunnel.refused(&format!("X_DIAL {}", fields(at)), "that an X_INIT brought").await;
    tunnel.refused("X_DIAL 127.0.0.1 80", "port from 1024 up").await;
    tunnel.refused("X_DIAL 169.254.169.254 8080", "that an X_INIT brought").await;
}

#[tokio::test]
async fn an_address_near_the_bridge_is_refused_to_a_client_that_is_far() {
    let bridge = bridge();
    // Someone on the bridge's host calls with an address that is right for it.
    let (alice, far) = (Tunnel::open(&bridge, HERE), Tunnel::open(&bridge, FAR));
    let (mut to_alice, mut to_far) = (alice.join("alice").await, far.join("bob").await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    call(&mut to_alice, &mut to_far, at).await;
    far.refused(&format!("X_DIAL {}", fields(at)), "reaches as far as the link").await;
}

#[tokio::test]
async fn a_call_is_dialled_once() {
    let bridge = bridge();
    let (alice, bob) = (Tunnel::open(&bridge, HERE), Tunnel::open(&bridge, HERE));
    let (mut to_alice, mut to_bob) = (alice.join("alice").await, bob.join("bob").await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    call(&mut to_alice, &mut to_bob, at).await;
    let dial = format!("X_DIAL {}", fields(at));
    let (control, answer) = bob.ask(&dial).await;
    assert_eq!(answer, "YES");
    drop((control, listener.accept().await.unwrap()));
    soon(async {
        while !bob.ask(&dial).await.1.contains("that an X_INIT brought") {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn first_lines_that_are_none_are_told_so() {
    let bridge = bridge();
    let tunnel = Tunnel::open(&bridge, HERE);
    tunnel.refused("GET / HTTP/1.1", "expected X_RELAY").await;
    tunnel.refused("X_ACCEPT 4000 127.0.0.1 5000", "expected X_RELAY, X_LISTEN or X_DIAL").await;
    tunnel.refused("X_DIAL example.org 4000", "expected X_RELAY").await;
    tunnel.refused(&"x".repeat(400), "at most 256 bytes").await;
    let _relay = tunnel.join("alice").await;
    tunnel.refused("X_RELAY", "one X_RELAY a tunnel").await;
}

#[tokio::test]
async fn a_tunnel_has_so_many_listeners_and_gets_them_back() {
    let bridge = bridge();
    let tunnel = Tunnel::open(&bridge, HERE);
    let (first, _) = tunnel.listen().await;
    let _second = tunnel.listen().await;
    tunnel.refused("X_LISTEN", "fewer listeners").await;
    drop(first);
    soon(async {
        while !tunnel.ask("X_LISTEN").await.1.starts_with("X_LISTEN ") {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_tunnel_that_dies_takes_all_with_it() {
    let bridge = bridge();
    let mut alice = Tunnel::open(&bridge, HERE);
    let (_listener, at) = alice.listen().await;
    let mut tcp = TcpStream::connect(at).await.unwrap();
    let (_visit, _) = alice.visitor().await;
    alice.run.abort();
    soon(&mut alice.serve).await.unwrap();
    assert!(TcpStream::connect(at).await.is_err(), "the listener is gone");
    let mut rest = Vec::new();
    // An end or a reset, at once.
    let _ = soon(tcp.read_to_end(&mut rest)).await;
    assert_eq!(rest, b"");
}
