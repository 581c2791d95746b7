//! What a tunnel gets.

use super::*;

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
async fn a_tunnel_meets_a_host_on_tcp_both_ways() {
    let front = front().await;
    let mut alice = front.open(HERE).await;
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
async fn a_tunnel_has_so_many_listeners_and_gets_them_back() {
    let front = front().await;
    let tunnel = front.open(HERE).await;
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
    let front = front().await;
    let mut alice = front.open(HERE).await;
    let (_listener, at) = alice.listen().await;
    let mut tcp = TcpStream::connect(at).await.unwrap();
    let (_visit, _) = alice.visitor().await;
    alice.run.abort();
    let mut rest = Vec::new();
    let cut = soon(tcp.read_to_end(&mut rest)).await.unwrap_err();
    assert_eq!((cut.kind(), rest.len()), (io::ErrorKind::ConnectionReset, 0));
    soon(async {
        while TcpStream::connect(at).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_reset_resets_its_connection_and_the_other_way_round() {
    let front = front().await;
    let mut alice = front.open(HERE).await;
    let (_listener, at) = alice.listen().await;
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
    assert!(visit.get_ref().is_closed());
}
