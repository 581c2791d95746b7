//! The relay on real sockets.

#![allow(clippy::unwrap_used)]

mod in_process;
#[path = "../patience/mod.rs"]
mod patience;

use std::net::SocketAddr;
use std::time::Duration;

use patience::{PATIENCE, timeout};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use xcher::relay::{self, RelayConfig};
use xcher_core::RelayLimits;

struct Relay {
    addr: SocketAddr,
    relay: relay::Relay,
    stop: oneshot::Sender<()>,
    done: JoinHandle<std::io::Result<()>>,
}

impl Relay {
    async fn start(limits: RelayLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::run(listener, RelayConfig { limits, ..RelayConfig::default() })
    }

    /// Starts a relay that knows its own TCP port.
    async fn start_with_port(limits: RelayLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = Some(listener.local_addr().unwrap().port());
        Self::run(listener, RelayConfig { limits, port, ..RelayConfig::default() })
    }

    fn run(listener: TcpListener, config: RelayConfig) -> Self {
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let relay = relay::Relay::new(config).unwrap();
        let runs = relay.clone();
        let done = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            runs.run(listener, stopped).await
        });
        Self { addr, relay, stop, done }
    }

    async fn connect(&self) -> Client {
        let socket = timeout(PATIENCE, TcpStream::connect(self.addr)).await.unwrap().unwrap();
        Client(BufReader::new(socket))
    }

    async fn join(&self, nick: &str) -> Client {
        let mut client = self.connect().await;
        client.say(&format!("X_NICK {nick}\n")).await;
        assert_eq!(client.line().await, format!("X_NICK {nick} YES\n"));
        client
    }
}

struct Client<S = TcpStream>(BufReader<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn say(&mut self, text: &str) {
        timeout(PATIENCE, self.0.write_all(text.as_bytes())).await.unwrap().unwrap();
    }

    /// Returns the next line with its end; empty once the relay has closed.
    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(PATIENCE, self.0.read_line(&mut line)).await.unwrap().unwrap();
        line
    }

    /// Returns everything until the relay closes.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        timeout(PATIENCE, self.0.read_to_string(&mut rest)).await.unwrap().unwrap();
        rest
    }

    /// Asks so many times who is online, closes its own direction, and expects every answer with all the nicks.
    async fn expect_lists(mut self, times: usize, nicks: usize) {
        self.say(&"X_WHO\n".repeat(times)).await;
        self.0.shutdown().await.unwrap();
        let answer = self.rest().await;
        assert_eq!(answer.lines().filter(|line| *line == "X_WHO EOF").count(), times);
        assert_eq!(answer.lines().count(), times * (nicks + 1));
    }
}

#[tokio::test]
async fn answers_packets_typed_by_hand() {
    let relay = Relay::start(RelayLimits::default()).await;
    let mut me = relay.join("me").await;
    let mut you = relay.join("you").await;
    me.say("X_WHO\n").await;
    assert_eq!(me.line().await, "X_WHO me\n");
    assert_eq!(me.line().await, "X_WHO you\n");
    assert_eq!(me.line().await, "X_WHO EOF\n");
    me.say("X_ADDR\nX_PING 1\n").await;
    assert_eq!(me.line().await, "X_ADDR 127.0.0.1\n");
    assert_eq!(me.line().await, "X_PONG 1\n");
    me.say("X_INIT nobody 127.0.0.1 4000\n").await;
    assert_eq!(me.line().await, "X_ERR X_INIT no such nick: nobody\n");
    you.say("X_END\n").await;
    assert_eq!(you.line().await, "");
}

