//! In-process connections.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{DuplexStream, ReadBuf, duplex};
use xcher::relay::InProcessConnection;

use super::*;

const FROM: &str = "127.0.0.1:5000";

impl Relay {
    /// Connects from `from`, over a pipe with a buffer of `room` bytes.
    fn pipe_from(&self, from: &str, room: usize) -> (Client<DuplexStream>, InProcessConnection) {
        let (ours, theirs) = duplex(room);
        let connection = self.relay.connect(theirs, from.parse().unwrap(), |_| {});
        (Client(BufReader::new(ours)), connection)
    }

    async fn pipe(&self, nick: &str) -> (Client<DuplexStream>, InProcessConnection) {
        let (mut client, connection) = self.pipe_from(FROM, 4096);
        client.say(&format!("X_NICK {nick}\n")).await;
        assert_eq!(client.line().await, format!("X_NICK {nick} YES\n"));
        (client, connection)
    }
}

#[tokio::test]
async fn forwards_x_init_byte_for_byte_both_ways() {
    let relay = Relay::start(RelayLimits::default()).await;
    let mut alice = relay.join("alice").await;
    let (mut bob, _bob) = relay.pipe("bob").await;
    let (mut carol, _carol) = relay.pipe("carol").await;
    for end in ["\n", "\r\n"] {
        let to_bob = format!("X_INIT bob 127.0.0.1 04000{end}");
        alice.say(&to_bob).await;
        assert_eq!(bob.line().await, to_bob);
        carol.say(&to_bob).await;
        assert_eq!(bob.line().await, to_bob);
        let to_alice = format!("X_INIT alice 127.0.0.1 4001{end}");
        bob.say(&to_alice).await;
        assert_eq!(alice.line().await, to_alice);
    }
    bob.say("X_WHO\nX_ADDR\n").await;
    for line in ["X_WHO alice\n", "X_WHO bob\n", "X_WHO carol\n", "X_WHO EOF\n"] {
        assert_eq!(bob.line().await, line);
    }
    assert_eq!(bob.line().await, "X_ADDR 127.0.0.1\n");
    bob.say("X_END\n").await;
    assert_eq!(bob.line().await, "");
}

#[tokio::test]
async fn dropping_a_connection_closes_it_at_once() {
    let relay = Relay::start(RelayLimits::default()).await;
    let (mut bob, connection) = relay.pipe("bob").await;
    drop(connection);
    let (_heir, _connection) = relay.pipe("bob").await;
    assert_eq!(bob.line().await, "");
}

#[tokio::test]
async fn a_disconnect_frees_the_nick() {
    let relay = Relay::start(RelayLimits::default()).await;
    let mut watcher = relay.join("watcher").await;
    let (bob, _connection) = relay.pipe("bob").await;
    drop(bob);
    // Each answer shows progress, until the relay has noticed.
    loop {
        watcher.say("X_INIT bob 127.0.0.1 4000\nX_PING x\n").await;
        let line = watcher.line().await;
        if line == "X_PONG x\n" {
            continue;
        }
        assert_eq!(line, "X_ERR X_INIT no such nick: bob\n");
        break;
    }
}

#[tokio::test]
async fn allows_and_revokes_an_address() {
    let relay = Relay::start(RelayLimits::default()).await;
    let mut alice = relay.join("alice").await;
    let (mut bob, connection) = relay.pipe("bob").await;
    let (mut carol, _carol) = relay.pipe("carol").await;
    let call = "X_INIT alice 9.9.9.9 4000\n";
    let refused =
        "X_ERR X_INIT refused: 9.9.9.9 is not your address; the relay sees you at 127.0.0.1\n";
    bob.say(call).await;
    assert_eq!(bob.line().await, refused);
    connection.allow_address("9.9.9.9:4000".parse().unwrap());
    bob.say(call).await;
    assert_eq!(alice.line().await, call);
    bob.say("X_INIT alice 9.9.9.9 4001\n").await;
    assert_eq!(bob.line().await, refused);
    carol.say(call).await;
    assert_eq!(carol.line().await, refused);
    connection.revoke_address("9.9.9.9:4000".parse().unwrap());
    bob.say(call).await;
    assert_eq!(bob.line().await, refused);
}

#[tokio::test]
async fn connections_count_under_their_address() {
    let relay = Relay::start(RelayLimits { per_address: 1, ..RelayLimits::default() }).await;
    let (mut first, connection) = relay.pipe_from("9.9.9.9:1", 4096);
    let (mut second, _second) = relay.pipe_from("9.9.9.9:2", 4096);
    assert_eq!(
        second.rest().await,
        "X_ERR - too many connections from your address: the limit is 1\n"
    );
    first.say("X_ADDR\n").await;
    assert_eq!(first.line().await, "X_ADDR 9.9.9.9\n");
    drop(connection);
    let (mut third, _third) = relay.pipe_from("9.9.9.9:3", 4096);
    third.say("X_PING x\n").await;
    assert_eq!(third.line().await, "X_PONG x\n");
}

#[tokio::test]
async fn a_half_closed_stream_gets_its_answer_in_small_parts() {
    let limits = RelayLimits { per_address: 4000, ..RelayLimits::default() };
    let relay = Relay::start(limits).await;
    let mut online = Vec::new();
    for number in 0..300 {
        online.push(relay.pipe(&format!("n{number:0>31}")).await);
    }
    let (asker, _connection) = relay.pipe_from(FROM, 7);
    asker.expect_lists(20, 300).await;
}

