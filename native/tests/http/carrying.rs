//! A tunnel's bytes, in both directions.

use super::*;

#[tokio::test]
async fn echoes_ten_mebibytes_in_odd_pieces() {
    let front = Front::echo(HttpConfig::default()).await;
    let client = front.open(&[SUBPROTOCOL]).await.unwrap();
    let (mut to, mut from) = client.split();
    let sent = Bytes::from(numbered(10 << 20));
    let expected = sent.clone();
    let sending = tokio::spawn(async move {
        let mut rest = sent;
        for piece in [1, 0, 7, 4095, 65_537, 1 << 20, 12, 300_001].into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            to.send(Message::Binary(rest.split_to(piece.min(rest.len())))).await.unwrap();
        }
        to
    });
    let mut came = Vec::new();
    while came.len() < expected.len() {
        match timeout(PATIENCE, from.next()).await.unwrap().unwrap().unwrap() {
            Message::Binary(bytes) => {
                assert!(bytes.len() <= 65 * 1024);
                came.extend_from_slice(&bytes);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(came == expected);
    let mut to = sending.await.unwrap();
    to.send(Message::Close(None)).await.unwrap();
    assert!(matches!(timeout(PATIENCE, from.next()).await.unwrap(), Some(Ok(Message::Close(_)))));
    assert!(timeout(PATIENCE, from.next()).await.unwrap().is_none());
}

#[tokio::test]
async fn sends_writes_as_a_message_when_flushed() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    for piece in ["a", "few", "pieces"] {
        bytes.write_all(piece.as_bytes()).await.unwrap();
    }
    bytes.flush().await.unwrap();
    let message = timeout(PATIENCE, client.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(message, Message::binary("afewpieces"));

    bytes.write_all(b"last").await.unwrap();
    bytes.shutdown().await.unwrap();
    let message = timeout(PATIENCE, client.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(message, Message::binary("last"));
    assert_eq!(close_code(&mut client).await, CloseCode::Normal);
    let error = bytes.write_all(b"more").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn a_close_or_an_end_ends_the_stream() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    client.send(Message::binary("bye")).await.unwrap();
    client.close(None).await.unwrap();
    let mut came = Vec::new();
    timeout(PATIENCE, bytes.read_to_end(&mut came)).await.unwrap().unwrap();
    assert_eq!(came, b"bye");

    let (mut client, mut bytes) = front.both().await;
    client.get_mut().shutdown().await.unwrap();
    assert_eq!(timeout(PATIENCE, bytes.read(&mut [0; 9])).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn receives_frames_byte_by_byte() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    // A message in three frames with a ping between them, an empty message, and another.
    let mask = |payload: &[u8]| {
        payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(a, b)| a ^ b).collect::<Vec<_>>()
    };
    let mut sent = Vec::new();
    for (first, payload) in [
        (0x02, &b"some"[..]),
        (0x89, b"p"),
        (0x00, b" more "),
        (0x80, b"bytes"),
        (0x82, b""),
        (0x82, b"!"),
    ] {
        sent.extend([first, 0x80 | payload.len() as u8, 1, 2, 3, 4]);
        sent.extend(mask(payload));
    }
    // Each byte is read separately.
    let socket = client.get_mut();
    let mut came = Vec::new();
    for byte in sent {
        socket.write_all(&[byte]).await.unwrap();
        let mut room = [0; 9];
        tokio::select! {
            biased;
            read = bytes.read(&mut room) => came.extend_from_slice(&room[..read.unwrap()]),
            () = tokio::task::yield_now() => {}
        }
    }
    while came.len() < 16 {
        let mut room = [0; 9];
        let read = timeout(PATIENCE, bytes.read(&mut room)).await.unwrap().unwrap();
        came.extend_from_slice(&room[..read]);
    }
    assert_eq!(came, b"some more bytes!");
    let pong = timeout(PATIENCE, client.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"p")));
}
