//! The end of the front.

use super::*;

#[tokio::test]
async fn stopping_closes_tunnels_and_idle_connections() {
    let front = Front::echo(HttpConfig::default()).await;
    let mut client = front.open(&[SUBPROTOCOL]).await.unwrap();
    client.send(Message::binary("x")).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::binary("x"));
    let mut idle = TcpStream::connect(front.addr).await.unwrap();
    let began = Instant::now();
    front.stop.send(()).unwrap();
    assert_eq!(close_code(&mut client).await, CloseCode::Away);
    timeout(PATIENCE, front.done).await.unwrap().unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
    // Its end or its reset: it may not have been accepted yet.
    assert!(matches!(idle.read(&mut [0]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn stopping_cuts_a_tunnel_that_does_not_end() {
    let stuck = |bytes: WsBytes, _| async move {
        std::future::pending::<()>().await;
        drop(bytes);
    };
    let front = Front::serve(HttpConfig::default(), stuck, mpsc::unbounded_channel().1).await;
    let mut client = front.open(&[SUBPROTOCOL]).await.unwrap();
    let began = Instant::now();
    front.stop.send(()).unwrap();
    timeout(PATIENCE, front.done).await.unwrap().unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(!matches!(timeout(PATIENCE, client.next()).await.unwrap(), Some(Ok(_))));
}
