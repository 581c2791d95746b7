//! Requests that the bridge refuses, one a test.

use xcher_core::tunnel::{MAX_STREAMS, MAX_VISITORS};

use super::*;

/// Lets a client at `caller` call `bob`, a client at `client`, and name `to`. The relay forwards any address.
/// Returns the answer to bob's dial of `to`.
async fn called_and_dialled(caller: &str, client: &str, to: &str) -> String {
    let front = front().await;
    let (alice, bob) = (front.open(caller).await, front.open(client).await);
    let (mut to_alice, mut to_bob) = (alice.join("alice").await, bob.join("bob").await);
    call(&mut to_alice, &mut to_bob, to.parse().unwrap()).await;
    bob.ask(&format!("X_DIAL {}", fields(to.parse().unwrap()))).await.1
}

#[tokio::test]
async fn a_dial_to_an_address_no_x_init_brought() {
    let front = front().await;
    let tunnel = front.open(HERE).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tunnel
        .refused(&format!("X_DIAL {}", fields(at)), "is not authorised by any call or session")
        .await;
    tunnel.refused("X_DIAL 8.8.8.8 8080", "is not authorised by any call or session").await;
}

#[tokio::test]
async fn a_dial_to_loopback() {
    // A port with a listener.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().to_string();
    for client in [FAR, "192.168.1.9:1"] {
        let answer = called_and_dialled(HERE, client, &at).await;
        assert!(answer.contains("is not a port that this bridge allocated"), "{answer}");
    }
    assert_eq!(
        called_and_dialled(HERE, HERE, &at).await,
        "YES",
        "a client on the bridge's own host"
    );
}