#[tokio::test]
async fn forwards_x_init_byte_for_byte() {
    let relay = Relay::start(RelayLimits::default()).await;
    let mut alice = relay.join("alice").await;
    let mut bob = relay.join("bob").await;
    for line in ["X_INIT bob 127.0.0.1 4000\n", "X_INIT bob 127.0.0.1 4001\r\n"] {
        alice.say(line).await;
        assert_eq!(bob.line().await, line);
    }
    bob.say("X_CAPS from\nX_PING sure\n").await;
    assert_eq!(bob.line().await, "X_PONG sure\n");
    for half in ["X_INIT b", "ob 127.0.0.1", " 4002\r", "\n"] {
        alice.say(half).await;
        // The pong proves that the relay has read this part separately.
        if half != "\n" {
            bob.say("X_PING read\n").await;
            assert_eq!(bob.line().await, "X_PONG read\n");
        }
    }
    assert_eq!(bob.line().await, "X_FROM alice\n");
    assert_eq!(bob.line().await, "X_INIT bob 127.0.0.1 4002\r\n");
}

#[tokio::test]
async fn refuses_and_closes_other_protocols() {
    let relay = Relay::start(RelayLimits::default()).await;
    let body = "x".repeat(100_000);
    let request = format!("POST / HTTP/1.1\r\nHost: a\r\n\r\nX_NICK evil\n{body}");
    let mut browser = relay.connect().await;
    browser.say(&request).await;
    assert_eq!(
        browser.rest().await,
        "X_ERR - expected an XCHER packet such as X_NICK nick, got \"POST / HTTP/1.1\"\n"
    );
    let mut tls = relay.connect().await;
    tls.0.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\xe9").await.unwrap();
    assert!(tls.rest().await.starts_with("X_ERR - expected UTF-8"));
}

#[tokio::test]
async fn a_half_closed_connection_gets_its_answer() {
    let limits = RelayLimits { per_address: 4000, connections: 4000, ..RelayLimits::default() };
    let relay = Relay::start(limits).await;
    let mut online = Vec::new();
    for number in 0..300 {
        online.push(relay.join(&format!("n{number:0>31}")).await);
    }
    relay.connect().await.expect_lists(20, 300).await;
}

#[tokio::test]
async fn a_dead_connection_frees_its_nick() {
    let silence = Duration::from_millis(100);
    let relay =
        Relay::start(RelayLimits { silence_timeout: silence, ..RelayLimits::default() }).await;
    let mut dead = relay.join("bob").await;
    let mut heir = relay.connect().await;
    heir.say("X_NICK bob\n").await;
    assert_eq!(heir.line().await, "X_NICK bob NO\n");
    // It is pinged, does not answer, and is closed.
    assert_eq!(dead.line().await, "X_PING 1\n");
    let mut byte = [0];
    let end = timeout(PATIENCE, dead.0.read(&mut byte)).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    heir.say("X_NICK bob\n").await;
    assert_eq!(heir.line().await, "X_NICK bob YES\n");
}

#[tokio::test]
async fn a_lost_connection_frees_its_nick() {
    let relay = Relay::start(RelayLimits::default()).await;
    let mut watcher = relay.join("watcher").await;
    for reset in [false, true] {
        let bob = relay.join("bob").await;
        if reset {
            bob.0.get_ref().set_zero_linger().unwrap();
        }
        drop(bob);
        // Until the relay has noticed, bob is called; each answer shows progress.
        loop {
            watcher.say("X_INIT bob 127.0.0.1 4000\n").await;
            watcher.say("X_PING x\n").await;
            let line = watcher.line().await;
            if line == "X_PONG x\n" {
                continue;
            }
            assert_eq!(line, "X_ERR X_INIT no such nick: bob\n");
            assert_eq!(watcher.line().await, "X_PONG x\n");
            break;
        }
    }
}

#[tokio::test]
async fn closes_a_connection_without_a_nick() {
    let nameless = Duration::from_millis(50);
    let relay =
        Relay::start(RelayLimits { nick_timeout: nameless, ..RelayLimits::default() }).await;
    assert_eq!(relay.connect().await.rest().await, "X_ERR - no X_NICK within 50ms\n");
}

