//! Listeners and connections that a tunnel gets.

use super::*;

/// Sends bytes in both directions, each of which is closed separately.
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
async fn connects_two_tunnels_of_one_bridge() {
    let front = front().await;
    let (mut alice, bob) = (front.open(FAR).await, front.open("9.9.9.9:1").await);
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
async fn connects_a_tunnel_and_a_host_on_tcp_both_ways() {
    let front = front().await;
    let mut alice = front.open(HERE).await;
    let ([_relay, listener], at) = alice.await_caller("alice").await;
    let mut tcp = TcpStream::connect(at).await.unwrap();
    let (mut visit, line) = alice.visitor().await;
    let from = tcp.local_addr().unwrap();
    assert_eq!(line, format!("X_ACCEPT {} {}", at.port(), fields(from)));
    // Data connections may go to the visitor, and nowhere else.
    let data = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = fields(data.local_addr().unwrap());
    let (mut stream, answer) = alice.ask(&format!("X_DIAL {to}")).await;
    assert_eq!(answer, "YES");
    let (mut socket, _) = data.accept().await.unwrap();
    talk(&mut stream, &mut socket).await;
    talk(&mut visit, &mut tcp).await;
    // Not after the session has ended; and without its stream the listener is closed.
    drop((visit, tcp, stream, socket, listener));
    let dial = format!("X_DIAL {to}");
    alice
        .ask_until(&dial, |answer| answer.contains("is not authorised by any call or session"))
        .await;
    wait_until_closed(at).await;
}

#[tokio::test]
async fn limits_a_tunnels_listeners_and_frees_them() {
    let front = front().await;
    let tunnel = front.open(HERE).await;
    let _relay = tunnel.join("alice").await;
    let (first, _) = tunnel.listen().await;
    let _second = tunnel.listen().await;
    tunnel.refused("X_LISTEN", "too many listeners").await;
    drop(first);
    tunnel.ask_until("X_LISTEN", |answer| answer.starts_with("X_LISTEN ")).await;
}

#[tokio::test]
async fn a_lost_tunnel_closes_its_listeners_and_connections() {
    let front = front().await;
    let mut alice = front.open(HERE).await;
    let (_listener, at) = alice.await_caller("alice").await;
    let mut tcp = TcpStream::connect(at).await.unwrap();
    let (_visit, _) = alice.visitor().await;
    alice.run.abort();
    let mut rest = Vec::new();
    let cut = soon(tcp.read_to_end(&mut rest)).await.unwrap_err();
    assert_eq!((cut.kind(), rest.len()), (io::ErrorKind::ConnectionReset, 0));
    wait_until_closed(at).await;
}

#[tokio::test]
async fn resets_pass_between_stream_and_connection() {
    let front = front().await;
    let mut alice = front.open(HERE).await;
    let (_listener, at) = alice.await_caller("alice").await;
    let mut tcp = TcpStream::connect(at).await.unwrap();
    let (mut visit, _) = alice.visitor().await;
    visit.write_all(b"the first part").await.unwrap();
    let mut came = [0; 14];
    soon(tcp.read_exact(&mut came)).await.unwrap();
    drop(visit);
    let cut = soon(tcp.read(&mut came)).await.unwrap_err();
    assert_eq!(cut.kind(), io::ErrorKind::ConnectionReset);

    let mut tcp = TcpStream::connect(at).await.unwrap();
    let (mut visit, _) = alice.visitor().await;
    tcp.write_all(b"the first part").await.unwrap();
    soon(visit.read_exact(&mut came)).await.unwrap();
    tcp.set_zero_linger().unwrap();
    drop(tcp);
    // A stream that was reset is closed for writing too; one that ended is not.
    assert_eq!(soon(visit.read(&mut came)).await.unwrap(), 0);
    assert!(visit.is_closed());
}

#[tokio::test]
async fn a_reset_passes_from_tunnel_to_tunnel() {
    let front = front().await;
    let (mut alice, bob) = (front.open(FAR).await, front.open("9.9.9.9:1").await);
    let (mut to_alice, mut to_bob) = (alice.join("alice").await, bob.join("bob").await);
    let (_listener, at) = alice.listen().await;
    call(&mut to_alice, &mut to_bob, at).await;
    let (mut control, _) = bob.ask(&format!("X_DIAL {}", fields(at))).await;
    let (mut visit, _) = alice.visitor().await;
    control.write_all(b"the first part").await.unwrap();
    let mut came = [0; 14];
    soon(visit.read_exact(&mut came)).await.unwrap();
    drop(control);
    assert_eq!(soon(visit.read(&mut came)).await.unwrap(), 0);
    assert!(visit.is_closed(), "it looks complete");
}

/// A host that receives a file, has read all bytes and disconnects, closes cleanly: only the next bytes sent show
/// that it is not there.
#[tokio::test]
async fn a_provider_notices_that_the_requester_disconnected() {
    let front = front().await;
    let mut alice = front.open(HERE).await;
    let (_listener, at) = alice.await_caller("alice").await;
    let mut tcp = TcpStream::connect(at).await.unwrap();
    let (mut visit, _) = alice.visitor().await;
    let mut part = vec![7; 128 << 10];
    visit.write_all(&part).await.unwrap();
    soon(tcp.read_exact(&mut part)).await.unwrap();
    drop(tcp);
    // Lets the bridge see the end before there is more to send.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let sent = soon(async {
        loop {
            visit.write_all(&part).await?;
        }
    });
    let ended: io::Result<()> = sent.await;
    ended.unwrap_err();
}

