//! Two clients of a bridge that work together get no more access than an honestly called one.

use super::*;

/// Connects the tunnels of Mallory and Mirko, who work together: Mirko's is connected to Mallory's listener.
async fn colluders(front: &Front) -> (Tunnel, Tunnel, [Stream; 5], SocketAddr) {
    let (mut mallory, mirko) = (front.open(HERE).await, front.open(HERE).await);
    let (mut to_mallory, mut to_bob) = (mallory.join("mallory").await, mirko.join("bob").await);
    let (listener, at) = mallory.listen().await;
    call(&mut to_mallory, &mut to_bob, at).await;
    let (control, answer) = mirko.ask(&format!("X_DIAL {}", fields(at))).await;
    assert_eq!(answer, "YES");
    let (visit, _) = mallory.visitor().await;
    (mallory, mirko, [to_mallory, to_bob, listener, control, visit], at)
}

#[tokio::test]
async fn reaches_its_own_machine_only_at_allocated_ports() {
    let front = front().await;
    let (mallory, mirko, _session, at) = colluders(&front).await;
    let victim = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = SocketAddr::new(at.ip(), victim.local_addr().unwrap().port());
    for tunnel in [&mallory, &mirko] {
        tunnel.refused(&format!("X_DIAL {}", fields(to)), " is not ").await;
        // The bridge's own HTTP port included.
        tunnel.refused(&format!("X_DIAL {}", fields(front.addr)), " is not ").await;
    }
    // A dial reaches the other's listeners, and only while they are allocated.
    let (listener, data) = mallory.listen().await;
    let dial = format!("X_DIAL {}", fields(data));
    assert_eq!(mirko.ask(&dial).await.1, "YES");
    drop(listener);
    mirko.ask_until(&dial, |answer| answer.starts_with("NO ")).await;
}

#[tokio::test]
async fn a_connection_to_one_client_permits_no_dial_to_another() {
    let front = front().await;
    let (_mallory, mirko, _session, _) = colluders(&front).await;
    let carol = front.open("1.1.1.1:1").await;
    let _relay = carol.join("carol").await;
    let (_listener, at) = carol.listen().await;
    mirko.refused(&format!("X_DIAL {}", fields(at)), " is not ").await;
}

#[tokio::test]
async fn permits_only_the_callers_own_private_address() {
    // This relay forwards any address.
    let front = front().await;
    let (mallory, page) = (front.open("192.168.1.9:1").await, front.open("192.168.1.8:1").await);
    let (mut to_mallory, mut to_page) = (mallory.join("mallory").await, page.join("bob").await);
    for to in ["192.168.1.1:8080", "10.0.0.1:8080", "127.0.0.1:8080"] {
        let to: SocketAddr = to.parse().unwrap();
        call(&mut to_mallory, &mut to_page, to).await;
        page.refused(&format!("X_DIAL {}", fields(to)), " is not ").await;
    }
}

#[tokio::test]
async fn with_a_relay_elsewhere_no_private_address_is_reached() {
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let home = Home::Elsewhere(relay.local_addr().unwrap().to_string());
    let bridge = Bridge::new(home, BridgeConfig::at([127, 0, 0, 1].into()));
    let victim = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = victim.local_addr().unwrap().port();
    for client in [HERE, FAR, "192.168.1.9:1"] {
        let tunnel = Tunnel::in_memory(&bridge, client);
        let mut link = tunnel.say("X_RELAY").await;
        link.write_all(b"X_NICK bob\n").await.unwrap();
        let (mut socket, _) = soon(relay.accept()).await.unwrap();
        socket.write_all(b"X_NICK bob YES\n").await.unwrap();
        assert_eq!(read_line(&mut link).await, "X_NICK bob YES");
        for ip in ["127.0.0.1", "192.168.1.1", "10.0.0.1", "169.254.169.254"] {
            socket.write_all(format!("X_INIT bob {ip} {port}\n").as_bytes()).await.unwrap();
            read_line(&mut link).await;
            tunnel.refused(&format!("X_DIAL {ip} {port}"), " is not ").await;
        }
    }
}

#[tokio::test]
async fn visitors_without_a_call_are_refused() {
    let front = front().await;
    let tunnel = front.open(FAR).await;
    tunnel.refused("X_LISTEN", "X_LISTEN needs a nick").await;
    let _relay = tunnel.join("mallory").await;
    let (_listener, at) = tunnel.listen().await;
    // No call named its port.
    let mut visitor = TcpStream::connect(at).await.unwrap();
    let end = soon(visitor.read(&mut [0])).await.unwrap_err();
    assert_eq!(end.kind(), io::ErrorKind::ConnectionReset);
}