#[tokio::test]
async fn refuses_a_connection_above_the_limit() {
    let relay = Relay::start(RelayLimits { per_address: 1, ..RelayLimits::default() }).await;
    let first = relay.join("first").await;
    let mut second = relay.connect().await;
    second.say("X_NICK second\n").await;
    assert_eq!(
        second.rest().await,
        "X_ERR - too many connections from your address: the limit is 1\n"
    );
    drop(first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_a_thousand_clients_at_once() {
    let limits = RelayLimits { per_address: 2000, ..RelayLimits::default() };
    let relay = Relay::start(limits).await;
    let joins = (0..1000).map(|number| {
        let addr = relay.addr;
        tokio::spawn(async move {
            let mut client = Client(BufReader::new(TcpStream::connect(addr).await.unwrap()));
            client.say(&format!("X_NICK n{number}\n")).await;
            assert_eq!(client.line().await, format!("X_NICK n{number} YES\n"));
            client
        })
    });
    let joins: Vec<_> = joins.collect();
    let mut clients = Vec::new();
    for join in joins {
        clients.push(join.await.unwrap());
    }
    // Each client calls its neighbour at the same time.
    let calls: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(number, mut client)| {
            tokio::spawn(async move {
                for round in 1..=20 {
                    let next = (number + 1) % 1000;
                    client.say(&format!("X_INIT n{next} 127.0.0.1 {round}\r\n")).await;
                }
                for round in 1..=20 {
                    let expected = format!("X_INIT n{number} 127.0.0.1 {round}\r\n");
                    assert_eq!(client.line().await, expected);
                }
                client
            })
        })
        .collect();
    let mut clients = Vec::new();
    for call in calls {
        clients.push(call.await.unwrap());
    }
    clients[0].say("X_WHO\n").await;
    let mut nicks = 0;
    while clients[0].line().await != "X_WHO EOF\n" {
        nicks += 1;
    }
    assert_eq!(nicks, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closes_a_client_that_does_not_read_and_serves_others() {
    let limits = RelayLimits { asks_per_minute: u32::MAX, ..RelayLimits::default() };
    let relay = Relay::start(limits).await;
    // With the smallest receive buffer that the system permits.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    let mut deaf = Client(BufReader::new(socket.connect(relay.addr).await.unwrap()));
    deaf.say("X_NICK deaf\n").await;
    assert_eq!(deaf.line().await, "X_NICK deaf YES\n");
    let mut alice = relay.join("alice").await;
    let mut bob = relay.join("bob").await;
    // The system's buffers, whose size is unknown, must be full first.
    let calls = "X_INIT deaf 127.0.0.1 4000\n".repeat(1000);
    let closed = "X_ERR X_INIT deaf does not read and was disconnected\n";
    let mut calls_sent = 0;
    let answer = loop {
        alice.say(&calls).await;
        alice.say("X_PING x\nX_INIT bob 127.0.0.1 4000\n").await;
        calls_sent += 1000;
        assert_eq!(bob.line().await, "X_INIT bob 127.0.0.1 4000\n", "bob is not delayed");
        let line = alice.line().await;
        if line != "X_PONG x\n" {
            break line;
        }
        assert!(calls_sent < 10_000_000, "{calls_sent} calls without an end");
    };
    assert_eq!(answer, closed);
    let mut bytes = Vec::new();
    let end = timeout(PATIENCE, deaf.0.read_to_end(&mut bytes)).await.unwrap();
    assert!(end.is_err(), "reset, because its unread bytes are dropped");
}

#[tokio::test]
async fn stopping_sends_x_end_to_all_and_does_not_wait() {
    let relay = Relay::start(RelayLimits::default()).await;
    let mut alice = relay.join("alice").await;
    let mut nameless = relay.connect().await;
    // An answer proves that the connection was accepted.
    nameless.say("X_PING x\n").await;
    nameless.line().await;
    relay.stop.send(()).unwrap();
    assert_eq!(alice.rest().await, "X_END\n");
    assert_eq!(nameless.rest().await, "X_END\n");
    // Neither closes, and the relay stops all the same.
    timeout(PATIENCE, relay.done).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(relay.addr).await.is_err());
}

#[tokio::test]
async fn dropping_a_relay_closes_all_connections() {
    let relay = Relay::start(RelayLimits::default()).await;
    let mut alice = relay.join("alice").await;
    relay.done.abort();
    assert_eq!(alice.rest().await, "");
}