#[tokio::test]
async fn reaches_a_relay_elsewhere() {
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = relay.local_addr().unwrap();
    let home = Home::Elsewhere(at.to_string());
    let bridge = Bridge::new(home, BridgeConfig::at([127, 0, 0, 1].into()));
    let tunnel = Tunnel::in_memory(&bridge, HERE);
    let mut link = tunnel.say("X_RELAY").await;
    let (mut socket, _) = soon(relay.accept()).await.unwrap();
    link.write_all(b"X_NICK bob\n").await.unwrap();
    let mut said = [0; 11];
    soon(socket.read_exact(&mut said)).await.unwrap();
    assert_eq!(&said, b"X_NICK bob\n");
    socket.write_all(b"X_NICK bob YES\n").await.unwrap();
    assert_eq!(read_line(&mut link).await, "X_NICK bob YES");
    // What the bridge does not use passes as it is (section 5.8).
    link.write_all(b"X_MEET alice\n").await.unwrap();
    let mut said = [0; 13];
    soon(socket.read_exact(&mut said)).await.unwrap();
    assert_eq!(&said, b"X_MEET alice\n");
    for line in
        ["X_MEET alice BwcHBwcHBwcHBwcHBwcHBw== 9247", "X_MEET BwcHBwcHBwcHBwcHBwcHBw== 9247"]
    {
        socket.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        assert_eq!(read_line(&mut link).await, line);
    }
    // An X_INIT that it forwards permits a dial to a port that this bridge allocated.
    let alice = Tunnel::in_memory(&bridge, FAR);
    let mut to_alice = alice.say("X_RELAY").await;
    let (mut from_alice, _) = soon(relay.accept()).await.unwrap();
    from_alice.write_all(b"X_NICK alice YES\n").await.unwrap();
    assert_eq!(read_line(&mut to_alice).await, "X_NICK alice YES");
    let (_listener, at) = alice.listen().await;
    let (init, dial) = (format!("X_INIT bob {}", fields(at)), format!("X_DIAL {}", fields(at)));
    tunnel.refused(&dial, "is not authorised by any call or session").await;
    to_alice.write_all(format!("{init}\n").as_bytes()).await.unwrap();
    let mut called = vec![0; init.len() + 1];
    soon(from_alice.read_exact(&mut called)).await.unwrap();
    socket.write_all(&called).await.unwrap();
    assert_eq!(read_line(&mut link).await, init);
    assert_eq!(tunnel.ask(&dial).await.1, "YES");
    tunnel.refused("X_RELAY", "one X_RELAY").await;
    // The link ends with it.
    drop((socket, relay));
    assert_eq!(soon(link.read(&mut said)).await.unwrap(), 0);
    drop(link);
    tunnel.ask_until("X_RELAY", |answer| answer.contains("cannot reach the relay")).await;
}
