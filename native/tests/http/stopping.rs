//! Stopping the server, within a second on an idle machine.

use super::pace::Pace;
use super::*;

#[tokio::test]
async fn stopping_closes_tunnels_and_idle_connections() {
    let front = Front::echo(HttpConfig::default()).await;
    let mut client = front.open(&[SUBPROTOCOL]).await.unwrap();
    client.send(Message::binary("x")).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::binary("x"));
    let mut idle = TcpStream::connect(front.addr).await.unwrap();
    let pace = Pace::start();
    front.stop.send(()).unwrap();
    assert_eq!(close_code(&mut client).await, CloseCode::Away);
    timeout(PATIENCE, front.done).await.unwrap().unwrap().unwrap();
    assert!(pace.elapsed() < Duration::from_secs(1));
    // An end or a reset: it may not have been accepted yet.
    assert!(matches!(idle.read(&mut [0]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn stopping_aborts_a_tunnel_that_does_not_end() {
    let stuck = |bytes: WsBytes, _| async move {
        std::future::pending::<()>().await;
        drop(bytes);
    };
    let front = Front::serve(HttpConfig::default(), stuck, mpsc::unbounded_channel().1).await;
    let mut client = front.open(&[SUBPROTOCOL]).await.unwrap();
    let pace = Pace::start();
    front.stop.send(()).unwrap();
    timeout(PATIENCE, front.done).await.unwrap().unwrap().unwrap();
    assert!(pace.elapsed() < Duration::from_secs(1));
    assert!(!matches!(timeout(PATIENCE, client.next()).await.unwrap(), Some(Ok(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_ends_only_its_own_tunnel() {
    let panics = |bytes: WsBytes, from: SocketAddr| async move {
        assert_ne!(from.ip().to_string(), "8.8.8.8", "the panic of this test");
        let (mut from, mut to) = tokio::io::split(bytes);
        let _ = tokio::io::copy(&mut from, &mut to).await;
    };
    let trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let config = with(Access { trusted_proxies, ..Default::default() });
    let front = Front::serve(config, panics, mpsc::unbounded_channel().1).await;
    let from = |ip| [SUBPROTOCOL, ("x-forwarded-for", ip)];
    let mut before = front.open(&from("9.9.9.9")).await.unwrap();
    let mut ends = front.open(&from("8.8.8.8")).await.unwrap();
    assert!(!matches!(timeout(PATIENCE, ends.next()).await.unwrap(), Some(Ok(_))));
    let mut after = front.open(&from("9.9.9.9")).await.unwrap();
    for client in [&mut before, &mut after] {
        client.send(Message::binary("x")).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::binary("x"));
    }
}

#[test]
fn the_release_unwinds_and_the_wasm_module_aborts() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let manifest: toml::Table = std::fs::read_to_string(manifest).unwrap().parse().unwrap();
    let panic = |profile: &str| manifest["profile"][profile].get("panic").and_then(|p| p.as_str());
    assert_eq!((panic("release"), panic("wasm")), (None, Some("abort")));
}