#[tokio::test]
async fn a_dial_to_a_private_address() {
    for to in ["10.0.0.1:8080", "192.168.1.1:8080", "172.16.0.1:8080"] {
        let answer = called_and_dialled(to, FAR, to).await;
        assert!(answer.contains("is not allowed over this relay"), "{to}: {answer}");
        // An address that is not the caller's, even for a client near it.
        for client in [HERE, "10.0.0.7:1", "192.168.1.7:1"] {
            let answer = called_and_dialled(HERE, client, to).await;
            assert!(answer.contains("is not authorised by any call or session"), "{to}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_dial_to_a_link_local_or_metadata_address() {
    for client in [FAR, HERE] {
        for to in ["169.254.169.254:8080", "169.254.0.1:8080"] {
            let answer = called_and_dialled(to, client, to).await;
            assert!(answer.contains("is not allowed over this relay"), "{client} {to}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_dial_to_a_port_below_1024() {
    let front = front().await;
    let mut alice = front.open(HERE).await;
    alice.refused("X_DIAL 127.0.0.1 80", "is below 1024").await;
    // In a session too.
    let (_listener, at) = alice.await_caller("alice").await;
    let _session = TcpStream::connect(at).await.unwrap();
    let _visit = alice.visitor().await;
    alice.refused("X_DIAL 127.0.0.1 1023", "is below 1024").await;
}

#[tokio::test]
async fn a_dial_after_the_session_ended() {
    let front = front().await;
    let mut alice = front.open(HERE).await;
    let (_listener, at) = alice.await_caller("alice").await;
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dial = format!("X_DIAL {}", fields(target.local_addr().unwrap()));
    let session = TcpStream::connect(at).await.unwrap();
    let visit = alice.visitor().await;
    assert_eq!(alice.ask(&dial).await.1, "YES");
    drop((session, visit));
    alice
        .ask_until(&dial, |answer| answer.contains("is not authorised by any call or session"))
        .await;
}

#[tokio::test]
async fn a_wrong_origin() {
    let front = front().await;
    let refused = front.web_socket(HERE, &[("origin", "https://evil.example")]).await;
    assert_eq!(refused.unwrap_err(), 403);
}

#[tokio::test]
async fn a_missing_or_wrong_token() {
    let front =
        Front::start(with(Access { token: Some("right".into()), ..Default::default() })).await;
    for headers in [&[][..], &[("authorization", "Bearer wrong")]] {
        assert_eq!(front.web_socket(HERE, headers).await.unwrap_err(), 401);
    }
    front.web_socket(HERE, &[("authorization", "Bearer right")]).await.unwrap();
}

#[tokio::test]
async fn a_tunnel_too_many_of_one_address() {
    let config = HttpConfig { max_tunnels_per_address: 1, max_tunnels: 2, ..Default::default() };
    let front = Front::start(config).await;
    let _first = front.web_socket("8.8.8.8", &[]).await.unwrap();
    assert_eq!(front.web_socket("8.8.8.8", &[]).await.unwrap_err(), 429);
    let _second = front.web_socket("9.9.9.9", &[]).await.unwrap();
    assert_eq!(
        front.web_socket("1.1.1.1", &[]).await.unwrap_err(),
        503,
        "a tunnel too many in all"
    );
}

#[tokio::test]
async fn too_many_streams() {
    let front = front().await;
    let mut alice = front.open(HERE).await;
    let mut streams = Vec::new();
    for _ in 0..MAX_STREAMS - 2 {
        // A stream with an incomplete first line counts too.
        streams.push(alice.say_part("X_REL").await);
    }
    let ([_relay, listener], at) = alice.await_caller("alice").await;
    alice.refused("X_LISTEN", "expected at most 128 streams").await;
    // The other streams and visitors are not affected.
    let _visitor = TcpStream::connect(at).await.unwrap();
    let _visit = alice.visitor().await;
    drop((streams, listener));
    alice.ask_until("X_LISTEN", |answer| answer.starts_with("X_LISTEN ")).await;
}

#[tokio::test]
async fn visitors_too_many() {
    let front = front().await;
    let mut alice = front.open(HERE).await;
    let (_listener, at) = alice.await_caller("alice").await;
    let mut visitors = Vec::new();
    for _ in 0..MAX_VISITORS {
        visitors.push((TcpStream::connect(at).await.unwrap(), alice.visitor().await));
    }
    let mut late = TcpStream::connect(at).await.unwrap();
    let cut = soon(late.read(&mut [0])).await.unwrap_err();
    assert_eq!(cut.kind(), io::ErrorKind::ConnectionReset);
    // The tunnel continues.
    visitors.pop();
    soon(async {
        loop {
            let (mut again, mut byte) = (TcpStream::connect(at).await.unwrap(), [0]);
            tokio::select! {
                _ = alice.visitor() => break,
                end = again.read(&mut byte) => assert!(end.is_err()),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_frame_too_large() {
    let front = front().await;
    let mut socket = front.web_socket(HERE, &[]).await.unwrap();
    // It is closed before its bytes arrive.
    let head = [0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0x10, 0, 1, 1, 2, 3, 4];
    socket.get_mut().write_all(&head).await.unwrap();
    let closed = async {
        loop {
            // Skips yamux's first frames.
            if let Message::Close(close) = socket.next().await.unwrap().unwrap() {
                break close.unwrap().code;
            }
        }
    };
    assert_eq!(u16::from(soon(closed).await), 1009);

    // A yamux frame that is too large, in a valid message.
    let mut socket = front.web_socket(HERE, &[]).await.unwrap();
    let head = [0, 0, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff];
    socket.send(Message::binary(head.to_vec())).await.unwrap();
    while let Some(Ok(_)) = soon(socket.next()).await {}
}

#[tokio::test]
async fn a_call_is_dialled_once() {
    let front = front().await;
    let (alice, bob) = (front.open(HERE).await, front.open(HERE).await);
    let (mut to_alice, mut to_bob) = (alice.join("alice").await, bob.join("bob").await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    call(&mut to_alice, &mut to_bob, at).await;
    let dial = format!("X_DIAL {}", fields(at));
    let (control, answer) = bob.ask(&dial).await;
    assert_eq!(answer, "YES");
    drop((control, listener.accept().await.unwrap()));
    bob.ask_until(&dial, |answer| answer.contains("is not authorised by any call or session"))
        .await;
}

#[tokio::test]
async fn invalid_first_lines() {
    let front = front().await;
    let tunnel = front.open(HERE).await;
    tunnel.refused("GET / HTTP/1.1", "expected X_RELAY").await;
    tunnel.refused("X_ACCEPT 4000 127.0.0.1 5000", "expected X_RELAY, X_LISTEN or X_DIAL").await;
    tunnel.refused("X_DIAL example.org 4000", "expected X_RELAY").await;
    tunnel.refused(&"x".repeat(400), "at most 256 bytes").await;
    let _relay = tunnel.join("alice").await;
    tunnel.refused("X_RELAY", "one X_RELAY a tunnel").await;
}