#[tokio::test]
async fn closes_a_stream_that_does_not_read_and_serves_others() {
    let limits = RelayLimits { asks_per_minute: u32::MAX, ..RelayLimits::default() };
    let unsent = limits.unsent;
    let relay = Relay::start(limits).await;
    let (mut deaf, _deaf) = relay.pipe("deaf").await;
    let mut alice = relay.join("alice").await;
    let call = "X_INIT deaf 127.0.0.1 4000\n";
    alice.say(&call.repeat(unsent / call.len() - 1)).await;
    alice.say("X_PING x\n").await;
    assert_eq!(alice.line().await, "X_PONG x\n", "as much as the limit holds");
    // More than the pipe holds.
    alice.say(&call.repeat(4096 / call.len() + 2)).await;
    assert_eq!(alice.line().await, "X_ERR X_INIT deaf does not read and was disconnected\n");
    // Bytes that did not fit the pipe are dropped.
    assert!(deaf.rest().await.len() <= 4096);
}

#[tokio::test]
async fn stopping_sends_x_end_in_process_too() {
    let relay = Relay::start(RelayLimits::default()).await;
    let (mut alice, _alice) = relay.pipe("alice").await;
    // A client whose pipe is full does not delay the end.
    let (mut deaf, _deaf) = relay.pipe_from(FROM, 1);
    deaf.say("X_PING x\n").await;
    relay.stop.send(()).unwrap();
    assert_eq!(alice.rest().await, "X_END\n");
    timeout(PATIENCE, relay.done).await.unwrap().unwrap().unwrap();
    let (ours, theirs) = duplex(64);
    let _late = relay.relay.connect(theirs, FROM.parse().unwrap(), |_| {});
    assert_eq!(Client(BufReader::new(ours)).rest().await, "");
}

#[tokio::test]
async fn dropping_run_closes_in_process_connections_too() {
    let relay = Relay::start(RelayLimits::default()).await;
    let (mut alice, _alice) = relay.pipe("alice").await;
    relay.done.abort();
    assert_eq!(alice.rest().await, "");
}

/// Returns a line, then panics at the next read.
struct Breaking(Option<&'static [u8]>);

impl AsyncRead for Breaking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let Some(line) = self.0.take() else { panic!("on purpose: an error in a task") };
        space.put_slice(line);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Breaking {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_panic_ends_only_its_own_connection() {
    let relay = Relay::start(RelayLimits::default()).await;
    let mut alice = relay.join("alice").await;
    let _broken =
        relay.relay.connect(Breaking(Some(b"X_NICK bob\n")), FROM.parse().unwrap(), |_| {});
    // Once the nick is free again, the connection has ended.
    let freed = async {
        let mut tries = 0;
        loop {
            let mut heir = relay.connect().await;
            heir.say("X_NICK bob\n").await;
            if heir.line().await == "X_NICK bob YES\n" {
                return heir;
            }
            tries += 1;
            tokio::time::sleep(Duration::from_millis(10 * tries)).await;
        }
    };
    let mut heir = timeout(PATIENCE, freed).await.unwrap();
    alice.say("X_INIT bob 127.0.0.1 4000\n").await;
    assert_eq!(heir.line().await, "X_INIT bob 127.0.0.1 4000\n");
}

/// The hosts of a bridge meet over TCP, from the addresses at which the bridge sees them.
#[tokio::test]
async fn clients_of_a_bridge_meet_over_tcp() {
    let relay = Relay::start_with_port(RelayLimits::default()).await;
    let (mut alice, _alice) = relay.pipe("alice").await;
    let (mut bob, _bob) = relay.pipe("bob").await;
    for client in [&mut alice, &mut bob] {
        client.say("X_CAPS from ticket meet\n").await;
        assert_eq!(client.line().await, "X_CAPS from ticket near meet move page path decline\n");
    }
    let port = relay.addr.port();
    alice.say("X_MEET bob\n").await;
    assert_eq!(bob.line().await, "X_FROM alice\n");
    let (to_alice, to_bob) = (alice.line().await, bob.line().await);
    let end = format!(" {port}\n");
    let invitation = |line: &str, start: &str| {
        let field = line.strip_prefix(start).and_then(|line| line.strip_suffix(&end));
        field.unwrap_or_else(|| panic!("{line:?}")).to_owned()
    };
    let of_alice = invitation(&to_alice, "X_MEET bob ");
    let of_bob = invitation(&to_bob, "X_MEET ");
    // Not over the bridge.
    let (mut over_bridge, _connection) = relay.pipe_from(FROM, 4096);
    over_bridge.say(&format!("X_MEET {of_alice}\n")).await;
    assert!(over_bridge.rest().await.starts_with("X_ERR X_MEET no such invitation"));
    let (mut one, mut other) = (relay.connect().await, relay.connect().await);
    one.say(&format!("X_MEET {of_alice}\n")).await;
    other.say(&format!("X_MEET {of_bob}\n")).await;
    let [at_one, at_other] = [&one, &other].map(|client| client.0.get_ref().local_addr().unwrap());
    let (to_one, to_other) = (one.line().await, other.line().await);
    let shown = |line: &str, at: SocketAddr| {
        let start = format!("X_MEET {} {} ", at.ip(), at.port());
        line.strip_prefix(&start).unwrap_or_else(|| panic!("{line:?}")).to_owned()
    };
    assert_eq!(shown(&to_one, at_other), shown(&to_other, at_one), "the ticket");
    drop((one, alice));
}
